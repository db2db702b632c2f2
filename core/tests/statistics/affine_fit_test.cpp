// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/affine_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "normdescent/base/philox.hpp"

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

TEST(AffineFit, SaysWhyItCannotFit) {
  EXPECT_NE(fit_affine(line(1, 1, 3, 1)).reason.find("needs 4 points"), std::string::npos);
  EXPECT_NE(fit_affine(std::vector<AffinePoint>(5, {2.0, 1.0})).reason.find("same size"), std::string::npos);
  auto broken = line(1, 1, 6, 1);
  broken[2].y = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(fit_affine(broken).reason.find("not finite"), std::string::npos);
}

}  // namespace
}  // namespace normdescent
