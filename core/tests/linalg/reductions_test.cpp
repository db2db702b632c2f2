// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/reductions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "linalg/matrices.hpp"

namespace normdescent {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

TEST(Reductions, AgreeWithLongDoubleSumsAtEveryLength) {
  for (Index n = 0; n < 70; ++n) {
    const auto x = test::gaussian<float>(n, 1, 5);
    const auto y = test::gaussian<float>(n, 1, 6);
    long double absolute = 0, squares = 0, products = 0;
    float largest = 0;
    for (Index i = 0; i < n; ++i) {
      absolute += std::abs(static_cast<long double>(x(i, 0)));
      squares += static_cast<long double>(x(i, 0)) * x(i, 0);
      products += static_cast<long double>(x(i, 0)) * y(i, 0);
      largest = std::max(largest, std::abs(x(i, 0)));
    }
    const double tolerance = static_cast<double>(n + 1) * kEps * static_cast<double>(1 + squares);
    EXPECT_NEAR(norm1(x.view().span()), static_cast<double>(absolute), tolerance);
    EXPECT_NEAR(norm2(x.view().span()), static_cast<double>(std::sqrt(squares)), tolerance);
    EXPECT_NEAR(dot(x.view().span(), y.view().span()), static_cast<double>(products), tolerance + 1e-13);
    EXPECT_EQ(max_abs(x.view().span()), static_cast<double>(largest));
  }
}

TEST(Reductions, Norm2SurvivesSquaresOutsideTheRangeOfDouble) {
  for (const double scale : {1e-320, 1e-300, 1e-200, 1e-130, 1.0, 1e200, 1e307}) {
    const std::vector<double> x{3 * scale, -4 * scale};
    EXPECT_NEAR(norm2(std::span<const double>(x)) / scale, 5.0, scale < 1e-310 ? 1e-3 : 4 * kEps) << scale;
  }
}

TEST(Reductions, NanIsNeverLost) {
  for (std::size_t place = 0; place < 35; ++place) {
    std::vector<float> x(35, 1.0F);
    x[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(std::isnan(max_abs(std::span<const float>(x))));
    EXPECT_TRUE(std::isnan(norm2(std::span<const float>(x))));
    EXPECT_TRUE(std::isnan(norm1(std::span<const float>(x))));
    std::vector<float> out(35);
    normalize(x, std::span(out));
    for (const float entry : out) EXPECT_TRUE(std::isnan(entry));
  }
}

TEST(Reductions, NormalizeIsScaleFreeAndMapsZeroToZero) {
  for (const double scale : {4.9e-324, 1e-300, 1.0, 1e300}) {
    std::vector<double> x{3 * scale, -4 * scale, 0.0};
    normalize(x, std::span(x), 10.0);
    EXPECT_NEAR(x[0], 6.0, 10 * kEps) << scale;
    EXPECT_NEAR(x[1], -8.0, 10 * kEps) << scale;
    EXPECT_EQ(x[2], 0.0);
  }
  std::vector<float> zero(3, -0.0F);
  normalize(zero, std::span(zero));
  for (const float entry : zero) EXPECT_EQ(entry, 0.0F);
}

TEST(Reductions, DifferentSizesAreRefused) {
  const std::vector<double> x(2), y(3);
  EXPECT_THROW((void)dot(std::span<const double>(x), std::span<const double>(y)), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
