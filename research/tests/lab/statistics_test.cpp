// SPDX-License-Identifier: Apache-2.0
#include "statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace normdescent::lab {
namespace {

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  const std::vector<double> values{3, 1, 2, 10};
  EXPECT_EQ(quantile(values, 0.0), 1.0);
  EXPECT_EQ(quantile(values, 0.5), 2.5);
  EXPECT_EQ(quantile(values, 1.0), 10.0);
}

TEST(Quantile, MedianOfRunsOfWhichOneNeverArrivedIsANumber) {
  const double never = std::numeric_limits<double>::infinity();
  EXPECT_EQ(quantile(std::vector<double>{never, 1, 2}, 0.5), 2.0);
  EXPECT_EQ(quantile(std::vector<double>{never, never, 2}, 0.5), never);
}

TEST(FitPower, FindsTheExponentAndAnIntervalThatWidensWithTheScatter) {
  std::vector<double> x, exact, scattered;
  for (int k = 1; k <= 8; ++k) {
    x.push_back(k);
    exact.push_back(3 * std::pow(k, -2.5));
    scattered.push_back(exact.back() * (k % 2 == 0 ? 1.1 : 1 / 1.1));
  }
  const LineFit fit = fit_power(x, exact);
  EXPECT_NEAR(fit.slope, -2.5, 1e-12);
  EXPECT_NEAR(std::exp(fit.intercept), 3.0, 1e-11);
  EXPECT_NEAR(fit.slope_low, fit.slope_high, 1e-11);
  const LineFit wide = fit_power(x, scattered);
  EXPECT_LT(wide.slope_low, -2.5);
  EXPECT_GT(wide.slope_high, -2.5);
}

TEST(BinomialTail, MatchesSmallCases) {
  EXPECT_NEAR(binomial_tail(2, 0.5, 1), 0.25, 1e-15);
  EXPECT_NEAR(binomial_tail(3, 0.5, 0), 0.875, 1e-14);
  EXPECT_EQ(binomial_tail(3, 0.5, 3), 0.0);
}

}  // namespace
}  // namespace normdescent::lab
