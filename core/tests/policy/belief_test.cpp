// SPDX-License-Identifier: Apache-2.0
#include "normdescent/policy/belief.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace normdescent {
namespace {

const RateCost kFlat{.below = 1e-9, .above = 1e-9, .knee = 1.0};

Prior prior(double rate, double rate_deviation, double regret, double regret_deviation,
            const RateCost& cost = {.below = 0.15, .above = 0.15, .knee = 10.0}) {
  return {.rate = {rate, rate_deviation}, .regret = {regret, regret_deviation}, .cost = cost, .diverges_above = 100.0};
}

/// No error but the ones that a test asks for.
Policy::Transfer exact() {
  return {.rate_deviation = 0.0,
          .rate_deviation_slope = 0.0,
          .regret_deviation = 1e-6,
          .regret_deviation_slope = 0.0,
          .noise = 1e-3,
          .noise_slope = 0.0};
}

SquareMatrix identity(std::size_t n) {
  SquareMatrix matrix(n);
  for (std::size_t i = 0; i < n; ++i) matrix(i, i) = 1.0;
  return matrix;
}

TEST(Belief, PrecisionsAddInAGaussianUpdate) {
  // Prior N(1, 2^2), measured 4 with error 1: precision 1/4 + 1 = 5/4, mean (1/4 + 4) / (5/4) = 3.4.
  const Gaussian result = updated({1.0, 2.0}, 4.0, 1.0);
  EXPECT_DOUBLE_EQ(result.mean, 3.4);
  EXPECT_DOUBLE_EQ(result.deviation, std::sqrt(0.8));
}

TEST(Belief, CostGrowsLinearlyBeyondItsKnee) {
  const RateCost cost{.below = 0.1, .above = 0.2, .knee = 2.0};
  EXPECT_DOUBLE_EQ(cost(0.0), 0.0);
  EXPECT_DOUBLE_EQ(cost(-1.0), 0.1);
  EXPECT_DOUBLE_EQ(cost(2.0), 0.8);
  EXPECT_DOUBLE_EQ(cost(3.0), 0.8 + 2 * 0.2 * 2.0);  // the tangent at the knee
  const RateCost even{.below = 0.1, .above = 0.1, .knee = 50.0};
  EXPECT_NEAR(even.expected(1.5, 0.7), 0.1 * (1.5 * 1.5 + 0.7 * 0.7), 1e-3) << "E (x + s z)^2 = x^2 + s^2";
}

TEST(Belief, WithoutObservationsIsThePrior) {
  const Belief belief({prior(-6, 1, 0.1, 0.4), prior(-8, 1.2, 0.9, 0.7)}, identity(2), exact());
  EXPECT_EQ(belief.rate(1).mean, -8.0);
  EXPECT_EQ(belief.regret(0).mean, 0.1);
  EXPECT_DOUBLE_EQ(belief.regret(1).deviation, 0.7);
}

TEST(Belief, OnlyTheDifferenceOfTwoRegretsIsLearned) {
  // Rates do not matter here. Priors N(0, 0.6^2), N(0, 0.8^2), independent; noise variance 0.25 each. With a common
  // unknown offset the difference is what is seen: prior variance 0.36 + 0.64 = 1, noise 0.5, gain 2/3. Seen: 0.9.
  Policy::Transfer transfer = exact();
  transfer.noise = 0.5;
  const std::vector<RunObservation> observations{{.candidate = 0, .log2_rate = 0.0, .regret = 0.0},
                                                 {.candidate = 1, .log2_rate = 0.0, .regret = 0.9}};
  const Belief belief({prior(0, 1e-6, 0.0, 0.6, kFlat), prior(0, 1e-6, 0.0, 0.8, kFlat)}, identity(2), transfer,
                      observations);
  EXPECT_NEAR(belief.regret_mean(1) - belief.regret_mean(0), 0.6, 1e-5);
  EXPECT_NEAR(belief.regret_mean(0), -0.36 * 0.6, 1e-5) << "each moves by its share of the variance";
  EXPECT_NEAR(belief.regret_mean(1), 0.64 * 0.6, 1e-5);
  const SquareMatrix& c = belief.regret_covariance();
  EXPECT_NEAR(c(0, 0) + c(1, 1) - 2.0 * c(0, 1), 1.0 - 2.0 / 3.0, 1e-5);
  // The sum weighted by inverse variances is as unknown as before.
  EXPECT_NEAR(c(0, 0), 0.36 - 0.36 * 0.36 * 2.0 / 3.0, 1e-5);
}

TEST(Belief, ALoneRunSaysNothingOfItsRegretOrItsRate) {
  const std::vector<RunObservation> observations{{.candidate = 0, .log2_rate = -3.0, .halvings = 4.0, .regret = 0.0}};
  const Belief belief({prior(-6, 1, 0.1, 0.4), prior(-8, 1.2, 0.9, 0.7)}, identity(2), exact(), observations);
  EXPECT_NEAR(belief.regret_mean(0), 0.1, 1e-4);
  EXPECT_NEAR(belief.regret(0).deviation, 0.4, 1e-4);
  EXPECT_NEAR(belief.rate(0).mean, -6.0, 1e-4);
  EXPECT_NEAR(belief.rate(0).deviation, 1.0, 1e-2);
}

TEST(Belief, ThreeRatesFindTheBestOneOfTheirLevelAndCarryItOver) {
  // cost 0.15 (x + 4)^2 exactly: the level's best rate is -4. Runs are two halvings short, the rate shifts by 0.25 an
  // octave and its transfer errs by 0.5 each halving: level prior N(-5.5, 1 + 1), posterior at -4 with no error left.
  Policy::Transfer transfer = exact();
  transfer.rate_deviation_slope = 0.5;
  std::vector<RunObservation> observations;
  for (const double rate : {-6.0, -4.0, -2.0}) {
    observations.push_back(
        {.candidate = 0, .log2_rate = rate, .halvings = 2.0, .regret = 0.15 * (rate + 4.0) * (rate + 4.0)});
  }
  Prior one = prior(-6, 1, 0.0, 0.4);
  one.rate_shift = 0.25;
  transfer.noise = 0.1;  // wide enough for the grid
  const Belief belief({one}, identity(1), transfer, observations);
  EXPECT_NEAR(belief.rate(0).mean, -6.0 + 0.5 * 1.5, 0.05) << "half of the surprise of 1.5 octaves";
  EXPECT_NEAR(belief.rate(0).deviation, std::sqrt(0.5), 0.03);
  EXPECT_NEAR(belief.rate_at(0, 2.0).mean, belief.rate(0).mean + 0.5, 1e-12);
}

TEST(Belief, DivergenceMovesTheRateDown) {
  Prior one = prior(-6, 1.5, 0.0, 0.4);
  one.diverges_above = 3.0;
  const std::vector<RunObservation> observations{
      {.candidate = 0, .log2_rate = -4.0, .halvings = 3.0, .diverged = true}};
  const Belief belief({one}, identity(1), exact(), observations);
  EXPECT_LT(belief.rate(0).mean, -6.5);
  const std::vector<RunObservation> fine{{.candidate = 0, .log2_rate = -1.0, .halvings = 3.0, .regret = 0.0}};
  EXPECT_GT(Belief({one}, identity(1), exact(), fine).rate(0).mean, -5.5) << "a run that did not diverge says so, too";
}

TEST(Belief, EvidenceIsWorthLessTheShorterItsRunsAre) {
  const auto shift_at = [](double halvings) {
    const std::vector<RunObservation> observations{
        {.candidate = 0, .log2_rate = 0.0, .halvings = halvings, .regret = 0.6},
        {.candidate = 1, .log2_rate = 0.0, .halvings = halvings, .regret = 0.0}};
    const Belief belief({prior(0, 1e-6, 0.0, 0.4, kFlat), prior(0, 1e-6, 0.0, 0.4, kFlat)}, identity(2), {},
                        observations);
    return belief.regret_mean(0) - belief.regret_mean(1);
  };
  EXPECT_GT(shift_at(0.0), shift_at(2.0));
  EXPECT_GT(shift_at(2.0), shift_at(5.0));
  EXPECT_GT(shift_at(5.0), 0.0);
  EXPECT_LT(shift_at(0.0), 0.6);
}

TEST(Belief, AFunctionOfTheSetOfObservations) {
  std::vector<RunObservation> observations{{.candidate = 0, .log2_rate = -6, .halvings = 5, .regret = 0.1},
                                           {.candidate = 0, .log2_rate = -4, .halvings = 5, .diverged = true},
                                           {.candidate = 1, .log2_rate = -8, .halvings = 5, .regret = 0.0},
                                           {.candidate = 1, .log2_rate = -8, .halvings = 2, .regret = 0.3},
                                           {.candidate = 0, .log2_rate = -7, .halvings = 2, .regret = 0.0}};
  const std::vector<Prior> priors{prior(-6, 1, 0.1, 0.4), prior(-8, 1.2, 0.9, 0.7)};
  const Belief first(priors, identity(2), {}, observations);
  std::ranges::reverse(observations);
  const Belief second(priors, identity(2), {}, observations);
  for (std::size_t j = 0; j < 2; ++j) {
    EXPECT_NEAR(first.rate(j).mean, second.rate(j).mean, 1e-12);
    EXPECT_NEAR(first.regret_mean(j), second.regret_mean(j), 1e-12);
  }
}

TEST(Belief, CorrelatedPriorsLearnFromEachOther) {
  SquareMatrix correlation = identity(3);
  correlation(0, 1) = correlation(1, 0) = 0.9;
  const std::vector<RunObservation> observations{{.candidate = 0, .log2_rate = 0.0, .regret = 0.0},
                                                 {.candidate = 2, .log2_rate = 0.0, .regret = 1.0}};
  const Belief belief(
      {prior(0, 1e-6, 1.0, 0.5, kFlat), prior(0, 1e-6, 1.0, 0.5, kFlat), prior(0, 1e-6, 1.0, 0.5, kFlat)}, correlation,
      exact(), observations);
  EXPECT_LT(belief.regret_mean(1), 0.6) << "it was not run, but its kin was ahead";
}

TEST(Belief, CholeskyFactorsSemidefiniteMatrices) {
  SquareMatrix matrix(2);
  matrix.values = {4.0, 2.0, 2.0, 1.0};  // of rank 1
  const SquareMatrix factor = cholesky_factor(matrix);
  EXPECT_EQ(factor.values, (std::vector<double>{2.0, 0.0, 1.0, 0.0}));
}

TEST(Outlook, AgreesWithTheNormalDistribution) {
  // P(g_0 < g_1) for N(0, 0.6^2) and N(0.5, 0.8^2): Phi(0.5 / 1) = 0.6915.
  const std::vector<Prior> priors{prior(0, 0, 0.0, 0.6, kFlat), prior(0, 0, 0.5, 0.8, kFlat)};
  const Belief belief(priors, identity(2), exact());
  const std::vector<double> zeros(2, 0.0);
  const Outlook result = outlook(belief, priors, zeros, zeros, 1, 1);
  EXPECT_NEAR(result.probability_best[0], 0.6915, 0.02);
  EXPECT_NEAR(result.median[0], 0.5, 0.05);
  EXPECT_NEAR(result.high[0] - result.low[0], 2 * 1.2816, 0.1) << "80 % of N(0.5, 1)";
  EXPECT_EQ(result.median[1], 0.0) << "the baseline over itself";
  // E max(0, g_0 - g_1), g_0 - g_1 ~ N(-0.5, 1): phi(0.5) - 0.5 (1 - Phi(0.5)) = 0.1978.
  EXPECT_NEAR(result.log2_regret[0], 0.1978, 0.02);
}

}  // namespace
}  // namespace normdescent
