// SPDX-License-Identifier: Apache-2.0
// Upper bounds: known answers (computed independently in plain doubles), structure, and where they must fail.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "normdescent/theory/upper.hpp"
#include "normdescent/theory/upper_baselines.hpp"
#include "normdescent/theory/upper_generalized.hpp"
#include "normdescent/theory/upper_published.hpp"
#include "theory/support.hpp"

namespace normdescent {
namespace {

using test::log_uniform;

const ProblemConstants kSignProblem{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};

ProblemConstants with_tail(double tail) {
  ProblemConstants constants = kSignProblem;
  constants.tail = tail;
  return constants;
}

TEST(UpperBound, MinibatchKnownAnswers) {
  const RunSettings run{.learning_rate = 0.1, .steps = 100, .batch = 4};
  EXPECT_NEAR(upper_bound(kSignProblem, RawMiniBatch{}, run).value, 0.7, 1e-15);
  EXPECT_NEAR(upper_bound(with_tail(1.5), RawMiniBatch{}, run).value, 0.9937005260, 5e-11);
}

TEST(UpperBound, MomentumKnownAnswers) {
  const RunSettings run{.learning_rate = 0.01, .steps = 1000, .batch = 4};
  const ExponentialAverage momentum{.averaging = 0.1};
  EXPECT_NEAR(upper_bound(with_tail(1.5), momentum, run).value, 0.8463401551, 5e-11);
  EXPECT_NEAR(upper_bound(kSignProblem, momentum, run).value, 0.6331138830, 5e-11);
}

TEST(UpperBound, LionKnownAnswer) {
  const LionAverage lion{.averaging1 = 0.1, .averaging2 = 0.01, .start_error = 0.5};
  EXPECT_NEAR(upper_bound(kSignProblem, lion, {.learning_rate = 0.01, .steps = 1000}).value, 3.99, 1e-13);
}

TEST(UpperBound, DependsOnTheGeometryOnlyThroughItsConstants) {
  const RunSettings run{.learning_rate = 0.02, .steps = 500, .batch = 3};
  const ExponentialAverage momentum{.averaging = 0.2};
  ProblemConstants constants = with_tail(1.7);
  const double value = upper_bound(constants, momentum, run).value;
  for (const char* geometry : {"euclidean", "spectral", "row-wise"}) {
    constants.geometry = geometry;
    EXPECT_EQ(upper_bound(constants, momentum, run).value, value) << geometry;
  }
}

TEST(UpperBound, LionWithEqualAveragesIsMomentum) {
  const RunSettings run{.learning_rate = 0.01, .steps = 1e4};
  const double a = 0.05;
  const EstimatorError lion = estimator_error(kSignProblem, LionAverage{.averaging1 = a, .averaging2 = a}, run);
  const EstimatorError momentum = estimator_error(kSignProblem, ExponentialAverage{.averaging = a}, run);
  EXPECT_DOUBLE_EQ(lion.drift, momentum.drift);
  // a + (1 - a) sqrt a against sqrt a: Lion's row adds the newest noise instead of averaging it.
  EXPECT_DOUBLE_EQ(lion.noise, 0.5 * (a + (1 - a) * std::sqrt(a)));
  EXPECT_DOUBLE_EQ(momentum.noise, 0.5 * std::sqrt(a));
}

TEST(UpperBound, WithoutAveragingMomentumIsTheRawMinibatch) {
  const RunSettings run{.learning_rate = 0.01, .steps = 100, .batch = 2};
  const EstimatorError raw = estimator_error(kSignProblem, RawMiniBatch{}, run);
  for (const GradientEstimator& estimator : {GradientEstimator{ExponentialAverage{.averaging = 1.0}},
                                             GradientEstimator{LionAverage{.averaging1 = 1.0, .averaging2 = 1.0}},
                                             GradientEstimator{ExtrapolatedAverage{.averaging = 1.0}}}) {
    const EstimatorError error = estimator_error(kSignProblem, estimator, run);
    EXPECT_EQ(error.drift, 0.0);
    EXPECT_DOUBLE_EQ(error.noise, raw.noise);
  }
}

TEST(UpperBound, ZeroStartReplacesTheFirstNoiseByTwoLogTwo) {
  const RunSettings run{.learning_rate = 0.01, .steps = 100};
  const double a = 0.04;
  EXPECT_DOUBLE_EQ(estimator_error(kSignProblem, ExponentialAverage{.averaging = a}, run).start, 0.5 / (a * 100));
  EXPECT_DOUBLE_EQ(
      estimator_error(kSignProblem, ExponentialAverage{.averaging = a, .start = MomentumStart::zero}, run).start,
      0.5 * 0.2 * 2 * std::numbers::ln2 / (a * 100));
}

TEST(UpperBound, IsMonotoneInEveryConstant) {
  Philox random(7);
  for (int trial = 0; trial < 500; ++trial) {
    const ProblemConstants constants = test::random_constants(random, 1.05 + 0.95 * random.uniform());
    const RunSettings run{.learning_rate = log_uniform(random, -4, 0),
                          .steps = log_uniform(random, 0, 6),
                          .batch = log_uniform(random, 0, 3)};
    const double a = log_uniform(random, -3, 0);
    for (const GradientEstimator& estimator :
         {GradientEstimator{RawMiniBatch{}}, GradientEstimator{ExponentialAverage{.averaging = a}},
          GradientEstimator{LionAverage{.averaging1 = a, .averaging2 = a / 2, .start_error = 1.0}},
          GradientEstimator{ExtrapolatedAverage{.averaging = a}}}) {
      const double value = upper_bound(constants, estimator, run).value;
      ASSERT_GT(value, 0.0);
      for (auto field : {&ProblemConstants::initial_gap, &ProblemConstants::smoothness, &ProblemConstants::noise}) {
        ProblemConstants larger = constants;
        larger.*field *= 1.5;
        EXPECT_GT(upper_bound(larger, estimator, run).value, value * (1 - 1e-12));
      }
      RunSettings longer = run;
      longer.steps *= 2.0;
      EXPECT_LT(upper_bound(constants, estimator, longer).value, value);
      RunSettings wider = run;
      wider.batch *= 2.0;
      EXPECT_LT(upper_bound(constants, estimator, wider).value, value * (1 + 1e-12));
    }
  }
}

TEST(UpperBound, SaysWhoseConstantsTheyAre) {
  const RunSettings run{};
  const auto source = [&](const char* geometry, double tail, const GradientEstimator& estimator) {
    ProblemConstants constants = with_tail(tail);
    constants.geometry = geometry;
    const Bound bound = upper_bound(constants, estimator, run);
    // Ours if and only if the text says so: derived constants are never printed under a paper's name.
    EXPECT_EQ(bound.constants_are_ours, bound.source.find("constants derived here") != std::string::npos);
    return bound.source;
  };
  EXPECT_EQ(source("sign", 2.0, RawMiniBatch{}), "U1 [arXiv:2605.06615, Theorem 1]");
  EXPECT_EQ(source("spectral", 2.0, RawMiniBatch{}), "U2 [arXiv:2605.06615, Theorem 4]");
  EXPECT_EQ(source("sign", 1.5, RawMiniBatch{}), "U3 [constants derived here]");
  EXPECT_EQ(source("sign", 2.0, ExponentialAverage{}), "U4 [constants derived here]");
  EXPECT_EQ(source("spectral", 2.0, LionAverage{}), "U7 [constants derived here]");
  EXPECT_EQ(source("sign", 2.0, LionAverage{}), "U5 [constants derived here]");
  EXPECT_EQ(source("sign", 2.0, ExtrapolatedAverage{}), "U9b [constants derived here]");
  EXPECT_EQ(source("sign", 2.0, VarianceReducedAverage{}), "U9c [constants derived here]");
}

TEST(UpperBound, FlagsAQuadraticModelConstantWhereALipschitzGradientIsNeeded) {
  ProblemConstants constants = kSignProblem;
  constants.smoothness_kind = SmoothnessKind::quadratic_model;
  EXPECT_FALSE(upper_bound(constants, RawMiniBatch{}, {}).has(FlagKind::gradient_smoothness_assumed));
  const Bound momentum = upper_bound(constants, ExponentialAverage{}, {});
  ASSERT_TRUE(momentum.has(FlagKind::gradient_smoothness_assumed));
  EXPECT_EQ(momentum.flags.front().threshold, 4.0);
}

TEST(UpperBound, BudgetFormHasTheConstantTwoPlusRootTwo) {
  const double constant = 2.0 + std::numbers::sqrt2;
  // S = 0.5, Delta L = 2: B > 1 from N = 8 on.
  for (const double samples : {1e2, 1e5, 1e12})
    EXPECT_NEAR(
        upper_minibatch_at_budget(kSignProblem, samples).value / (constant * std::pow(0.25 * 2.0 / samples, 0.25)), 1.0,
        1e-12);
  EXPECT_LE(upper_minibatch_at_budget(kSignProblem, 4.0).value, constant * std::sqrt(2.0 / 4.0));
  EXPECT_DOUBLE_EQ(upper_minibatch_at_budget({.smoothness = 2.0, .noise = 0.0}, 100.0).value, std::sqrt(4.0 / 100.0));
}

TEST(UpperBound, BudgetFormIsWithinAFactorOfTheBestSplitForHeavyTails) {
  // Terms are balanced up to 2^(1/2) and 2: never below the best split of N = B T, at most twice above it.
  for (const double tail : {1.2, 1.5, 1.9}) {
    const ProblemConstants constants = with_tail(tail);
    for (const double samples : {1e3, 1e6, 1e9}) {
      double best = 1e300;
      for (int k = 0; k <= 10000; ++k) {
        const double steps = std::pow(samples, k / 10000.0);
        best = std::min(
            best, std::sqrt(4.0 / steps) + 2 * averaging_constant(tail) * batch_noise(constants, samples / steps));
      }
      const double value = upper_minibatch_at_budget(constants, samples).value;
      EXPECT_GE(value, best * (1 - 1e-6)) << tail << " " << samples;
      EXPECT_LE(value, 1.2 * best) << tail << " " << samples;
    }
  }
}

TEST(UpperBound, ExactDirectionIsInexactWithDeltaZero) {
  ProblemConstants constants = kSignProblem;
  constants.geometry = "spectral";
  const RunSettings run{.learning_rate = 0.01, .steps = 1000};
  const ExponentialAverage momentum{.averaging = 0.1};
  EXPECT_DOUBLE_EQ(upper_bound_inexact_msign(constants, momentum, run, 0.0).value,
                   upper_bound(constants, momentum, run).value);
  // (1/(eta T) + 2 (L eta 1.16 9 + S (sqrt 0.1 + 0.01)) + eta L 1.16^2/2)/0.84
  const double expected = (0.1 + 2 * (2 * 0.01 * 1.16 * 9 + 0.5 * (std::sqrt(0.1) + 0.01)) + 0.01 * 1.16 * 1.16) / 0.84;
  EXPECT_NEAR(upper_bound_inexact_msign(constants, momentum, run, 0.16).value, expected, 1e-13);
  EXPECT_REFUSED(upper_bound_inexact_msign(constants, momentum, run, 1.0), "delta = 1, must be in [0, 1)");
  EXPECT_REFUSED(upper_bound_inexact_msign(kSignProblem, momentum, run, 0.1), "geometry = sign, must be spectral");
}

TEST(UpperBound, DecayDoublesTheDriftAndQuadruplesTheCurvature) {
  const LionAverage lion{.averaging1 = 0.1, .averaging2 = 0.01, .start_error = 0.5};
  const RunSettings run{.learning_rate = 0.01, .steps = 1000};
  // Delta/(eta T) + 2 L eta (1 + 2 beta1/a_2) + 2 S (a_1 + beta1 sqrt a_2) + 2 beta1 0.5/(a_2 T)
  const double expected = 0.1 + 0.04 * (1 + 2 * 0.9 / 0.01) + (0.1 + 0.09) + 0.09;
  const Bound bound = upper_bound_with_decay(kSignProblem, lion, run, 0.1, 5.0);
  EXPECT_NEAR(bound.value, expected, 1e-12);
  EXPECT_TRUE(bound.holds());
  EXPECT_FALSE(upper_bound_with_decay(kSignProblem, lion, {.learning_rate = 11.0}, 0.1, 5.0).holds());
  EXPECT_REFUSED(upper_bound_with_decay(kSignProblem, lion, run, 0.1, 11.0),
                 "start_norm = 11, must be at most 1/decoupled_decay");
}

TEST(UpperGeneralized, ReportsItsConditionsWithThresholds) {
  const GeneralizedConstants heavy{.noise = 1.0, .relative_noise = 0.3, .tail = 1.2};
  const Bound first = upper_bound_generalized(heavy, 0.1, 0.0, {});
  ASSERT_TRUE(first.has(FlagKind::averaging_condition_violated));
  EXPECT_NEAR(first.flags.front().threshold, 2.8e-9, 0.05e-9);
  EXPECT_TRUE(upper_bound_generalized(heavy, 2.7e-9, 0.0, {}).holds());

  const GeneralizedConstants curved{.relative_smoothness = 2.0, .noise = 1.0};
  EXPECT_FALSE(upper_bound_generalized(curved, 0.24, 0.0, {.learning_rate = 0.0101}).holds());
  EXPECT_TRUE(upper_bound_generalized(curved, 0.24, 0.0, {.learning_rate = 0.0099}).holds());
  // 2/(0.01 1000) + 5 0.01/0.25 + 4 1 0.5 + 4 0.5/(0.25 1000)
  EXPECT_NEAR(upper_bound_generalized(curved, 0.25, 0.5, {.learning_rate = 0.01, .steps = 1000}).value,
              0.2 + 0.2 + 2.0 + 0.008, 1e-14);
}

TEST(UpperPublished, KovalevParametersStayBelowNinetyFivePercentOfTheTarget) {
  Philox random(11);
  double largest = 0.0;
  for (int trial = 0; trial < 2000; ++trial) {
    const NormEquivalenceConstants constants{.initial_gap = log_uniform(random, -3, 3),
                                             .smoothness = log_uniform(random, -3, 3),
                                             .noise = log_uniform(random, -3, 3)};
    const double epsilon = std::sqrt(2 * constants.initial_gap * constants.smoothness) * log_uniform(random, -3, 0);
    const KovalevTuning tuning = kovalev2025_tuning(constants, epsilon);
    const RunSettings run{.learning_rate = tuning.learning_rate, .steps = tuning.steps};
    largest = std::max(largest, kovalev2025_theorem2(constants, tuning.alpha, run).value / epsilon);
  }
  EXPECT_LE(largest, 0.95);
  EXPECT_GT(largest, 0.8);  // the parameters are not slack everywhere
}

TEST(UpperPublished, KnownAnswers) {
  const NormEquivalenceConstants constants{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};
  const RunSettings run{.learning_rate = 0.01, .steps = 1000};
  EXPECT_NEAR(lionmuon2026_theorem1(constants, 0.9, 0.96, 0.5, run).value,
              0.1 + 0.08 / 0.04 + 0.9 / 0.96 * 2 * 0.5 * 0.2 + 2 * 0.0625 * 0.5 + 2 * 0.9 / 0.96 * 0.5 / 40, 1e-13);
  EXPECT_NEAR(kovalev2025_theorem2(constants, 0.25, run).value, 0.1 + 1.0 / 250 + 0.5 + 0.03 + 0.04 / 0.25, 1e-14);
  EXPECT_NEAR(xie2025_theorem45(constants, 0.25, run).value, 0.1 + 0.04 / 0.25 + 1.0 / 250 + 0.5, 1e-14);
}

TEST(UpperPublished, LionMuonCorollaryReachesItsTarget) {
  // 1 - beta2 = min{(eps/(16 rho sigma))^2, 1}, beta1 at both ends of its range, eta = eps (1-beta2)/(32 L).
  const NormEquivalenceConstants constants{.initial_gap = 2.0, .smoothness = 3.0, .noise = 0.7};
  const double epsilon = 0.1;
  const double share = epsilon / (16 * constants.noise);
  const double a2 = share * share;
  const double eta = epsilon * a2 / (32 * constants.smoothness);
  const double steps = 16 * constants.initial_gap / (eta * epsilon);
  for (const double beta1 : {(1 - a2) * (1 - share), 1 - a2})
    EXPECT_LE(lionmuon2026_theorem1(constants, beta1, 1 - a2, 0.0, {.learning_rate = eta, .steps = steps}).value,
              epsilon);
}

TEST(UpperPublished, XieRateFlagsShortHorizons) {
  const NormEquivalenceConstants constants{.initial_gap = 1.0, .smoothness = 0.25, .noise = 1.0};  // a_0 = 1/2
  const Bound early = xie2025_rate(constants, 63.0);
  ASSERT_TRUE(early.has(FlagKind::below_horizon_threshold));
  EXPECT_DOUBLE_EQ(early.flags.front().threshold, 64.0);
  EXPECT_FALSE(xie2025_rate(constants, 64.0).has(FlagKind::below_horizon_threshold));
  const double slope = std::log10(xie2025_rate(constants, 1e13).value / xie2025_rate(constants, 1e12).value);
  EXPECT_NEAR(slope, -0.25, 1e-3);
}

TEST(UpperPublished, BernsteinKnownAnswer) {
  EXPECT_NEAR(bernstein2018_theorem1(1.0, 4.0, 0.5, 1e4).value, (2.0 * 1.5 + 1.0) / 10.0, 1e-15);
}

TEST(UpperBaselines, SgdKnownAnswersAndStepCondition) {
  const ProblemConstants euclidean{.geometry = "euclidean", .initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};
  const RunSettings run{.learning_rate = 0.1, .steps = 100, .batch = 4};
  EXPECT_NEAR(upper_sgd(euclidean, run).value, std::sqrt(0.2 + 0.1 * 2 * 0.25 / 4), 1e-15);
  EXPECT_NEAR(upper_sgd_in_l1(euclidean, 9.0, run).value, 3 * std::sqrt(0.2125), 1e-14);
  EXPECT_TRUE(upper_sgd(euclidean, {.learning_rate = 0.5}).holds());
  const Bound unstable = upper_sgd(euclidean, {.learning_rate = 0.51});
  EXPECT_FALSE(unstable.holds());
  EXPECT_EQ(unstable.flags.front().threshold, 0.5);
  EXPECT_REFUSED(upper_sgd(kSignProblem, run), "geometry = sign, must be euclidean");
}

TEST(UpperBaselines, AdagradMatchesThePlainFormulaAndSurvivesTinyDelta) {
  const AdagradConstants constants{.initial_gap = 1.0,
                                   .smoothness_l1 = 2.0,
                                   .smoothness_max = 0.5,
                                   .noise_l1 = 0.3,
                                   .noise_max = 0.1,
                                   .start_gradient_max = 1.0,
                                   .dimension = 10,
                                   .delta = 1e-3};
  const double T = 1e4;
  const double eta = 0.1;
  const double reach = 1.0 + eta * std::sqrt(0.5 * 2.0) * T;
  const double log_h = std::log(1 + T * 0.01 / 1e-6 + T * reach * reach / 1e-6);
  const double Q = 1 + (2 * eta * 0.3 + eta * eta * 2.0 / 2) * log_h;
  const double expected = 2 * std::sqrt(3.0) * Q / (eta * 100) + std::sqrt(2 * 10 * 1e-3 * Q / (eta * T)) +
                          2 * std::sqrt(0.3 * Q / eta) / 10;
  EXPECT_NEAR(upper_adagrad(constants, {.learning_rate = eta, .steps = T}).value, expected, 1e-11 * expected);
  AdagradConstants tiny = constants;
  tiny.delta = 1e-300;  // h = 1e613
  EXPECT_TRUE(std::isfinite(upper_adagrad(tiny, {.learning_rate = eta, .steps = T}).value));
}

}  // namespace
}  // namespace normdescent
