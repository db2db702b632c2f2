// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/affine_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/statistics/distributions.hpp"
#include "normdescent/statistics/jackknife.hpp"

namespace normdescent {
namespace {

// y = a + b x (1 + 0.1 z), x in [0, 4).
std::vector<AffinePoint> line(double a, double b, std::size_t count, std::uint64_t seed) {
  Philox random(seed);
  std::vector<AffinePoint> points;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = 4.0 * random.uniform();
    points.push_back({x, (a + b * x) * (1.0 + 0.1 * random.normal())});
  }
  return points;
}

TEST(AffineFit, RecoversConstantAndSlopeWithinThreeStandardErrors) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const AffineFit fit = fit_affine(line(2.0, 0.5, 60, seed));
    ASSERT_TRUE(fit.reason.empty());
    // Of 40 normal deviates one in 9 runs passes 3; the seeds are fixed.
    EXPECT_NEAR(fit.constant.value, 2.0, 3.5 * fit.constant.standard_error);
    EXPECT_NEAR(fit.slope.value, 0.5, 3.5 * fit.slope.standard_error);
    EXPECT_LT(fit.slope.standard_error, 0.1);
    EXPECT_GT(fit.log_correlation, 0.5);
  }
}

TEST(AffineFit, ClipsToNonNegativeAndFitsTheOtherAlone) {
  const AffineFit falling = fit_affine(std::vector<AffinePoint>{{0, 4}, {1, 3}, {2, 2}, {3, 1}});
  EXPECT_EQ(falling.slope.value, 0.0);
  EXPECT_DOUBLE_EQ(falling.constant.value, 2.5);
  const AffineFit steep = fit_affine(std::vector<AffinePoint>{{1, 0}, {2, 1}, {3, 2}, {4, 3}});
  EXPECT_EQ(steep.constant.value, 0.0);
  EXPECT_DOUBLE_EQ(steep.slope.value, 20.0 / 30.0);  // sum xy / sum x^2
}

TEST(AffineFit, EnvelopeLiesAboveAlmostAllPoints) {
  const auto points = line(2.0, 0.5, 100, 5);
  const AffineFit fit = fit_affine(points);
  int above = 0;
  for (const auto& [x, y] : points) above += y > fit.envelope + fit.slope.value * x ? 1 : 0;
  EXPECT_EQ(above, 5);
}

TEST(AffineFit, OfFivePointsIsWhatTheHandSays) {
  // Means 2 and 3; sum xx 10, sum xy 9: slope 0.9, constant 1.2.
  const std::vector<AffinePoint> points = {{0, 1}, {1, 2}, {2, 4}, {3, 3}, {4, 5}};
  const AffineFit fit = fit_affine(points);
  EXPECT_NEAR(fit.slope.value, 0.9, 1e-12);
  EXPECT_NEAR(fit.constant.value, 1.2, 1e-12);
  // Residuals -0.2, -0.1, 1, -0.9, 0.2: all but none of 5 lie below the largest.
  EXPECT_NEAR(fit.envelope, 1.2 + 1.0, 1e-12);
  // Log correlation over the four points with x > 0, by its definition.
  const double x[] = {0.0, std::log(2.0), std::log(3.0), std::log(4.0)};
  const double y[] = {std::log(2.0), std::log(4.0), std::log(3.0), std::log(5.0)};
  double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
  for (int i = 0; i < 4; ++i) sx += x[i], sy += y[i], sxx += x[i] * x[i], syy += y[i] * y[i], sxy += x[i] * y[i];
  EXPECT_NEAR(fit.log_correlation, (4 * sxy - sx * sy) / std::sqrt((4 * sxx - sx * sx) * (4 * syy - sy * sy)), 1e-12);
  // Without one point each, by the same formulas with sums.
  double slopes[5], constants[5];
  for (std::size_t left_out = 0; left_out < 5; ++left_out) {
    double a = 0, b = 0, aa = 0, ab = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      if (i == left_out) continue;
      a += points[i].x, b += points[i].y, aa += points[i].x * points[i].x, ab += points[i].x * points[i].y;
    }
    slopes[left_out] = (4 * ab - a * b) / (4 * aa - a * a);
    constants[left_out] = (b - slopes[left_out] * a) / 4;
  }
  EXPECT_NEAR(fit.slope.standard_error, jackknife_error(slopes), 1e-12);
  EXPECT_NEAR(fit.constant.standard_error, jackknife_error(constants), 1e-12);
}

TEST(AffineFit, IntervalsCoverTheTruthAsOftenAsTheySay) {
  constexpr int kSeeds = 200;
  const double reach = student_t_quantile(0.975, 58);
  int constants = 0;
  int slopes = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const AffineFit fit = fit_affine(line(2.0, 0.5, 60, seed));
    constants += std::abs(fit.constant.value - 2.0) <= reach * fit.constant.standard_error ? 1 : 0;
    slopes += std::abs(fit.slope.value - 0.5) <= reach * fit.slope.standard_error ? 1 : 0;
  }
  EXPECT_GT(binomial_p_value(constants, kSeeds, 0.95), 0.001) << constants;
  EXPECT_GT(binomial_p_value(slopes, kSeeds, 0.95), 0.001) << slopes;
}

TEST(AffineFit, SaysWhyItCannotFit) {
  EXPECT_NE(fit_affine(line(1, 1, 3, 1)).reason.find("needs 4 points"), std::string::npos);
  EXPECT_NE(fit_affine(std::vector<AffinePoint>(5, {2.0, 1.0})).reason.find("same size"), std::string::npos);
  auto broken = line(1, 1, 6, 1);
  broken[2].y = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(fit_affine(broken).reason.find("not finite"), std::string::npos);
}

}  // namespace
}  // namespace normdescent
