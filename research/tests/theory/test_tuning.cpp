// SPDX-License-Identifier: Apache-2.0
// Tuned settings reach their targets over random inputs, with the published exponents, from d = 1 to astronomical
// counts.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "normdescent/theory/lower_sign.hpp"
#include "normdescent/theory/tuning.hpp"
#include "normdescent/theory/upper.hpp"
#include "theory/support.hpp"

namespace normdescent {
namespace {

using test::log_uniform;

// Round-off of whole counts is worth 1e-12, of logarithms 2e-13, of the sums a few ulp.
constexpr double kRoundOff = 1e-11;

struct Sweep {
  double largest = 0.0;  // bound/epsilon
  int evaluated = 0;
};

template <class Tune>
Sweep sweep(std::uint64_t seed, bool heavy_tails, const Tune& tune) {
  Philox random(seed);
  Sweep result;
  for (int trial = 0; trial < 3000; ++trial) {
    ProblemConstants constants = test::random_constants(random, heavy_tails ? 1.05 + 0.95 * random.uniform() : 2.0);
    const double epsilon = test::random_target(random, constants);
    const double batch = std::floor(log_uniform(random, 0, 3));
    const Tuning tuning = tune(constants, epsilon, batch, random);
    if (tuning.bound.has(FlagKind::beyond_double_range)) continue;
    EXPECT_EQ(tuning.run.steps, std::floor(tuning.run.steps));
    EXPECT_EQ(tuning.samples, tuning.run.steps * tuning.run.batch);
    result.largest = std::max(result.largest, tuning.bound.value / epsilon);
    ++result.evaluated;
  }
  EXPECT_GT(result.evaluated, 1000);
  return result;
}

TEST(Tuning, EveryMethodReachesItsTargetAndNoneIsTwiceTooCareful) {
  const auto expect_tight = [](const Sweep& result, const char* name) {
    EXPECT_LE(result.largest, 1.0 + kRoundOff) << name;
    EXPECT_GT(result.largest, 0.5) << name;
  };
  expect_tight(sweep(1, true, [](auto& c, double e, double, Philox&) { return tune_minibatch(c, e); }), "mini-batch");
  expect_tight(sweep(2, true, [](auto& c, double e, double b, Philox&) { return tune_momentum(c, e, b); }), "momentum");
  expect_tight(
      sweep(3, true, [](auto& c, double e, double b, Philox&) { return tune_momentum(c, e, b, MomentumStart::zero); }),
      "momentum from zero");
  expect_tight(sweep(4, true,
                     [](auto& c, double e, double b, Philox& random) {
                       return tune_lion(c, e, largest_start_gradient(c) * random.uniform(), b);
                     }),
               "lion");
  expect_tight(sweep(5, true,
                     [](auto& c, double e, double b, Philox& random) {
                       return tune_muonlight(c, e, largest_start_gradient(c) * random.uniform(), b);
                     }),
               "muonlight");
  expect_tight(sweep(6, true,
                     [](auto& c, double e, double b, Philox& random) {
                       return tune_extrapolation(c, e, log_uniform(random, -3, 3), b);
                     }),
               "extrapolation");
  expect_tight(sweep(7, false, [](auto& c, double e, double b, Philox&) { return tune_variance_reduction(c, e, b); }),
               "variance reduction");
  expect_tight(sweep(8, false,
                     [](auto& c, double e, double b, Philox&) {
                       c.geometry = "euclidean";
                       return tune_sgd(c, e, b);
                     }),
               "sgd");
}

TEST(Tuning, MinibatchKnownAnswer) {
  const Tuning tuning = tune_minibatch({.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5}, 0.1);
  EXPECT_EQ(tuning.run.steps, 1600.0);  // 8 Delta L/eps^2
  EXPECT_EQ(tuning.run.batch, 400.0);   // 16 S^2/eps^2
  EXPECT_EQ(tuning.samples, 640000.0);
  EXPECT_NEAR(tuning.run.learning_rate, 0.025, 1e-15);
  EXPECT_NEAR(tuning.bound.value, 0.1, 1e-14);
}

TEST(Tuning, LionAndMuonlightKnownAnswers) {
  const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5, .tail = 1.5};
  const double share = 0.1 / (averaging_constant(1.5) * 0.5);  // eps/(c_p S)
  const auto lion = std::get<LionAverage>(tune_lion(constants, 0.1, 2.0).estimator);
  EXPECT_NEAR(lion.averaging2, std::pow(share / 8, 3), 1e-16);
  EXPECT_NEAR(lion.averaging1, share / 8, 1e-15);
  const Tuning muonlight = tune_muonlight(constants, 0.1, 2.0);
  const auto average = std::get<LionAverage>(muonlight.estimator);
  const double a = std::pow(share / 12, 3);
  EXPECT_NEAR(average.averaging2, a, 1e-16);
  EXPECT_NEAR(average.averaging1, 1 - (1 - a) * (1 - a), 1e-15);
  EXPECT_NEAR(muonlight.run.learning_rate, 0.1 * a / 16, 1e-18);
  EXPECT_NEAR(muonlight.samples, std::ceil(64 * 2 / (a * 0.01)), 1.0);  // the first of two terms
}

TEST(Tuning, MinibatchAtAFixedBatchNeedsTheNoiseBelowTheTarget) {
  const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};
  const Tuning tuning = tune_minibatch(constants, 0.1, 400.0);
  EXPECT_EQ(tuning.run.steps, 1600.0);  // 2 Delta L/(eps/2)^2
  EXPECT_LE(tuning.bound.value, 0.1 * (1 + kRoundOff));
  const Tuning floor = tune_minibatch(constants, 0.1, 100.0);  // 2 S_B = 0.1
  ASSERT_TRUE(floor.bound.has(FlagKind::noise_floor_above_target));
  EXPECT_TRUE(std::isinf(floor.run.steps));
  EXPECT_EQ(floor.bound.flags.back().threshold, 101.0);
  EXPECT_TRUE(std::isfinite(tune_minibatch(constants, 0.1, 101.0).run.steps));
}

