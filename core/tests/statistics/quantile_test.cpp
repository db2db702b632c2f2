// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/quantile.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "normdescent/base/numbers.hpp"
#include "normdescent/statistics/jackknife.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/statistics/repeated_values.hpp"

namespace normdescent {
namespace {

TEST(Median, OfOddEvenAndNoValues) {
  EXPECT_EQ(median({3.0}), 3.0);
  EXPECT_EQ(median({9.0, 1.0, 4.0}), 4.0);
  EXPECT_EQ(median({8.0, 1.0, 4.0, 2.0}), 3.0);
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  const std::array values{3.0, 1.0, 2.0, 10.0};
  EXPECT_EQ(quantile(values, 0.0), 1.0);
  EXPECT_EQ(quantile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 3.0 + 0.7 * 7.0);  // place 2.7 of 0 .. 3
  EXPECT_EQ(quantile(values, 1.0), 10.0);
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
}

TEST(Quantile, MedianOfRunsOfWhichOneNeverArrivedIsANumber) {
  EXPECT_EQ(quantile(std::array{kInfinity, 1.0, 2.0}, 0.5), 2.0);
  EXPECT_EQ(quantile(std::array{kInfinity, kInfinity, 2.0}, 0.5), kInfinity);
}

TEST(Quantile, NaNHasNoPlaceInAnOrder) {
  for (std::size_t place = 0; place < 40; ++place) {  // long enough for every branch of sorting
    std::vector<double> values(40);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>((i * 17) % 40);
    values[place] = kNaN;
    EXPECT_TRUE(std::isnan(median(values)));
    EXPECT_TRUE(std::isnan(quantile(values, 0.9)));
  }
  const std::array values{1.0, 2.0};
  for (const double share : {-0.1, 1.1, kNaN, kInfinity}) EXPECT_TRUE(std::isnan(quantile(values, share)));
}

TEST(RepeatedValues, LeaveOutNaN) {
  std::vector<double> values(40, kNaN);
  for (std::size_t i = 0; i < 30; ++i) values[i] = i % 2 == 0 ? 0.0 : 1.0 + static_cast<double>(i);
  EXPECT_EQ(repeated_values(values), std::vector<double>{0.0});
  EXPECT_TRUE(repeated_values(std::vector<double>(40, kNaN)).empty());
}

TEST(MeanAndError, MatchesHandComputation) {
  const Estimate mean = mean_and_error(std::array{1.0, 2.0, 6.0});
  EXPECT_DOUBLE_EQ(mean.value, 3.0);
  EXPECT_DOUBLE_EQ(mean.standard_error, std::sqrt(7.0 / 3.0));  // s^2 = (4 + 1 + 9) / 2
  EXPECT_DOUBLE_EQ(sample_variance(std::array{1.0, 2.0, 6.0}), 7.0);
  EXPECT_EQ(mean_and_error(std::array{5.0}).value, 5.0);
  EXPECT_EQ(mean_and_error(std::array{5.0}).standard_error, 0.0);
  EXPECT_TRUE(std::isnan(sample_variance(std::array{5.0})));
  EXPECT_EQ(mean_and_error({}).value, 0.0);
  EXPECT_EQ(mean_and_error(std::array{1.0, kInfinity}).value, kInfinity);
  EXPECT_TRUE(std::isnan(mean_and_error(std::array{1.0, kInfinity}).standard_error));
}

TEST(Jackknife, OfAMeanIsItsStandardError) {
  // Means of 1, 2, 6, 11 without each: 19/3, 18/3, 14/3, 9/3.
  const std::array deleted{19.0 / 3, 18.0 / 3, 14.0 / 3, 9.0 / 3};
  EXPECT_NEAR(jackknife_error(deleted), mean_and_error(std::array{1.0, 2.0, 6.0, 11.0}).standard_error, 1e-14);
  EXPECT_DOUBLE_EQ(jackknife_error(std::array{1.0, 2.0, 6.0}), std::sqrt(2.0 / 3.0 * 14.0));
}

}  // namespace
}  // namespace normdescent
