// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/gradient_sample.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "normdescent/probe/sample_statistics.hpp"
#include "probe/samples.hpp"

namespace normdescent {
namespace {

constexpr Index kSmall = 300;
constexpr Index kLarge = 12'000;
constexpr Index kTotal = kSmall + kLarge;

// sigma_i = 1, every fourth 9: phi = 9 / 21; signal 0.5 in every coordinate.
double scale(Index i) { return i % 4 == 0 ? 9.0 : 1.0; }
constexpr double kDensity = 9.0 / 21.0;
constexpr double kSignal = 0.5;

// Rows of `rows_a_step` at each of `steps` points; `common` is noise that all examples of two neighbouring rows share.
struct Drawn {
  CoordinateChoice choice;
  GradientSample sample;
};
Drawn draw(std::size_t steps, std::size_t rows_a_step, Index count, std::uint64_t seed, bool is_dependent = false) {
  const std::vector<Index> sizes = {kSmall, kLarge};
  Drawn drawn{CoordinateChoice(sizes, count, seed), {}};
  Philox random(seed, 99);
  std::vector<float> row(drawn.choice.count());
  for (std::size_t s = 0; s < steps; ++s) {
    for (std::size_t k = 0; k < rows_a_step; ++k) {
      for (const auto& tensor : drawn.choice.tensors()) {
        for (std::size_t c = 0; c < tensor.indices.size(); ++c) {
          // Dependent examples: the loud coordinates alternate in sign, so their noise falls by 1/4 when 4 are merged.
          const double sigma = scale(tensor.indices[c]);
          double noise = sigma * random.normal();
          if (is_dependent && sigma > 1.0) noise = std::abs(noise) * (k % 2 == 0 ? 1.0 : -1.0);
          row[tensor.first + c] = static_cast<float>(kSignal + noise);
        }
      }
      drawn.sample.add(static_cast<std::int64_t>(s), row);
    }
  }
  return drawn;
}

TEST(CoordinateChoice, DrawsDistinctCoordinatesOfEveryTensorInProportion) {
  const std::vector<Index> sizes = {5, 1000, 9000};
  const CoordinateChoice choice(sizes, 1000, 3);
  const auto tensors = choice.tensors();
  EXPECT_EQ(tensors[0].indices.size(), 5U);
  EXPECT_EQ(tensors[1].indices.size(), 100U);
  EXPECT_EQ(tensors[2].indices.size(), 900U);
  EXPECT_EQ(choice.count(), 1005U);
  for (const auto& tensor : tensors) {
    const std::set<Index> distinct(tensor.indices.begin(), tensor.indices.end());
    EXPECT_EQ(distinct.size(), tensor.indices.size());
    EXPECT_LT(*distinct.rbegin(), tensor.size);
    EXPECT_DOUBLE_EQ(tensor.weight() * static_cast<double>(tensor.indices.size()), static_cast<double>(tensor.size));
  }
  EXPECT_THROW(CoordinateChoice(sizes, 0, 3), std::invalid_argument);
}

TEST(SampleStatistics, RecoverKnownNoiseAndSignalWithinTheirErrors) {
  struct Shape {
    std::size_t steps, rows;
  };
  for (const auto [steps, rows] : {Shape{1, 64}, Shape{16, 4}, Shape{40, 2}}) {
    const Drawn drawn = draw(steps, rows, 3000, 7);
    const SampleStatistics s = sample_statistics(drawn.choice, drawn.sample);
    ASSERT_TRUE(s.total.reason.empty()) << s.total.reason;
    const auto near = [&, steps = steps](const Estimate& estimate, double truth, double largest_error) {
      EXPECT_NEAR(estimate.value, truth, 3.5 * estimate.standard_error) << steps << " steps";
      EXPECT_GT(estimate.standard_error, 0.0);
      EXPECT_LT(estimate.standard_error, largest_error * truth);
    };
    near(s.total.l1, 3.0 * kTotal, 0.05);
    near(s.total.l2, std::sqrt(21.0 * kTotal), 0.05);
    near(s.total.density, kDensity, 0.05);
    near(s.total.gradient_l2_squared, kSignal * kSignal * kTotal, 1.0);
    // Pairs agree with probability p^2 + (1 - p)^2, p = Phi(signal / sigma).
    const auto agree = [](double z) {
      const double p = 0.5 * std::erfc(-z / std::sqrt(2.0));
      return p * p + (1.0 - p) * (1.0 - p);
    };
    near(s.total.sign_agreement, 0.75 * agree(kSignal) + 0.25 * agree(kSignal / 9.0), 0.02);
    EXPECT_NEAR(s.tensors[1].density.value, kDensity, 3.5 * s.tensors[1].density.standard_error);
  }
}

TEST(SampleStatistics, DensityIsInvariantToBatchSizeForIndependentExamplesOnly) {
  const Drawn independent = draw(1, 64, 3000, 8);
  const auto same = sample_statistics(independent.choice, independent.sample).invariance;
  EXPECT_EQ(same.factor, 4);
  EXPECT_NEAR(same.ratio.value, 1.0, 3.0 * same.ratio.standard_error);
  EXPECT_LT(same.ratio.standard_error, 0.1);
  const Drawn dependent = draw(1, 64, 3000, 8, true);
  const auto other = sample_statistics(dependent.choice, dependent.sample).invariance;
  EXPECT_TRUE(other.is_violated()) << other.ratio.value << " +- " << other.ratio.standard_error;
  EXPECT_GT(other.ratio.value, 1.1);
}

TEST(SampleStatistics, SayWhyAQuantityIsNotMeasurable) {
  const std::vector<Index> sizes = {20, 20, 20, 20};
  const CoordinateChoice choice(sizes, 80, 1);
  Philox random(1);
  GradientSample sample;
  for (int k = 0; k < 8; ++k) {
    std::vector<float> row(80, 0.0F);
    for (std::size_t i = 0; i < 20; ++i) row[i] = static_cast<float>(random.normal());  // noise alone
    for (std::size_t i = 40; i < 60; ++i) row[i] = 0.1F;                                // constant
    for (std::size_t i = 60; i < 80; ++i) row[i] = std::numeric_limits<float>::quiet_NaN();
    sample.add(0, row);
  }
  const SampleStatistics s = sample_statistics(choice, sample);
  EXPECT_GT(s.tensors[0].density.value, 0.5);
  EXPECT_NE(s.tensors[1].reason.find("exactly zero"), std::string::npos);
  EXPECT_TRUE(std::isnan(s.tensors[1].l1.value));
  EXPECT_NE(s.tensors[2].reason.find("zero noise"), std::string::npos);
  EXPECT_TRUE(std::isnan(s.tensors[2].density.value));
  EXPECT_EQ(s.tensors[2].l1.value, 0.0);
  EXPECT_NE(s.tensors[3].reason.find("not finite"), std::string::npos);
  EXPECT_NE(s.total.reason.find("not finite"), std::string::npos);

  GradientSample one_a_step;
  one_a_step.add(0, std::vector<float>(80, 1.0F));
  one_a_step.add(1, std::vector<float>(80, 2.0F));
  const SampleStatistics none = sample_statistics(choice, one_a_step);
  EXPECT_NE(none.total.reason.find("two micro-batches"), std::string::npos);
  EXPECT_TRUE(std::isnan(none.total.l1.value));
  EXPECT_FALSE(none.invariance.reason.empty());
}

TEST(GradientSample, ResidualsKeepTheVarianceAndDropThePointsGradients) {
  GradientSample sample;
  Philox random(4);
  for (std::int64_t step = 0; step < 200; ++step) {
    for (int k = 0; k < 2; ++k)
      sample.add(step, std::vector<float>{static_cast<float>(static_cast<double>(step) + random.normal())});
  }
  const ScalarSamples residuals = sample.residuals(4);
  EXPECT_EQ(residuals.series, 1U);
  ASSERT_EQ(residuals.count(), 400U);
  double squares = 0.0;
  for (const double x : residuals.values) squares += x * x / 400.0;
  EXPECT_NEAR(squares, 1.0, 4.0 * std::sqrt(2.0 / 200.0));  // 200 degrees of freedom
}

}  // namespace
}  // namespace normdescent
