// SPDX-License-Identifier: Apache-2.0
// Known answers of the lower bounds (computed independently in plain doubles) and their limits.
#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/theory/lower_others.hpp"
#include "normdescent/theory/lower_sgd.hpp"
#include "normdescent/theory/lower_sign.hpp"

namespace normdescent {
namespace {

const ProblemConstants kSign{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};

TEST(LowerSign, KnownAnswers) {
  EXPECT_NEAR(lower_sign(kSign, 1e4).value, 0.02506258, 5e-9);
  ProblemConstants heavy = kSign;
  heavy.tail = 1.5;
  EXPECT_NEAR(lower_sign(heavy, 1e4).value, 0.03002811, 5e-9);
}

const SeparableConstants kFour{.initial_gap = 1.0,
                               .coordinates = {{1, 1.0, 0.4}, {1, 0.5, 0.3}, {1, 0.25, 0.2}, {1, 0.25, 0.1}}};

TEST(LowerSgd, KnownAnswers) {
  EXPECT_NEAR(lower_sgd_closed_form(kFour, 1e6).value, 0.00419215, 5e-9);
  EXPECT_NEAR(lower_sgd_closed_form(kFour, 100).value, 0.04987650, 5e-9);
}

// Reference twin: the minimum over a plain grid of eta with left limits at the jumps, always above the infimum.
double grid_minimum(const SeparableConstants& constants, double steps, int points) {
  const double d = 4.0;
  const double low = std::log(1e-3 / steps);
  const double high = std::log(16.0);
  double best = 1e300;
  for (int k = 0; k <= points; ++k) {
    const double eta = std::exp(low + (high - low) * k / points);
    double sum = 0.0;
    for (const auto& [count, smoothness, noise] : constants.coordinates) {
      const double gap = constants.initial_gap / d;
      const double cap = std::sqrt(2.0 * smoothness * gap);
      const double drift = 0.5 * std::sqrt(gap / (2.0 * eta * steps + 0.5 / smoothness));
      sum += count *
             (eta > 2.0 / smoothness ? cap : std::max(drift, std::min(noise * std::sqrt(smoothness * eta / 2.0), cap)));
    }
    best = std::min(best, sum);
  }
  return best;
}

TEST(LowerSgd, CertifiedInfimumLiesJustBelowTheGridMinimum) {
  // At 200000 points the grid is within half a grid step, 5e-5, of the infimum.
  for (const double steps : {1.0, 10.0, 100.0, 1e4, 1e6}) {
    const double grid = grid_minimum(kFour, steps, 200000);
    const double certified = lower_sgd_numeric(kFour, steps).value;
    EXPECT_LE(certified, grid * (1 + 1e-12)) << steps;
    EXPECT_GE(certified, grid * (1 - 6e-5)) << steps;
  }
  // Coarse grids of earlier computations read 0.025155 and 0.246929.
  EXPECT_NEAR(lower_sgd_numeric(kFour, 1e6).value, 0.0251532, 1e-7);
  EXPECT_NEAR(lower_sgd_numeric(kFour, 100).value, 0.2468742, 1e-6);
}

}  // namespace
}  // namespace normdescent
