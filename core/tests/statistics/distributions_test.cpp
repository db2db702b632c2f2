// SPDX-License-Identifier: Apache-2.0
// Against closed forms, sums and integrals that know nothing of the library's.
#include "normdescent/statistics/distributions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

namespace normdescent {
namespace {

TEST(NormalQuantile, IsTheInverseOfTheDistributionAndHasItsTabulatedValues) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(normal_quantile(0.9), 1.2815515655446004, 1e-14);
  EXPECT_EQ(normal_quantile(0.5), 0.0);
  for (const double p : {1e-12, 1e-3, 0.2, 0.7, 0.999}) {
    EXPECT_NEAR(0.5 * std::erfc(-normal_quantile(p) / std::numbers::sqrt2) / p, 1.0, 1e-12) << p;
    EXPECT_NEAR(normal_cdf(normal_quantile(p)) / p, 1.0, 1e-12) << p;
  }
  EXPECT_EQ(normal_quantile(0.0), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(normal_quantile(1.0), std::numeric_limits<double>::infinity());
  EXPECT_THROW((void)normal_quantile(1.1), std::invalid_argument);
  EXPECT_THROW((void)normal_quantile(std::nan("")), std::invalid_argument);
}

/// P(|t| <= q) by Simpson's rule on the density.
double student_mass(double q, int degrees) {
  const double n = degrees;
  const double scale = std::exp(std::lgamma((n + 1) / 2) - std::lgamma(n / 2)) / std::sqrt(n * std::numbers::pi);
  const auto density = [&](double t) { return scale * std::pow(1 + t * t / n, -(n + 1) / 2); };
  constexpr int kIntervals = 4000;
  const double h = q / kIntervals;
  double sum = density(0) + density(q);
  for (int i = 1; i < kIntervals; ++i) sum += density(i * h) * (i % 2 == 1 ? 4 : 2);
  return 2 * sum * h / 3;
}

TEST(StudentT, QuantilesHoldTheirMass) {
  for (int degrees = 1; degrees <= 60; ++degrees) {
    // Simpson's rule is off by 1e-9 where the density has its poles nearest to the interval, at one degree.
    EXPECT_NEAR(student_mass(student_t_quantile(0.975, degrees), degrees), 0.95, 1e-8) << degrees;
    EXPECT_NEAR(student_mass(student_t_quantile(0.9, degrees), degrees), 0.8, 1e-8) << degrees;
  }
}

TEST(StudentT, HasTheClosedFormsOfOneAndTwoDegrees) {
  for (const double p : {0.6, 0.9, 0.975, 0.999}) {
    EXPECT_NEAR(student_t_quantile(p, 1) / std::tan(std::numbers::pi * (p - 0.5)), 1.0, 1e-12) << p;
    const double a = 2 * p - 1;
    EXPECT_NEAR(student_t_quantile(p, 2) / (a * std::sqrt(2 / (1 - a * a))), 1.0, 1e-12) << p;
  }
  EXPECT_NEAR(student_t_quantile(0.025, 7), -student_t_quantile(0.975, 7), 1e-14);
  EXPECT_TRUE(std::isnan(student_t_quantile(0.975, 0)));
  EXPECT_THROW((void)student_t_quantile(1.0, 3), std::invalid_argument);
}

TEST(BinomialTail, MatchesSmallCases) {
  EXPECT_NEAR(binomial_tail(2, 0.5, 1), 0.25, 1e-15);
  EXPECT_NEAR(binomial_tail(3, 0.5, 0), 0.875, 1e-14);
  EXPECT_NEAR(binomial_tail(4, 0.2, 2), 4 * 0.008 * 0.8 + 0.0016, 1e-15);
  EXPECT_EQ(binomial_tail(3, 0.5, 3), 0.0);
  EXPECT_EQ(binomial_tail(3, 0.5, -1), 1.0);
  // Far out, where one minus the distribution is all rounding: theory T4's escape.
  EXPECT_NEAR(binomial_tail(9679, 0.0035871, 69) / 8.7e-8, 1.0, 0.05);
}

TEST(BinomialPValue, IsTwiceTheSmallerTail) {
  // Of 10 fair coins: P(X <= 1) = 11 / 1024.
  EXPECT_NEAR(binomial_p_value(1, 10, 0.5), 22.0 / 1024.0, 1e-15);
  EXPECT_NEAR(binomial_p_value(9, 10, 0.5), 22.0 / 1024.0, 1e-15);
  EXPECT_EQ(binomial_p_value(5, 10, 0.5), 1.0);
  EXPECT_NEAR(binomial_p_value(0, 200, 0.05), 2 * std::pow(0.95, 200), 1e-15);
}

}  // namespace
}  // namespace normdescent
