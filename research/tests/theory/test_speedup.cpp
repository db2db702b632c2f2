// SPDX-License-Identifier: Apache-2.0
// Speed-ups: known answers, limits, and invariances that the formulas promise.
#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/theory/constants.hpp"
#include "normdescent/theory/speedup.hpp"
#include "theory/support.hpp"

namespace normdescent {
namespace {

TEST(Speedup, DensityKnownAnswers) {
  EXPECT_DOUBLE_EQ(noise_density(1.0, 1.0, 4.0), 0.25);
  EXPECT_DOUBLE_EQ(noise_density(4.0, 2.0, 4.0), 1.0);
  EXPECT_NEAR(noise_density(7.0, 5.0, 2.0), 0.98, 1e-15);
  const auto norm = [](double p) { return std::pow(1 + std::pow(2, p) + std::pow(3, p) + std::pow(4, p), 1 / p); };
  EXPECT_NEAR(noise_density(10.0, norm(1.5), 4.0, 1.5), 0.8625558373, 1e-10);
  EXPECT_NEAR(noise_density(10.0, norm(1.2), 4.0, 1.2), 0.8834610782, 1e-10);
  EXPECT_NEAR(noise_density(7.0, std::pow(std::pow(3, 1.5) + std::pow(4, 1.5), 1 / 1.5), 2.0, 1.5), 0.9848486137,
              1e-10);
  EXPECT_REFUSED(noise_density(1.0, 2.0, 4.0), "must be in [1/dimension, 1]");
}

TEST(Speedup, WorstCaseRatios) {
  const SpeedupOverSgd sign = speedup_sign_over_sgd(1e9, 1e-9);
  EXPECT_EQ(sign.deterministic, 1e9);
  EXPECT_NEAR(sign.noise / 1e9, 1.0, 1e-12);
  EXPECT_EQ(speedup_muon_over_sgd(768, 0.5).noise, 2.0);
  EXPECT_DOUBLE_EQ(speedup_adagrad_over_sgd(100, 0.1, 0.2, 0.3).noise, 0.45);  // below 1: SGD wins
  EXPECT_REFUSED(speedup_sign_over_sgd(100, 0.009), "density = 0.009, must be in [1/dimension, 1] = [0.01, 1]");
  EXPECT_REFUSED(speedup_muon_over_sgd(100, 1.5), "nuclear_density = 1.5, must be in [1/rank, 1]");
}

TEST(Speedup, AtATargetLiesBetweenItsTermsAndReachesBoth) {
  const SpeedupOverSgd speedup{.deterministic = 1e4, .noise = 3.0};
  EXPECT_NEAR(speedup_at(speedup, 1.0, 1e6), 1e4, 1e-3);
  EXPECT_NEAR(speedup_at(speedup, 1.0, 1e-12), 3.0, 1e-9);
  EXPECT_NEAR(speedup_at(speedup, 1.0, 1.0), (1e4 + 3) / 2, 1e-8);
  EXPECT_NEAR(speedup_at(speedup, 0.0, 0.1), 1e4, 1e-8);
  EXPECT_NEAR(speedup_at(speedup, 1e3, 1e-12, 1.05), 3.0, 1e-9);  // x = 1e315
}

TEST(Speedup, MatchedAccuracyReproducesPublishedMeasurements) {
  // LionMuon's FineWeb figures: alpha = ||G||_1/||G||_nuc = 67, rho_nuc 13.6, rho_1 894, L_* 0.79, L_inf 857: sample
  // ratio of Lion over Muon 0.23, deterministic part 0.24; WikiText-103: 0.17 and 0.16.
  const GeometryAtPoint lion{.smoothness = 857, .noise = 894, .gradient_norm = 67};
  const GeometryAtPoint muon{.smoothness = 0.79, .noise = 13.6, .gradient_norm = 1};
  EXPECT_NEAR(matched_accuracy_speedup(lion, muon).deterministic, 0.24, 0.005);
  EXPECT_NEAR(matched_accuracy_speedup(lion, muon).noise, 0.23, 0.005);
  const GeometryAtPoint lion2{.smoothness = 1312, .noise = 835, .gradient_norm = 75};
  const GeometryAtPoint muon2{.smoothness = 1.46, .noise = 10.9, .gradient_norm = 1};
  EXPECT_NEAR(matched_accuracy_speedup(lion2, muon2).deterministic, 0.16, 0.005);
  EXPECT_NEAR(matched_accuracy_speedup(lion2, muon2).noise, 0.17, 0.005);
}

TEST(Speedup, MatchedAccuracyIgnoresRescalingOfANormAndIsReciprocal) {
  Philox random(31);
  for (int trial = 0; trial < 200; ++trial) {
    const double tail = 1.1 + 0.9 * random.uniform();
    const GeometryAtPoint a{test::log_uniform(random, -3, 3), test::log_uniform(random, -3, 3),
                            test::log_uniform(random, -3, 3)};
    const GeometryAtPoint b{test::log_uniform(random, -3, 3), test::log_uniform(random, -3, 3),
                            test::log_uniform(random, -3, 3)};
    // Dual norm times c: S and ||grad|| times c, L times c^2.
    const double c = test::log_uniform(random, -2, 2);
    const GeometryAtPoint scaled{a.smoothness * c * c, a.noise * c, a.gradient_norm * c};
    const SpeedupOverSgd ab = matched_accuracy_speedup(a, b, tail);
    const SpeedupOverSgd same = matched_accuracy_speedup(scaled, b, tail);
    EXPECT_NEAR(same.deterministic / ab.deterministic, 1.0, 1e-11);
    EXPECT_NEAR(same.noise / ab.noise, 1.0, 1e-11);
    const SpeedupOverSgd ba = matched_accuracy_speedup(b, a, tail);
    EXPECT_NEAR(ab.noise * ba.noise, 1.0, 1e-11);
    EXPECT_NEAR(critical_batch(scaled, tail) / critical_batch(a, tail), 1.0, 1e-11);
  }
}

TEST(Speedup, CriticalBatchKnownAnswer) {
  EXPECT_NEAR(critical_batch({.noise = 3.0, .gradient_norm = 2.0}), 9.0, 1e-13);
  EXPECT_NEAR(critical_batch({.noise = 3.0, .gradient_norm = 2.0}, 1.5), std::pow(3 * averaging_constant(1.5), 3.0),
              1e-11);
}

}  // namespace
}  // namespace normdescent
