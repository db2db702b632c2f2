// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/race_statistics.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "normdescent/base/numbers.hpp"

namespace normdescent {
namespace {

// Sums of a few doubles: a handful of roundings.
constexpr double kRounding = 1e-13;

const LossCurve kReference{{0, 10, 20, 30, 40}, {8, 6, 5, 4.5, 4}};

TEST(FirstStepAt, InterpolatesLinearlyAndTakesTheFirstCrossing) {
  EXPECT_EQ(first_step_at(kReference, 5.5), 15.0);
  EXPECT_EQ(first_step_at(kReference, 5.0), 20.0);
  EXPECT_EQ(first_step_at(kReference, 9.0), 0.0);
  EXPECT_EQ(first_step_at(kReference, 3.9), std::nullopt);
  const LossCurve bouncing{{0, 10, 20, 30}, {8, 4, 7, 2}};
  EXPECT_EQ(first_step_at(bouncing, 4.0), 10.0);
  EXPECT_EQ(first_step_at(bouncing, 3.0), 28.0);
}

TEST(SpeedupOfMeans, FasterIsMeasuredAtTheReferencesFinalLoss) {
  const LossCurve fast{{0, 10, 20, 30, 40}, {8, 5, 3, 2, 1}};
  EXPECT_NEAR(*speedup_of_means(kReference, fast), 40.0 / 15.0, kRounding);
}

TEST(SpeedupOfMeans, SlowerIsMeasuredAtItsOwnFinalLoss) {
  const LossCurve slow{{0, 10, 20, 30, 40}, {8, 7.5, 7, 6, 5.5}};
  EXPECT_NEAR(*speedup_of_means(kReference, slow), 15.0 / 40.0, kRounding);
}

TEST(SpeedupOfMeans, SwappingTheTwoInvertsIt) {
  const LossCurve other{{0, 10, 20, 30, 40}, {8, 5, 3, 2, 1}};
  EXPECT_NEAR(*speedup_of_means(kReference, other) * *speedup_of_means(other, kReference), 1.0, kRounding);
  EXPECT_DOUBLE_EQ(*speedup_of_means(kReference, kReference), 1.0);
}

TEST(SpeedupOfMeans, NoProgressHasNone) {
  const LossCurve stuck{{0, 10}, {8, 8}};
  EXPECT_EQ(speedup_of_means(kReference, stuck), std::nullopt);
  EXPECT_EQ(speedup_of_means(stuck, kReference), std::nullopt);
}

TEST(Speedup, JackknifeIntervalMatchesHandComputation) {
  // Straight lines from 8, so that every crossing is exact. The reference reaches 4 at step 40.
  const LossCurve reference{{0, 40}, {8, 4}};
  const LossCurve seed1{{0, 40}, {8, -8}};  // slope 16 / 40: reaches 4 at 10
  const LossCurve seed2{{0, 40}, {8, 0}};   // slope 8 / 40: reaches 4 at 20
  const auto interval = speedup(std::array{reference, reference}, std::array{seed1, seed2});
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(interval->value, 3.0, kRounding);  // mean slope 12 / 40: reaches 4 at 40 / 3
  // Leaving one out: 4 and 2. Jackknife error of the logarithm (n - 1) / sqrt(n) s, with s = ln 2 / sqrt 2: ln 2 / 2.
  const double reach = std::tan(0.475 * std::numbers::pi) * std::numbers::ln2 / 2.0;
  EXPECT_NEAR(interval->low / (3.0 * std::exp(-reach)), 1.0, kRounding);
  EXPECT_NEAR(interval->high / (3.0 * std::exp(reach)), 1.0, kRounding);
}

TEST(Speedup, JackknifeOfThreeSeedsMatchesHandComputation) {
  // Slopes 1, 2, 3 times that of the reference: mean 2. Leaving one out: 2.5, 2, 1.5.
  const LossCurve reference{{0, 40}, {8, 4}};
  const std::array own{LossCurve{{0, 40}, {8, 4}}, LossCurve{{0, 40}, {8, 0}}, LossCurve{{0, 40}, {8, -4}}};
  const auto interval = speedup(std::array{reference, reference, reference}, own);
  const std::array parts{std::log(2.5), std::log(2.0), std::log(1.5)};
  const double mean = (parts[0] + parts[1] + parts[2]) / 3.0;
  double squares = 0.0;
  for (const double part : parts) squares += (part - mean) * (part - mean);
  const double reach =
      0.95 * std::sqrt(2.0 / (1.0 - 0.95 * 0.95)) * std::sqrt(2.0 / 3.0 * squares);  // (n - 1) / n sum of squares
  EXPECT_NEAR(interval->value, 2.0, kRounding);
  EXPECT_NEAR(interval->low / (2.0 * std::exp(-reach)), 1.0, kRounding);
  EXPECT_NEAR(interval->high / (2.0 * std::exp(reach)), 1.0, kRounding);
}

TEST(Speedup, EqualSeedsHaveAnIntervalOfNoWidthAndOneSeedHasNone) {
  const LossCurve own{{0, 10, 20, 30, 40}, {8, 5, 3, 2, 1}};
  const auto equal = speedup(std::array{kReference, kReference, kReference}, std::array{own, own, own});
  EXPECT_NEAR(equal->low, equal->value, kRounding);
  EXPECT_NEAR(equal->high, equal->value, kRounding);
  const auto single = speedup(std::array{kReference}, std::array{own});
  EXPECT_TRUE(std::isnan(single->low));
  EXPECT_TRUE(std::isnan(single->high));
}

TEST(MeanCurve, RefusesCurvesOfDifferentSteps) {
  EXPECT_THROW((void)mean_curve(std::array{kReference, LossCurve{{0, 1}, {1, 1}}}), std::invalid_argument);
}

TEST(Winner, ZMatchesHandComputation) {
  // Variances 1, 1, 4: floor 1. z = (20 - 10) / sqrt(1/3 + 1/3).
  const std::vector<std::vector<double>> samples{{19, 20, 21}, {9, 10, 11}, {28, 30, 32}};
  const auto test = test_winner(samples);
  EXPECT_EQ(test.best, 1U);
  EXPECT_NEAR(test.z, 10.0 / std::sqrt(2.0 / 3.0), kRounding * 10);
  EXPECT_TRUE(test.is_outside_noise);
  EXPECT_EQ(test.ties_with_best, (std::vector<bool>{false, true, false}));
}

TEST(Winner, AccidentallySmallVarianceIsRaisedToTheMedian) {
  // Without the floor z = 1.9 / sqrt(0 + 1/3) = 3.3; with it 1.9 / sqrt(1/3 + 1/3) = 2.33.
  const std::vector<std::vector<double>> samples{{10, 10, 10}, {10.9, 11.9, 12.9}, {20, 21, 22}};
  EXPECT_NEAR(test_winner(samples).z, 1.9 / std::sqrt(2.0 / 3.0), kRounding * 10);
}

TEST(Winner, NoneInsideTheNoise) {
  const std::vector<std::vector<double>> samples{{9, 10, 11}, {9.5, 10.5, 11.5}, {29, 30, 31}};
  const auto test = test_winner(samples);
  EXPECT_FALSE(test.is_outside_noise);
  EXPECT_EQ(test.ties_with_best, (std::vector<bool>{true, true, false}));
}

TEST(Winner, ThresholdIsTheNormalsFivePercent) {
  // Two samples of variance 1/2 and n = 2: z = difference / sqrt(1/4 + 1/4).
  for (const auto& [z, outside] : {std::pair(1.95, false), std::pair(1.97, true)}) {
    const double difference = z * std::sqrt(0.5);
    const std::vector<std::vector<double>> samples{{0, 1}, {difference, 1 + difference}};
    EXPECT_EQ(test_winner(samples).is_outside_noise, outside) << z;
  }
}

TEST(Winner, DivergedAndSingleSamplesTakeNoPart) {
  EXPECT_EQ(test_winner(std::vector<std::vector<double>>{{1, kInfinity}, {5, 6}}).best, 1U);
  EXPECT_FALSE(test_winner(std::vector<std::vector<double>>{{1, kInfinity}, {5, 6}}).is_outside_noise);
  EXPECT_EQ(test_winner(std::vector<std::vector<double>>{{1}, {5}}).best, std::nullopt);
  EXPECT_EQ(test_winner(std::vector<std::vector<double>>{{3, 3}, {3, 3}}).z, 0.0);
  EXPECT_EQ(test_winner(std::vector<std::vector<double>>{{3, 3}, {4, 4}}).z, kInfinity);
}

}  // namespace
}  // namespace normdescent
