// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/hessian.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using testing::diagonal_quadratic;
using testing::gaussian_start;
using testing::rank_one_quadratic;
using testing::Synthetic;
using testing::vectors;

constexpr std::size_t kDimension = 60;

double constant_of(const HessianReport& report, Geometry geometry) {
  for (const auto& c : report.constants) {
    if (c.geometry == geometry) return c.value.value;
  }
  return 0.0;
}

HessianReport measure(Synthetic& objective, const HessianOptions& options = {.iterations = 30}) {
  BatchSource batches(1);
  return measure_hessian(objective, batches, options);
}

TEST(Hessian, RecoversConstantsOfDiagonalQuadratic) {
  std::vector<double> curvatures(kDimension, 1.0);
  curvatures[7] = 5.0;
  Synthetic objective(vectors({20, 40}), gaussian_start(kDimension, 2), diagonal_quadratic(curvatures));
  const HessianReport report = measure(objective);
  ASSERT_TRUE(report.reason.empty()) << report.reason;
  // Gradients are fp32: at h = 1e-4 |x| their rounding of 2^-24 |g| is 1e-3 of the difference at most.
  EXPECT_NEAR(constant_of(report, geometries::euclidean()), 5.0, 0.01);
  EXPECT_NEAR(constant_of(report, geometries::sign()), 64.0, 0.1);
  EXPECT_NEAR(report.diagonal_share.value, 1.0, 1e-2);
  EXPECT_NEAR(report.trace.value, 64.0, 0.1);
}

TEST(Hessian, RecoversConstantsOfDenseRankOneQuadratic) {
  const std::vector<double> v(kDimension, 0.5);
  Synthetic objective(vectors({static_cast<Index>(kDimension)}), gaussian_start(kDimension, 2), rank_one_quadratic(v));
  const HessianReport report = measure(objective, {.iterations = 8, .diagonal_probes = 64});
  ASSERT_TRUE(report.reason.empty()) << report.reason;
  EXPECT_NEAR(constant_of(report, geometries::euclidean()), 15.0, 0.05);  // ||v||_2^2
  EXPECT_NEAR(constant_of(report, geometries::sign()), 900.0, 2.0);       // ||v||_1^2
  EXPECT_NEAR(report.diagonal_share.value, 1.0 / kDimension, 4.0 * report.diagonal_share.standard_error + 1e-3);
  EXPECT_LT(report.diagonal_share.value, 0.2);
}

// H X = A X for f = tr(X^T A X) / 2, A = diag(a): for orthogonal X the nuclear norm is sum a_i / sqrt(n) at the scale
// of a unit step, so the spectral constant in ModelGeometry's scales is n sum a_i.
TEST(Hessian, RecoversSpectralConstantOfMatrixQuadratic) {
  constexpr Index n = 8;
  std::vector<ParameterInfo> infos(1);
  infos[0] = {.name = "w", .shape = {n, n}, .role = Role::matrix};
  std::vector<double> curvatures;
  for (Index i = 0; i < n * n; ++i) curvatures.push_back(1.0 + static_cast<double>(i / n));
  Synthetic objective(infos, gaussian_start(n * n, 4), diagonal_quadratic(curvatures));
  const HessianReport report = measure(objective);
  EXPECT_NEAR(constant_of(report, geometries::spectral()) / (n * 36.0), 1.0,
              0.01);  // 1 + ... + 8 = 36; msign within 0.7%
}

TEST(Hessian, ReturnsValuesBitEqual) {
  const auto start = gaussian_start(kDimension, 2);
  Synthetic objective(vectors({60}), start, diagonal_quadratic(std::vector<double>(kDimension, 1.0)));
  (void)measure(objective);
  EXPECT_TRUE(std::equal(start.begin(), start.end(), objective.values().begin()));
}

TEST(Hessian, SaysThatALinearFunctionHasNoCurvature) {
  Synthetic objective(vectors({60}), gaussian_start(kDimension, 2), [](std::span<const float> x, std::span<double> g) {
    std::ranges::fill(g, 1.0);
    double sum = 0.0;
    for (const float v : x) sum += static_cast<double>(v);
    return sum;
  });
  const HessianReport report = measure(objective);
  EXPECT_NE(report.reason.find("zero"), std::string::npos);
  EXPECT_TRUE(report.constants.empty());
}

TEST(Hessian, RefusesOptionsByName) {
  Synthetic objective(vectors({60}), gaussian_start(kDimension, 2), diagonal_quadratic(std::vector<double>(60, 1.0)));
  EXPECT_THROW((void)measure(objective, {.iterations = 0}), std::invalid_argument);
  EXPECT_THROW((void)measure(objective, {.diagonal_probes = 1}), std::invalid_argument);
  EXPECT_THROW((void)measure(objective, {.batches = 1}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
