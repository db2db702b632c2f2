// SPDX-License-Identifier: Apache-2.0
// The batch size at which noise is as large as the gradient, of problems where both are known.
#include "normdescent/probe/critical_batch.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/probe/probe.hpp"
#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using testing::Synthetic;

constexpr std::size_t kDimension = 400;
constexpr double kGradient = 2.0;  // of every coordinate

// f(x) = 1/2 ||x||^2 at x = (2, ..., 2). sigma of one example: 9 in every fourth coordinate, 1 in the others.
Synthetic problem() {
  std::vector<double> sigma(kDimension, 1.0);
  for (std::size_t i = 0; i < sigma.size(); i += 4) sigma[i] = 9.0;
  return {testing::vectors({100, 300}), std::vector<float>(kDimension, static_cast<float>(kGradient)),
          testing::diagonal_quadratic(std::vector<double>(kDimension, 1.0)), testing::gaussian_noise(sigma)};
}

// S_2^2 = 400 * 21, S_1 = 400 * 3; ||grad||_2^2 = 400 * 4, ||grad||_1 = 400 * 2.
constexpr double kEuclidean = 4.0 * 21.0 / (kGradient * kGradient);
constexpr double kSign = 4.0 * 9.0 / (kGradient * kGradient);

TEST(CriticalBatch, IsThatOfTheKnownNoiseAndGradientAtEveryBatchSize) {
  for (const std::uint32_t batch : {4U, 16U, 64U}) {
    Synthetic objective = problem();
    const ProbeReport report = probe(objective, batch, {.micro_batches = 64, .pilot_steps = 0});
    const auto of = [&](Geometry geometry) { return report.start.find(geometry)->critical_batch; };
    // Errors are of 400 coordinates, all of which are read.
    EXPECT_NEAR(of(geometries::euclidean()).value, kEuclidean, 4.0 * of(geometries::euclidean()).standard_error)
        << batch;
    EXPECT_NEAR(of(geometries::sign()).value, kSign, 4.0 * of(geometries::sign()).standard_error) << batch;
    EXPECT_LT(of(geometries::euclidean()).standard_error, 0.15 * kEuclidean) << batch;
    EXPECT_LT(of(geometries::sign()).standard_error, 0.15 * kSign) << batch;
    // No tensor is a matrix: the spectral geometry is that of signs.
    EXPECT_DOUBLE_EQ(of(geometries::spectral()).value, of(geometries::sign()).value);
  }
}

TEST(CriticalBatch, OfExactNumbersIsTheFormulaWithThePropagatedError) {
  const Estimate critical = critical_batch({3.0, 0.3}, {1.5, 0.06}, 8.0);
  EXPECT_DOUBLE_EQ(critical.value, 8.0 * 16.0);
  EXPECT_NEAR(critical.standard_error, 2.0 * critical.value * std::hypot(0.1, 0.04), 1e-9);
  EXPECT_TRUE(std::isnan(critical_batch({3.0, 0.3}, {0.0, 0.1}, 8.0).value));
  EXPECT_EQ(critical_batch({0.0, 0.0}, {1.0, 0.1}, 8.0).value, 0.0);
}

}  // namespace
}  // namespace normdescent
