// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/halley.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "linalg/matrices.hpp"
#include "normdescent/linalg/polar.hpp"

namespace normdescent {
namespace {

using test::gaussian;
using test::largest_difference;
using test::Matrix;

std::vector<double> mapped(int steps, const std::vector<double>& s) {
  return test::mapped_relative_to_schatten4([&](double x) { return map_halley(steps, x); }, s);
}

template <class T>
Matrix<T> iterated(int steps, const Matrix<T>& g) {
  Matrix<T> out(g.rows, g.cols);
  PolarWorkspace<T> workspace;
  polar_halley(steps, g.view(), out.view(), workspace);
  return out;
}

TEST(HalleyWeights, AreThePublishedOnesAtTheEnds) {
  // At low = 1 the iteration is Halley's own: (3, 1, 3).
  const HalleyStep at_one = halley_step(1.0);
  EXPECT_DOUBLE_EQ(at_one.a, 3.0);
  EXPECT_DOUBLE_EQ(at_one.b, 1.0);
  EXPECT_DOUBLE_EQ(at_one.c, 3.0);
  for (const double low : {1e-6, 1e-3, 0.05, 0.5, 0.99}) {
    const HalleyStep p = halley_step(low);
    EXPECT_NEAR(map_halley_step(p, 1.0), 1.0, 1e-14) << low;
    // Optimal: the other maximum is 1 too, at the smaller critical point, and the image of [low, 1] is [p(low), 1].
    double highest = 0.0;
    double lowest = 2.0;
    for (int i = 0; i <= 20000; ++i) {
      const double image = map_halley_step(p, low * std::pow(1.0 / low, i / 20000.0));
      highest = std::max(highest, image);
      lowest = std::min(lowest, image);
    }
    EXPECT_NEAR(highest, 1.0, 1e-6) << low;
    EXPECT_NEAR(lowest, map_halley_step(p, low), 1e-12) << low;
  }
}

TEST(HalleyCertificates, HoldAndAreTight) {
  for (const auto& [steps, input, output] : kHalleyCertificates) {
    const Interval image = certify_halley(steps, input.low, input.high);
    EXPECT_GE(image.low, output.low) << steps;
    EXPECT_LE(image.high, output.high) << steps;
    EXPECT_LE(image.low - output.low, 1e-4) << steps;
    EXPECT_LE(output.high - image.high, 1e-4) << steps;
  }
}

TEST(HalleyCertificates, EncloseEverySample) {
  for (const int steps : {1, 2, 3, 5}) {
    for (const double low : {0.0, 1e-5, 1e-3, 0.1}) {
      for (const double high : {1.0, 1.004}) {
        const Interval proven = certify_halley(steps, low, high);
        for (int i = 0; i <= 5000; ++i) {
          const double image = map_halley(steps, low + (high - low) * i / 5000.0);
          EXPECT_LE(proven.low, image + 1e-13);
          EXPECT_GE(proven.high, image - 1e-13);
        }
      }
    }
  }
}

TEST(HalleyCertificates, RankOneInputCannotDivergeHoweverWrongTheNorm) {
  for (const int steps : {1, 2, 3, 8}) {
    const Interval image = certify_halley(steps, 1.0, 1.0 + kNormalizationRounding);
    EXPECT_GT(image.low, 0.99);
    EXPECT_LT(image.high, 1.0 + kNormalizationRounding);
    EXPECT_LT(certify_halley(steps, 1.0, 10.0).high, 10.0);
  }
}

TEST(Halley, MapsSingularValuesAndKeepsSingularVectors) {
  for (const auto& [m, n] : std::vector<std::pair<Index, Index>>{{12, 5}, {5, 12}, {8, 8}, {130, 200}, {200, 130}}) {
    for (const int steps : {1, 2, 3, 5}) {
      const auto g = gaussian<double>(m, n, 11);
      const Svd svd = compact_svd(g.view());
      const auto twin = test::with_singular_values<double>(svd, mapped(steps, svd.s));
      // The inverse of I + c A has condition up to c = 16000 and is multiplied by a^2 / c: 16000 * eps * 4 = 1.4e-11.
      EXPECT_LE(largest_difference(iterated(steps, g).entries, twin.entries), 1.4e-11) << m << "x" << n << " " << steps;
    }
  }
}

TEST(Halley, FloatStaysNearTheMapForIllConditionedMatrices) {
  const Svd basis = compact_svd(gaussian<double>(128, 192, 5).view());
  for (const test::Spectrum& spectrum : test::kIllConditioned) {
    const char* const name = spectrum.name;
    const std::vector<double> s = spectrum.first(128);
    const auto g = test::with_singular_values<float>(basis, s);
    const auto twin = test::with_singular_values<double>(basis, mapped(2, s));
    const auto out = iterated(2, g);
    Matrix<double> error(128, 192);
    for (std::size_t i = 0; i < error.entries.size(); ++i) error.entries[i] = out.entries[i] - twin.entries[i];
    // Measured worst over 6 spectra and two sizes: 0.023 (one large); without Cholesky factors it was 39.
    EXPECT_LE(singular_values(error.view())[0], 0.05) << name;
    EXPECT_LE(singular_values(out.view())[0], 1.01) << name;
  }
}

}  // namespace
}  // namespace normdescent
