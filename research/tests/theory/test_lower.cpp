// SPDX-License-Identifier: Apache-2.0
// Lower bounds: known answers (computed independently in plain doubles), inverses, caps and exponents.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "normdescent/theory/lower_others.hpp"
#include "normdescent/theory/lower_sgd.hpp"
#include "normdescent/theory/lower_sign.hpp"
#include "normdescent/theory/speedup.hpp"
#include "theory/support.hpp"

namespace normdescent {
namespace {

using test::log_uniform;

const ProblemConstants kSign{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};

TEST(LowerSign, KnownAnswers) {
  EXPECT_NEAR(lower_sign(kSign, 1e4).value, 0.02506258, 5e-9);
  ProblemConstants heavy = kSign;
  heavy.tail = 1.5;
  EXPECT_NEAR(lower_sign(heavy, 1e4).value, 0.03002811, 5e-9);
}

TEST(LowerSign, IsAboveEachOfItsTermsAlone) {
  // L Delta = 2, S = 0.5, N = 1e4: the terms alone are 0.0025 and 0.025.
  const double value = lower_sign(kSign, 1e4).value;
  EXPECT_GT(value, std::sqrt(2.0 / (32 * 1e4)));
  EXPECT_GT(value, std::pow(2.0 * 0.25 / (128 * 1e4), 0.25));
}

TEST(LowerSign, SamplesInvertTheBound) {
  Philox random(3);
  for (int trial = 0; trial < 2000; ++trial) {
    const double tail = trial % 2 == 0 ? 2.0 : 1.05 + 0.9 * random.uniform();
    const ProblemConstants constants = test::random_constants(random, tail);
    const double epsilon = 0.25 * std::sqrt(constants.smoothness * constants.initial_gap) * log_uniform(random, -5, 0);
    const double samples = lower_sign_samples(constants, epsilon).value;
    if (!(samples >= 1.0) || !std::isfinite(samples)) continue;
    EXPECT_NEAR(lower_sign(constants, samples).value / epsilon, 1.0, 1e-11) << "p = " << tail;
  }
}

TEST(LowerSign, SaturatesBelowHalfPlusTwiceTheNoiseRatio) {
  // N = 1/2 + 2 S^2/(L Delta) is where the formula meets its cap sqrt(L Delta)/4.
  const ProblemConstants noisy{.initial_gap = 1.0, .smoothness = 2.0, .noise = 10.0};
  const Bound early = lower_sign(noisy, 100.0);
  ASSERT_TRUE(early.has(FlagKind::saturated));
  EXPECT_DOUBLE_EQ(early.value, 0.25 * std::numbers::sqrt2);
  EXPECT_NEAR(early.flags.front().threshold, 100.5, 1e-9);
  EXPECT_FALSE(lower_sign(noisy, 101.0).has(FlagKind::saturated));
  EXPECT_TRUE(lower_sign_samples(noisy, 0.36).has(FlagKind::saturated));
  EXPECT_EQ(lower_sign_samples(noisy, 0.36).value, 0.0);
}

TEST(LowerSign, ExponentInEpsilonIsTwoPlusOneOverTheta) {
  for (const double p : {1.05, 1.2, 1.5, 1.8, 2.0}) {
    const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 1.0, .noise = 1.0, .tail = p};
    const double slope =
        (lower_sign_samples(constants, 1e-12).log10_value - lower_sign_samples(constants, 1e-10).log10_value) / -2.0;
    EXPECT_NEAR(slope, -(3 * p - 2) / (p - 1), 1e-9) << p;
  }
}

TEST(LowerSign, LogarithmsSurviveWhereDoublesDoNot) {
  const ProblemConstants constants{.initial_gap = 1e3, .smoothness = 1e9, .noise = 1e3, .tail = 1.05};
  const Bound bound = lower_sign_samples(constants, 1e-12);
  EXPECT_TRUE(std::isinf(bound.value));
  EXPECT_TRUE(bound.has(FlagKind::beyond_double_range));
  // log10 of L Delta/(32 eps^2) (S/(2^(1+1/p) eps))^21
  const double expected = 12 - std::log10(32.0) + 24 + 21 * (15 - (1 + 1 / 1.05) * std::log10(2.0));
  EXPECT_NEAR(bound.log10_value, expected, 1e-9);
}

const SeparableConstants kFour{.initial_gap = 1.0,
                               .coordinates = {{1, 1.0, 0.4}, {1, 0.5, 0.3}, {1, 0.25, 0.2}, {1, 0.25, 0.1}}};

TEST(LowerSgd, ClosedFormKnownAnswersAndThreshold) {
  EXPECT_NEAR(lower_sgd_closed_form(kFour, 1e6).value, 0.00419215, 5e-9);
  const Bound early = lower_sgd_closed_form(kFour, 100);
  EXPECT_NEAR(early.value, 0.04987650, 5e-9);
  ASSERT_TRUE(early.has(FlagKind::below_horizon_threshold));
  // max{16/2, 64 (sum sigma_i sqrt L_i)^2 8}, the sum being 0.4 + 0.3/sqrt 2 + 0.1 + 0.05
  const double sum = 0.55 + 0.3 / std::numbers::sqrt2;
  EXPECT_NEAR(early.flags.front().threshold, 512 * sum * sum, 1e-9);
  EXPECT_FALSE(lower_sgd_closed_form(kFour, 1e6).has(FlagKind::below_horizon_threshold));
}

// Reference twin: the minimum over a plain grid of eta with left limits at the jumps, never below the infimum.
double grid_minimum(const SeparableConstants& constants, double steps, int points) {
  const double d = 4.0;
  const double low = std::log(1e-9 / steps);
  const double high = std::log(16.0);
  double best = 1e300;
  for (int k = 0; k <= points; ++k) {
    const double eta = std::exp(low + (high - low) * k / points);
    double sum = 0.0;
    for (const auto& [count, smoothness, noise] : constants.coordinates) {
      const double gap = constants.initial_gap / d;
      const double cap = std::sqrt(2.0 * smoothness * gap);
      const double drift = 0.5 * std::sqrt(gap / (2.0 * eta * steps + 0.5 / smoothness));
      const double floor = constants.tail == 2.0
                               ? noise * std::sqrt(smoothness * eta / 2.0)
                               : std::pow(2.0, -1.0 / constants.tail) * noise *
                                     std::pow(eta * smoothness / 2.0, averaging_exponent(constants.tail));
      sum += count * (eta > 2.0 / smoothness ? cap : std::max(drift, std::min(floor, cap)));
    }
    best = std::min(best, sum);
  }
  return best;
}

TEST(LowerSgd, CertifiedInfimumLiesJustBelowTheGridMinimum) {
  // At 100000 points the grid is within half a grid step, 2e-4, of the infimum.
  SeparableConstants loud = kFour;  // floors at their caps
  for (auto& group : loud.coordinates) group.noise *= 100.0;
  SeparableConstants mixed = kFour;  // one floor at its cap where the others balance
  mixed.coordinates.front().noise = 1e4;
  SeparableConstants heavy = kFour;
  heavy.tail = 1.5;
  for (const SeparableConstants& constants : {kFour, loud, heavy, mixed}) {
    for (const double steps : {1.0, 10.0, 100.0, 1e4, 1e6}) {
      const double grid = grid_minimum(constants, steps, 100000);
      const double certified = lower_sgd_numeric(constants, steps).value;
      EXPECT_LE(certified, grid * (1 + 1e-12)) << steps;
      EXPECT_GE(certified, grid * (1 - 2e-4 - kInfimumTolerance)) << steps;
    }
  }
  // Coarse grids of earlier computations read 0.025155 and 0.246929.
  EXPECT_NEAR(lower_sgd_numeric(kFour, 1e6).value, 0.0251532, 5e-7);
  EXPECT_NEAR(lower_sgd_numeric(kFour, 100).value, 0.2468742, 4e-6);
}

TEST(LowerSgd, NumericBoundIsNeverWeakerThanTheClosedForm) {
  Philox random(17);
  for (int trial = 0; trial < 300; ++trial) {
    SeparableConstants constants{.initial_gap = log_uniform(random, -2, 2), .coordinates = {}};
    for (int i = 0; i < 5; ++i)
      constants.coordinates.push_back({1.0, log_uniform(random, -2, 0), log_uniform(random, -2, 1)});
    const double steps = log_uniform(random, 0, 8);
    EXPECT_GE(lower_sgd_numeric(constants, steps).value, lower_sgd_closed_form(constants, steps).value);
  }
}

TEST(LowerSgd, GroupsAreCoordinates) {
  const SeparableConstants grouped{.initial_gap = 1.0, .coordinates = {{3, 0.5, 0.2}, {1, 1.0, 0.0}}};
  const SeparableConstants single{.initial_gap = 1.0,
                                  .coordinates = {{1, 0.5, 0.2}, {1, 1.0, 0.0}, {1, 0.5, 0.2}, {1, 0.5, 0.2}}};
  EXPECT_NEAR(lower_sgd_numeric(grouped, 1000).value, lower_sgd_numeric(single, 1000).value, 1e-6);
  EXPECT_NEAR(lower_sgd_closed_form(grouped, 1000).value, lower_sgd_closed_form(single, 1000).value, 1e-15);
}

TEST(LowerSgd, NoiseProfileHasItsScaleAndDensity) {
  Philox random(23);
  for (int trial = 0; trial < 500; ++trial) {
    const double d = std::floor(log_uniform(random, 0, 9));
    const double density = std::min(1.0, log_uniform(random, -std::log10(d), 0) * (1 + 1e-15));
    const double tail = trial % 2 == 0 ? 2.0 : 1.1 + 0.8 * random.uniform();
    const auto groups = noise_with_density(3.0, {d, density}, tail);
    double count = 0.0, sum = 0.0, power = 0.0;
    for (const auto& group : groups) {
      count += group.count;
      sum += group.count * group.noise;
      power += group.count * std::pow(group.noise, tail);
    }
    EXPECT_EQ(count, d);
    EXPECT_NEAR(sum, 3.0, 1e-12);
    EXPECT_NEAR(noise_density(sum, std::pow(power, 1 / tail), d, tail) / density, 1.0, 1e-8) << d << " " << density;
  }
}

TEST(LowerSgd, HardInstancesStayInTheirClass) {
  for (const auto& instance : sgd_hard_instances(1.0, 2.0, 0.5, {100.0, 0.135}, 2.0)) {
    double curvature = 0.0, noise = 0.0, count = 0.0;
    for (const auto& group : instance.coordinates) {
      curvature += group.count * group.smoothness;
      noise += group.count * group.noise;
      count += group.count;
    }
    EXPECT_NEAR(curvature, 2.0, 1e-12);
    EXPECT_NEAR(noise, 0.5, 1e-12);
    EXPECT_EQ(count, 100.0);
  }
}

TEST(LowerSgd, SamplesGrowAsTheDimensionWithoutNoise) {
  const auto samples = [](double d) {
    return lower_sgd_samples(sgd_hard_instances(1.0, 1.0, 0.0, {d, 1.0}, 2.0), 1e-7).log10_value;
  };
  EXPECT_NEAR(samples(1e4) - samples(1e2), 2.0, 0.02);
}

TEST(LowerSgd, SamplesGrowAsOneOverTheDensityWithNoise) {
  // The noise term S^2 L Delta/(phi eps^4), at epsilon so small that T is beyond the asymptotic threshold.
  const auto samples = [](double density) {
    return lower_sgd_samples(sgd_hard_instances(1.0, 1.0, 1.0, {1e6, density}, 2.0), 1e-12).log10_value;
  };
  EXPECT_NEAR(samples(1e-5) - samples(1e-3), 2.0, 0.01);
  // Dense noise is a further factor 16/2 cheaper: noise and drift then hold the same coordinates, and the larger counts
  // instead of the sum; but half the curvature is not spent on coordinates without noise.
  EXPECT_NEAR(samples(1e-3) - samples(1.0), 3.0 + std::log10(8.0), 0.01);
}

TEST(LowerSgd, ExponentInEpsilonIsTwoPlusOneOverTheta) {
  for (const double p : {1.2, 1.5, 1.8, 2.0}) {
    const auto instances = sgd_hard_instances(1.0, 1.0, 1.0, {16.0, 0.25}, p);
    const double slope =
        (lower_sgd_samples(instances, 1e-10).log10_value - lower_sgd_samples(instances, 1e-8).log10_value) / -2.0;
    EXPECT_NEAR(slope, -(3 * p - 2) / (p - 1), 0.01 * (3 * p - 2) / (p - 1)) << p;
  }
}

TEST(LowerSgd, HeavyTailConstantIsAboutOneHalf) {
  // T large, curvature proportional to sigma_i^p: value over (d L Delta/T)^(theta/(1+2 theta)) ||sigma||_p^(1/(1+2
  // theta)).
  for (const double p : {1.3, 1.5, 1.8}) {
    const double theta = averaging_exponent(p);
    const double steps = 1e20;
    const SeparableConstants even{.initial_gap = 1.0, .tail = p, .coordinates = {{16.0, 1.0 / 16, 1.0}}};
    const double norm_p = std::pow(16.0, 1 / p);
    const double rate = std::pow(16.0 / steps, theta / (1 + 2 * theta)) * std::pow(norm_p, 1 / (1 + 2 * theta));
    const double constant = lower_sgd_numeric(even, steps).value / rate;
    EXPECT_GT(constant, 0.35) << p;
    EXPECT_LT(constant, 0.75) << p;
  }
}

TEST(LowerOthers, KnownAnswers) {
  EXPECT_NEAR(lower_deterministic_steps(kSign, 0.1).value, 200.0, 1e-9);
  // max{sqrt(2 log 201/100)/32, (0.25 2/100 log(1 + 200/2))^(1/4)/16}
  EXPECT_NEAR(lower_adagrad(kSign, 100).value,
              std::max(std::sqrt(2 * std::log(201.0) / 100) / 32, std::pow(0.005 * std::log(101.0), 0.25) / 16), 1e-14);
  const double e2 = std::exp(-2.0);
  const Bound unstructured = lower_sign_momentum_unstructured(kSign, 100.0, 1e6);
  EXPECT_NEAR(unstructured.value, e2 * std::pow(5.0, -0.25) * std::pow(100 * 2 * 0.25, 0.25) / 1e3, 1e-15);
  const Bound early = lower_sign_momentum_unstructured(kSign, 100.0, 1.0);
  EXPECT_NEAR(early.value, e2 * std::pow(5.0, -0.5) * 0.5, 1e-15);
  EXPECT_TRUE(early.has(FlagKind::saturated));
}

TEST(LowerOthers, ZeroRespectingChainKnownAnswer) {
  const ProblemConstants euclidean{.geometry = "euclidean", .initial_gap = 1.0, .smoothness = 7296.0, .noise = 46.0};
  // epsilon = 0.1: T = 100, q = (4.6/46)^2 = 0.01
  EXPECT_NEAR(lower_zero_respecting_samples(euclidean, 0.1).value, 99 / 0.02, 1e-8);
  ProblemConstants exact = euclidean;
  exact.noise = 0.0;
  EXPECT_NEAR(lower_zero_respecting_samples(exact, 0.1).value, 100.0, 1e-10);
  EXPECT_TRUE(lower_zero_respecting_samples(euclidean, 1.0).has(FlagKind::saturated));
}

}  // namespace
}  // namespace normdescent