TEST(Tuning, TunedUpperBoundIsAtLeastEightTimesTheLowerBound) {
  // Same N for both, whole batches: the smallest ratio is about 8.
  Philox random(29);
  double smallest = std::numeric_limits<double>::infinity();
  for (int trial = 0; trial < 20000; ++trial) {
    const ProblemConstants constants = test::random_constants(random, 2.0);
    const Tuning tuning = tune_minibatch_for_horizon(constants, std::floor(log_uniform(random, 0, 8)));
    if (!std::isfinite(tuning.samples)) continue;
    smallest = std::min(smallest, tuning.bound.value / lower_sign(constants, tuning.samples).value);
  }
  EXPECT_GE(smallest, 7.9);
  EXPECT_LE(smallest, 8.1);
}

TEST(Tuning, ComplexityExponentsInEpsilon) {
  const auto slope = [](const auto& tune) { return (tune(1e-12).log10_samples - tune(1e-10).log10_samples) / -2.0; };
  for (const double p : {1.05, 1.2, 1.5, 1.8, 2.0}) {
    const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 1.0, .noise = 1.0, .tail = p};
    const double exponent = -(3 * p - 2) / (p - 1);
    EXPECT_NEAR(slope([&](double e) { return tune_minibatch(constants, e); }), exponent, 1e-6) << p;
    EXPECT_NEAR(slope([&](double e) { return tune_momentum(constants, e); }), exponent, 1e-6) << p;
    EXPECT_NEAR(slope([&](double e) { return tune_lion(constants, e, 1.0); }), exponent, 1e-6) << p;
    EXPECT_NEAR(slope([&](double e) { return tune_muonlight(constants, e, 1.0); }), exponent, 1e-6) << p;
  }
  // Terms of order S^3/eps^3 decide nothing at this scale: Delta and M large.
  const ProblemConstants gaussian{.initial_gap = 1e3, .smoothness = 1.0, .noise = 1.0};
  EXPECT_NEAR(slope([&](double e) { return tune_extrapolation(gaussian, e, 1e3); }), -3.5, 1e-6);
  EXPECT_NEAR(slope([&](double e) { return tune_variance_reduction(gaussian, e); }), -3.0, 1e-6);
}

