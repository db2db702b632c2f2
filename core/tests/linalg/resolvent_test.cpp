// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/resolvent.hpp"

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

std::vector<double> mapped(const std::vector<double>& s) {
  return test::mapped_relative_to_schatten4(map_resolvent, s);
}

template <class T>
Matrix<T> computed(const Matrix<T>& g) {
  Matrix<T> out(g.rows, g.cols);
  PolarWorkspace<T> workspace;
  polar_resolvent<T>(g.view(), out.view(), workspace);
  return out;
}

TEST(ResolventCertificate, HoldsAndIsTight) {
  const auto& [steps, input, output] = kResolventCertificate;
  const Interval image = certify_resolvent(input.low, input.high);
  EXPECT_GE(image.low, output.low);
  EXPECT_LE(image.high, output.high);
  EXPECT_LE(image.low - output.low, 1e-5);
  EXPECT_LE(output.high - image.high, 1e-5);
}

// As a best approximation with six constants does. (An eighth extremum, at 0.058, deviates by 0.040 only.)
TEST(Resolvents, DeviateEquallyAtSevenPoints) {
  constexpr int kSamples = 100000;
  std::vector<double> deviations;
  for (int i = 0; i <= kSamples; ++i) {
    deviations.push_back(map_resolvent(kResolventLow * std::pow(1.0 / kResolventLow, 1.0 * i / kSamples)) - 1.0);
  }
  int equal = 0;
  for (int i = 0; i <= kSamples; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double size = std::abs(deviations[at]);
    const bool is_extremum =
        (i == 0 || std::abs(deviations[at - 1]) < size) && (i == kSamples || std::abs(deviations[at + 1]) < size);
    if (is_extremum && size > 0.0661) ++equal;
    EXPECT_LT(size, 0.06623);
  }
  EXPECT_EQ(equal, 7);
}

TEST(ResolventCertificate, EnclosesEverySample) {
  for (const double low : {0.0, 1e-5, 1e-3, 0.1}) {
    for (const double high : {1.0, 1.004, 10.0}) {
      const Interval proven = certify_resolvent(low, high);
      for (int i = 0; i <= 5000; ++i) {
        const double image = map_resolvent(low + (high - low) * i / 5000.0);
        EXPECT_LE(proven.low, image + 1e-13);
        EXPECT_GE(proven.high, image - 1e-13);
      }
      EXPECT_LT(proven.high, high + 0.1);
    }
  }
}

TEST(Resolvent, MapsSingularValuesAndKeepsSingularVectors) {
  for (const auto& [m, n] : std::vector<std::pair<Index, Index>>{{12, 5}, {5, 12}, {8, 8}, {130, 200}, {200, 130}}) {
    const auto g = gaussian<double>(m, n, 11);
    const Svd svd = compact_svd(g.view());
    const auto twin = test::with_singular_values<double>(svd, mapped(svd.s));
    // eps cond for each of two inverses, the second of condition up to 30 / (1 + d) = 4400: 1e-12 each, times beta
    EXPECT_LE(largest_difference(computed(g).entries, twin.entries), 1e-11) << m << "x" << n;
  }
}

// Where an inverse loses most: many singular values far below the largest.
TEST(Resolvent, FloatStaysNearTheMapForIllConditionedMatrices) {
  const Svd basis = compact_svd(gaussian<double>(128, 192, 5).view());
  for (const test::Spectrum& spectrum : test::kIllConditioned) {
    const char* const name = spectrum.name;
    const std::vector<double> s = spectrum.first(128);
    const auto g = test::with_singular_values<float>(basis, s);
    const auto twin = test::with_singular_values<double>(basis, mapped(s));
    const auto out = computed(g);
    Matrix<double> error(128, 192);
    for (std::size_t i = 0; i < error.entries.size(); ++i) error.entries[i] = out.entries[i] - twin.entries[i];
    const double worst = singular_values(error.view())[0];
    RecordProperty(name, std::to_string(worst));
    EXPECT_LE(worst, 0.05) << name;
    EXPECT_LE(singular_values(out.view())[0], 1.08) << name;
  }
}

}  // namespace
}  // namespace normdescent
