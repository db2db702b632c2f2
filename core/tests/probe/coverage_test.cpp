// SPDX-License-Identifier: Apache-2.0
// Standard errors against what they promise: intervals of 95% hold the truth in 95 of 100 problems. 200 fixed seeds, a
// binomial test at 0.1%.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/probe/local_geometry.hpp"
#include "normdescent/probe/matrix_noise.hpp"
#include "normdescent/probe/sample_statistics.hpp"
#include "normdescent/statistics/distributions.hpp"
#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

constexpr int kSeeds = 200;
constexpr double kLevel = 0.95;

/// How often intervals of a t law with `degrees` held the truth.
class Coverage {
 public:
  explicit Coverage(double degrees) : reach_(student_t_quantile(0.5 * (1.0 + kLevel), degrees)) {}
  void add(const std::string& quantity, const Estimate& estimate, double truth) {
    covered_[quantity] += std::abs(estimate.value - truth) <= reach_ * estimate.standard_error ? 1 : 0;
  }
  void expect_as_promised() const {
    for (const auto& [quantity, covered] : covered_)
      EXPECT_GT(binomial_p_value(covered, kSeeds, kLevel), 0.001) << quantity << ": " << covered << " of " << kSeeds;
  }

 private:
  double reach_;
  std::map<std::string, int> covered_;
};

double agreement_of(double signal, double sigma) {
  const double p = normal_cdf(signal / sigma);
  return p * p + (1.0 - p) * (1.0 - p);
}

TEST(Coverage, OfNoiseAndSignalAtAllCoordinates) {
  // sigma 1 and 3, signal 1: 8 groups of rows.
  constexpr std::size_t kDimension = 120;
  constexpr int kRows = 48;
  constexpr auto d = static_cast<double>(kDimension);
  const std::vector<Index> sizes = {static_cast<Index>(kDimension)};
  Coverage coverage(7);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Philox random(seed, 1);
    const CoordinateChoice choice(sizes, static_cast<Index>(kDimension), seed);
    GradientSample sample;
    std::vector<float> row(kDimension);
    for (int k = 0; k < kRows; ++k) {
      for (std::size_t i = 0; i < kDimension; ++i)
        row[i] = static_cast<float>(1.0 + (i % 4 == 0 ? 3.0 : 1.0) * random.normal());
      sample.add(0, row);
    }
    const SampledNoise total = sample_statistics(choice, sample).total;
    coverage.add("l1", total.l1, 1.5 * d);
    coverage.add("l2", total.l2, std::sqrt(3.0 * d));
    coverage.add("density", total.density, 1.5 * 1.5 / 3.0);
    coverage.add("gradient_l2_squared", total.gradient_l2_squared, d);
    coverage.add("sign_agreement", total.sign_agreement, 0.75 * agreement_of(1.0, 1.0) + 0.25 * agreement_of(1.0, 3.0));
  }
  coverage.expect_as_promised();
}

TEST(Coverage, OfNoiseAtChosenCoordinates) {
  // What varies is which coordinates are read: 400 of 8000 with sigma from 0 to 4; rows add little.
  constexpr Index kSize = 8000;
  const std::vector<Index> sizes = {kSize};
  const auto sigma = [](Index i) { return 4.0 * static_cast<double>(i) / kSize; };
  Coverage coverage(7);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Philox random(seed, 2);
    const CoordinateChoice choice(sizes, 400, seed);
    GradientSample sample;
    std::vector<float> row(choice.count());
    for (int k = 0; k < 64; ++k) {
      const auto& indices = choice.tensors().front().indices;
      for (std::size_t c = 0; c < indices.size(); ++c) row[c] = static_cast<float>(sigma(indices[c]) * random.normal());
      sample.add(0, row);
    }
    const SampledNoise total = sample_statistics(choice, sample).total;
    coverage.add("l1", total.l1, 2.0 * kSize);
    coverage.add("l2", total.l2, std::sqrt(16.0 / 3.0 * kSize));
    coverage.add("density", total.density, 4.0 / (16.0 / 3.0));
  }
  coverage.expect_as_promised();
}

TEST(Coverage, OfCurvatureOverRepetitions) {
  // d^T H d of a random sign direction on a rank-one quadratic, whose mean is ||v||_2^2 = 12: noise alone gives the
  // direction.
  constexpr std::size_t kDimension = 12;
  Coverage coverage(15);
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    testing::Synthetic objective(testing::vectors({kDimension}), std::vector<float>(kDimension, 0.0F),
                                 testing::rank_one_quadratic(std::vector<double>(kDimension, 1.0)),
                                 testing::gaussian_noise(std::vector<double>(kDimension, 1.0)));
    ModelGeometry sign(geometries::sign(), objective.parameters());
    BatchSource batches(seed);
    const Smoothness s = measure_smoothness(objective, sign, 0.5, batches, {.repetitions = 16});
    coverage.add("curvature", s.curvature, static_cast<double>(kDimension));
  }
  coverage.expect_as_promised();
}

TEST(StandardError, OfTheNuclearScaleIsItsSpreadOverSeeds) {
  // 12 groups, each of one sample; the mean of squared errors against the variance of the values.
  const std::vector<ParameterInfo> infos = {{"w", {6, 24}, Role::matrix}};
  double sum = 0.0, squares = 0.0, errors = 0.0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Philox random(seed, 4);
    ParameterBuffer<float> buffer(infos);
    NoiseAccumulator noise(buffer.parameters());
    MatrixNoiseAccumulator matrices(buffer.parameters(), 12);
    for (int k = 0; k < 13; ++k) {
      for (float& g : buffer.gradients()) g = static_cast<float>(random.normal());
      matrices.add(buffer.parameters(), noise);
      noise.add(buffer.parameters());
    }
    const MatrixNoise m = matrices.summaries().front();
    sum += m.nuclear;
    squares += m.nuclear * m.nuclear;
    errors += m.nuclear_error * m.nuclear_error / kSeeds;
  }
  const double variance = (squares - sum * sum / kSeeds) / (kSeeds - 1);
  // A variance of 200 values is known to 10%; the mean of squared errors of 11 degrees of freedom to 3%.
  EXPECT_NEAR(errors / variance, 1.0, 0.4);
}

}  // namespace
}  // namespace normdescent
