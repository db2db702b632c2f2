// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/line_fit.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/statistics/distributions.hpp"

namespace normdescent {
namespace {

TEST(FitLine, MatchesHandComputation) {
  // Slope 5 / 5 = 1, intercept 1/2, residuals 1/2, -1/2, -1/2, 1/2: s^2 = 1 / 2, its error sqrt(1 / 10).
  const LineFit fit = fit_line(std::array{0.0, 1.0, 2.0, 3.0}, std::array{1.0, 1.0, 2.0, 4.0});
  EXPECT_DOUBLE_EQ(fit.slope, 1.0);
  EXPECT_DOUBLE_EQ(fit.intercept, 0.5);
  const double reach = 0.95 * std::sqrt(2.0 / (1.0 - 0.95 * 0.95)) * std::sqrt(0.1);  // t of two degrees
  EXPECT_NEAR(fit.slope_low, 1.0 - reach, 1e-12);
  EXPECT_NEAR(fit.slope_high, 1.0 + reach, 1e-12);
}

TEST(FitPower, FindsTheExponent) {
  std::vector<double> x;
  std::vector<double> y;
  for (int k = 1; k <= 8; ++k) {
    x.push_back(k);
    y.push_back(3 * std::pow(k, -2.5));
  }
  const LineFit fit = fit_power(x, y);
  EXPECT_NEAR(fit.slope, -2.5, 1e-12);
  EXPECT_NEAR(std::exp(fit.intercept), 3.0, 1e-11);
  EXPECT_NEAR(fit.slope_low, fit.slope_high, 1e-11);
}

TEST(FitLine, IntervalCoversTheSlopeAsOftenAsItSays) {
  constexpr int kSeeds = 200;
  const std::array x{0.0, 1.0, 2.0, 3.0, 4.0};  // three degrees of freedom: a normal's 1.96 would cover 86%
  int covered = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Philox random(seed);
    std::vector<double> y;
    for (const double place : x) y.push_back(2.0 - 0.5 * place + random.normal());
    const LineFit fit = fit_line(x, y);
    covered += fit.slope_low <= -0.5 && -0.5 <= fit.slope_high ? 1 : 0;
  }
  EXPECT_GT(binomial_p_value(covered, kSeeds, 0.95), 0.001) << covered;
}

TEST(FitLine, RefusesTooFewPointsAndOtherLengths) {
  EXPECT_THROW((void)fit_line(std::array{0.0, 1.0}, std::array{0.0, 1.0}), std::invalid_argument);
  EXPECT_THROW((void)fit_line(std::array{0.0, 1.0, 2.0}, std::array{0.0, 1.0}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