TEST(Tuning, HorizonExponents) {
  const auto slope = [](const auto& tune) { return std::log10(tune(1e12).bound.value / tune(1e11).bound.value); };
  for (const double p : {1.2, 1.5, 1.8, 2.0}) {
    const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 1.0, .noise = 1.0, .tail = p};
    const double exponent = -(p - 1) / (3 * p - 2);
    EXPECT_NEAR(slope([&](double T) { return tune_momentum_for_horizon(constants, T); }), exponent, 1e-2) << p;
    EXPECT_NEAR(slope([&](double T) { return tune_lion_for_horizon(constants, T, 1.0); }), exponent, 1e-2) << p;
    EXPECT_NEAR(slope([&](double T) { return tune_minibatch_for_horizon(constants, T); }), -0.5, 1e-2) << p;
  }
  const ProblemConstants gaussian{.initial_gap = 1.0, .smoothness = 1.0, .noise = 1.0};
  EXPECT_NEAR(slope([&](double T) {
                return tune_for_horizon(gaussian, T, [&](double e) { return tune_variance_reduction(gaussian, e); });
              }),
              -1.0 / 3.0, 1e-2);
  EXPECT_NEAR(slope([&](double T) {
                return tune_for_horizon(gaussian, T, [&](double e) { return tune_extrapolation(gaussian, e, 1.0); });
              }),
              -2.0 / 7.0, 3e-2);
}

TEST(Tuning, HorizonSearchUsesTheHorizonAndSaysWhenItIsTooShort) {
  const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};
  const auto tune = [&](double epsilon) { return tune_variance_reduction(constants, epsilon); };
  const Tuning tuning = tune_for_horizon(constants, 1e5, tune);
  EXPECT_LE(tuning.run.steps, 1e5);
  EXPECT_GT(tuning.run.steps, 0.999 * 1e5);
  const Tuning short_run = tune_for_horizon(constants, 2.0, tune);
  EXPECT_TRUE(short_run.bound.has(FlagKind::below_horizon_threshold));
  EXPECT_GT(short_run.run.steps, 2.0);
}

TEST(Tuning, CountsBeyondDoublesKeepTheirLogarithm) {
  const ProblemConstants constants{.initial_gap = 1e3, .smoothness = 1e9, .noise = 1e3, .tail = 1.05};
  const Tuning tuning = tune_momentum(constants, 1e-12);
  ASSERT_TRUE(tuning.bound.has(FlagKind::beyond_double_range));
  EXPECT_EQ(tuning.bound.value, 1e-12);
  // 32 L Delta/(a eps^2), 1/a = (8 c_p S/eps)^21
  const double expected = std::log10(32.0) + 12 + 24 + 21 * (std::log10(8.0 * averaging_constant(1.05)) + 15);
  EXPECT_NEAR(tuning.log10_samples, expected, 1e-9);
}

TEST(Tuning, RefusesTargetsThatTheStartSatisfies) {
  const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};
  EXPECT_REFUSED(tune_minibatch(constants, 2.0), "epsilon = 2, must be in (0, 2)");
  EXPECT_REFUSED(tune_momentum(constants, 0.0), "epsilon = 0, must be in (0, 2)");
  EXPECT_REFUSED(tune_lion(constants, std::nan(""), 0.0), "epsilon = nan, must be in (0, 2)");
  EXPECT_REFUSED(tune_lion(constants, 0.1, -1.0), "start_error = -1, must be non-negative");
  EXPECT_REFUSED(tune_extrapolation(constants, 0.1, -1.0), "hessian_smoothness = -1, must be non-negative");
  EXPECT_REFUSED(tune_momentum(constants, 0.1, 0.5), "batch = 0.5, must be at least 1");
  EXPECT_REFUSED(tune_momentum_for_horizon(constants, 0.0), "steps = 0, must be at least 1");
}

}  // namespace
}  // namespace normdescent
