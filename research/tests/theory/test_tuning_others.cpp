// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/theory/lower_others.hpp"
#include "normdescent/theory/tuning.hpp"
#include "theory/support.hpp"

namespace normdescent {
namespace {

using test::log_uniform;

TEST(TuneGeneralized, ReachesEveryTargetWithBothConditionsMet) {
  Philox random(21);
  double largest = 0.0;
  for (int trial = 0; trial < 2000; ++trial) {
    const double p = 1.5 + 0.5 * random.uniform();
    const GeneralizedConstants constants{.initial_gap = log_uniform(random, -2, 2),
                                         .smoothness = log_uniform(random, -2, 2),
                                         .relative_smoothness = trial % 3 == 0 ? 0.0 : log_uniform(random, -2, 1),
                                         .noise = log_uniform(random, -2, 2),
                                         .relative_noise = trial % 2 == 0 ? 0.0 : log_uniform(random, -2, 0.5),
                                         .tail = p};
    const double epsilon = largest_start_gradient(constants) * log_uniform(random, -3, -0.01);
    const Tuning tuning = tune_generalized(constants, epsilon, std::ceil(log_uniform(random, 0, 2)));
    ASSERT_TRUE(tuning.bound.holds()) << trial;
    largest = std::max(largest, tuning.bound.value / epsilon);
  }
  EXPECT_LE(largest, 1.0 + 1e-9);
  EXPECT_GT(largest, 0.9);  // the four terms are not slack everywhere
}

TEST(TuneGeneralized, WithoutRelativeConstantsItCostsAFewTimesU4) {
  const GeneralizedConstants constants{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};
  const double plain =
      tune_momentum({.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5}, 0.01).samples;  // 32 L Delta/(a eps^2)
  // a is 4 times smaller at p = 2, and 160 Lambda_0 Delta/(a eps^2) in place of 32: a factor 20.
  EXPECT_NEAR(tune_generalized(constants, 0.01).samples / plain, 20.0, 1e-6);
}

TEST(TuneGeneralized, NearPOneTheConditionLeavesTheRangeOfADoubleAndIsFlagged) {
  const GeneralizedConstants constants{.noise = 1.0, .relative_noise = 1e6, .tail = 1.02};
  const Tuning tuning = tune_generalized(constants, 0.1);
  EXPECT_TRUE(tuning.bound.has(FlagKind::beyond_double_range));
  EXPECT_TRUE(std::isfinite(tuning.log10_samples));
}

TEST(TuneGeneralized, StartGradientBoundHoldsForTheHyperbolicCosine) {
  // f = cosh(x) - 1: curvature at most 1 + |f'|; both constants times e - 1 (assumptions.md). f' = sinh.
  for (double x = 0.1; x < 6; x += 0.1) {
    const double factor = std::exp(1.0) - 1.0;
    const GeneralizedConstants constants{
        .initial_gap = std::cosh(x) - 1.0, .smoothness = factor, .relative_smoothness = factor};
    EXPECT_LE(std::sinh(x), largest_start_gradient(constants)) << x;
  }
  const GeneralizedConstants quadratic{.initial_gap = 2.0, .smoothness = 1.0};
  EXPECT_DOUBLE_EQ(largest_start_gradient(quadratic), 2.0);  // x^2/2 at x = 2 attains it
  const GeneralizedConstants mixed{.initial_gap = 1.0, .smoothness = 2.0, .relative_smoothness = 3.0};
  EXPECT_DOUBLE_EQ(largest_start_gradient(mixed), 3.0 + std::sqrt(13.0));  // G^2 = 2 Delta (Lambda_0 + Lambda_1 G)
}

TEST(TuneAdagrad, ReachesTheTargetAndNoSmallerHorizonDoes) {
  Philox random(22);
  for (int trial = 0; trial < 20; ++trial) {
    AdagradConstants constants{.initial_gap = log_uniform(random, -1, 1),
                               .smoothness_l1 = log_uniform(random, -1, 1),
                               .smoothness_max = 0.0,
                               .noise_l1 = log_uniform(random, -1, 1),
                               .dimension = 1e6,
                               .delta = 1e-14};
    constants.smoothness_max = constants.smoothness_l1 / 7;
    constants.noise_max = constants.noise_l1 / 3;
    const double epsilon =
        std::sqrt(2 * constants.initial_gap * constants.smoothness_l1) * log_uniform(random, -3, -0.5);
    const Tuning tuning = tune_adagrad(constants, epsilon);
    EXPECT_LE(tuning.bound.value, epsilon);
    // A coarse search over the rate finds nothing better at 1 % fewer steps.
    for (double rate = tuning.run.learning_rate / 10; rate < tuning.run.learning_rate * 10; rate *= 1.1)
      EXPECT_GT(upper_adagrad(constants, {.learning_rate = rate, .steps = 0.99 * tuning.run.steps}).value, epsilon);
  }
}

TEST(TuneAdagrad, SurvivesABillionCoordinatesAndATinyTarget) {
  const Tuning tuning = tune_adagrad({.noise_l1 = 10.0, .noise_max = 10.0, .dimension = 1e9, .delta = 1e-17}, 1e-12);
  EXPECT_LE(tuning.bound.value, 1e-12);
  EXPECT_NEAR(tuning.log10_samples, 56, 4);  // ||sigma||_1^4/eps^4 up to logarithms and constants
  EXPECT_REFUSED(tune_adagrad({.noise_l1 = 1e100}, 1e-12), "epsilon = 1e-12, must be within reach of 1e150 steps");
}

TEST(LowerAdagrad, SamplesInvertTheBound) {
  for (const double noise : {0.0, 0.5, 20.0}) {
    const ProblemConstants constants{.initial_gap = 1.0, .smoothness = 2.0, .noise = noise};
    const double samples = lower_adagrad_samples(constants, 1e-3).value;
    EXPECT_GE(lower_adagrad(constants, samples).value, 1e-3);
    EXPECT_LT(lower_adagrad(constants, samples * (1 + 1e-6)).value, 1e-3);
  }
  const Bound early = lower_adagrad_samples({.initial_gap = 1.0, .smoothness = 2.0}, 1.0);
  EXPECT_EQ(early.value, 0.0);
  EXPECT_TRUE(early.has(FlagKind::saturated));
}

}  // namespace
}  // namespace normdescent
