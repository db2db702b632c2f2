// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/noise.hpp"

#include <gtest/gtest.h>

#include <numbers>
#include <stdexcept>

#include "probe/samples.hpp"

namespace normdescent {
namespace {

using testing::vectors;

// The reference twin: all samples kept, two passes, fp64.
struct TwoPass {
  std::vector<double> mean;
  std::vector<double> squared_deviations;

  explicit TwoPass(const std::vector<std::vector<float>>& samples) {
    const std::size_t d = samples.front().size();
    mean.assign(d, 0.0);
    squared_deviations.assign(d, 0.0);
    for (const auto& g : samples) {
      for (std::size_t i = 0; i < d; ++i) mean[i] += g[i] / static_cast<double>(samples.size());
    }
    for (const auto& g : samples) {
      for (std::size_t i = 0; i < d; ++i) squared_deviations[i] += (g[i] - mean[i]) * (g[i] - mean[i]);
    }
  }
};

std::vector<std::vector<float>> gaussian_samples(std::size_t count, std::size_t d, double mean, double sigma,
                                                 std::uint64_t seed) {
  Philox random(seed);
  std::vector<std::vector<float>> samples(count, std::vector<float>(d));
  for (auto& g : samples) {
    for (float& x : g) x = static_cast<float>(mean + sigma * random.normal());
  }
  return samples;
}

NoiseAccumulator accumulate(ParameterBuffer<float>& buffer, const std::vector<std::vector<float>>& samples) {
  NoiseAccumulator noise(buffer.parameters());
  for (const auto& g : samples) {
    std::copy(g.begin(), g.end(), buffer.gradients().begin());
    noise.add(buffer.parameters());
  }
  return noise;
}

TEST(Noise, StreamingEqualsTwoPassFormula) {
  ParameterBuffer<float> buffer(vectors({100, 1, 399}));
  const auto samples = gaussian_samples(37, 500, 0.3, 2.0, 1);
  const TwoPass twin(samples);
  const NoiseAccumulator noise = accumulate(buffer, samples);
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_NEAR(noise.mean()[i], twin.mean[i], 37 * 0x1p-24 * 2.0);
    EXPECT_NEAR(noise.squared_deviations()[i], twin.squared_deviations[i], 37 * 0x1p-24 * twin.squared_deviations[i]);
  }
}

// Sums of g and g^2 in fp32 return 6e-8 for this variance of 1e-8 (theory 7.1).
TEST(Noise, SurvivesMeanFarAboveNoise) {
  ParameterBuffer<float> buffer(vectors({200}));
  const auto samples = gaussian_samples(128, 200, 1.0, 1e-4, 2);
  const TwoPass twin(samples);
  const NoiseAccumulator noise = accumulate(buffer, samples);
  for (std::size_t i = 0; i < 200; ++i) {
    // The mean carries up to one rounding of 2^-24 a sample; it enters the deviations (about 1e-4) relatively.
    EXPECT_NEAR(noise.squared_deviations()[i] / twin.squared_deviations[i], 1.0, 4 * 0x1p-24 / 1e-4);
  }
}

TEST(Noise, DensityOfKnownScalesIsExact) {
  // Samples +sigma, -sigma: the plug-in variance is 2 sigma^2, its density that of sigma (theory T1).
  const struct {
    std::vector<float> sigma;
    double phi;
  } cases[] = {{{1, 0, 0, 0}, 0.25}, {{1, 1, 1, 1, 1}, 1.0}, {{3, 4}, 0.98}, {{1, 2, 3, 4}, 10.0 / 12.0}};
  for (const auto& c : cases) {
    ParameterBuffer<float> buffer(vectors({static_cast<Index>(c.sigma.size())}));
    std::vector<float> opposite = c.sigma;
    for (float& x : opposite) x = -x;
    const NoiseSummary total = accumulate(buffer, {c.sigma, opposite}).total();
    EXPECT_NEAR(total.density * c4(2) * c4(2), std::min(c.phi, c4(2) * c4(2)), 1e-7);
  }
}

TEST(Noise, C4OfTwoAndManySamples) {
  EXPECT_NEAR(c4(2), std::sqrt(2.0 / std::numbers::pi), 1e-14);
  EXPECT_NEAR(c4(10), 0.9726592741, 1e-9);
  EXPECT_NEAR(c4(1000) * c4(1000), 1.0 - 1.0 / 2000.0, 1e-6);
  EXPECT_EQ(c4(1), 0.0);
}

TEST(Noise, CorrectionRemovesBiasOfGaussianDensityAndL1) {
  constexpr Index d = 20000;
  ParameterBuffer<float> buffer(vectors({d}));
  for (const std::size_t count : {4UL, 8UL, 32UL}) {
    const NoiseSummary total = accumulate(buffer, gaussian_samples(count, d, 0.0, 3.0, 3 + count)).total();
    // Spread of a mean over d coordinates of a chi with count - 1 degrees of freedom; five of them.
    const double tolerance = 5.0 / std::sqrt(2.0 * static_cast<double>(count - 1) * d);
    EXPECT_NEAR(total.l1 / (3.0 * d), 1.0, tolerance) << count;
    EXPECT_NEAR(total.l2 / (3.0 * std::sqrt(d)), 1.0, tolerance) << count;
    EXPECT_NEAR(total.density, 1.0, 3.0 * tolerance) << count;
    EXPECT_LT(total.density * c4(static_cast<std::int64_t>(count)) * c4(static_cast<std::int64_t>(count)), 0.99);
  }
}

TEST(Noise, TotalIsThatOfConcatenation) {
  const auto samples = gaussian_samples(6, 300, 1.0, 1.0, 5);
  ParameterBuffer<float> split(vectors({100, 200}));
  ParameterBuffer<float> whole(vectors({300}));
  const NoiseSummary a = accumulate(split, samples).total();
  const NoiseSummary b = accumulate(whole, samples).total();
  EXPECT_EQ(a.dimension, b.dimension);
  EXPECT_NEAR(a.l1, b.l1, 1e-12 * b.l1);
  EXPECT_NEAR(a.l2, b.l2, 1e-12 * b.l2);
  EXPECT_NEAR(a.density, b.density, 1e-12);
  EXPECT_NEAR(a.gradient_l2_squared, b.gradient_l2_squared, 1e-12 * b.gradient_l2_squared);
}

TEST(Noise, GradientNormsAreNotInflatedByNoise) {
  constexpr Index d = 50000;
  constexpr std::size_t count = 16;
  ParameterBuffer<float> buffer(vectors({d}));
  Philox random(7);
  std::vector<double> gradient(d);
  double l1 = 0.0;
  double l2_squared = 0.0;
  for (double& x : gradient) {
    x = 0.1 * random.normal();
    l1 += std::abs(x);
    l2_squared += x * x;
  }
  auto samples = gaussian_samples(count, d, 0.0, 1.0, 8);
  for (auto& g : samples) {
    for (std::size_t i = 0; i < g.size(); ++i) g[i] += static_cast<float>(gradient[i]);
  }
  const NoiseSummary total = accumulate(buffer, samples).total();
  // Noise of the mean is 2.5 times the signal; ||gbar||_2^2 itself would be 7.25 times too large. Five standard errors.
  const double noise_variance = 1.0 / count;
  const double error = std::sqrt(2.0 * d) * (noise_variance + 0.01);
  EXPECT_NEAR(total.gradient_l2_squared, l2_squared, 5.0 * error);
  EXPECT_NEAR(total.gradient_l1 / l1, 1.0, 5.0 * 0.5 * error / l2_squared);
}

TEST(Noise, WithoutNoiseGradientNormsAreExactAndNoiseIsZero) {
  ParameterBuffer<float> buffer(vectors({3}));
  const NoiseSummary total = accumulate(buffer, {{1.0F, -2.0F, 0.0F}, {1.0F, -2.0F, 0.0F}}).total();
  EXPECT_EQ(total.l1, 0.0);
  EXPECT_EQ(total.density, 0.0);
  EXPECT_EQ(total.silent, 3);
  EXPECT_DOUBLE_EQ(total.gradient_l1, 3.0);
  EXPECT_DOUBLE_EQ(total.gradient_l2_squared, 5.0);
}

TEST(Noise, ScalingToAnotherBatchFollowsSquareRootAndKeepsDensity) {
  ParameterBuffer<float> buffer(vectors({50}));
  const NoiseSummary one = accumulate(buffer, gaussian_samples(8, 50, 0.0, 1.0, 9)).total();
  const NoiseSummary four = scaled_to_batch(one, 1, 4);
  EXPECT_DOUBLE_EQ(four.l1, one.l1 / 2.0);
  EXPECT_DOUBLE_EQ(four.l2, one.l2 / 2.0);
  EXPECT_EQ(four.density, one.density);
  EXPECT_DOUBLE_EQ(scaled_to_batch(one, 1, 8, 1.5).l1, one.l1 / 2.0);  // theta = 1/3
  EXPECT_THROW((void)scaled_to_batch(one, 0, 4), std::invalid_argument);
  EXPECT_THROW((void)scaled_to_batch(one, 1, 4, 1.0), std::invalid_argument);
}

TEST(Noise, StreamingStandardErrorIsThatOfGroupMeans) {
  // Group values 1, 2, 3, 6 of equal size: mean 3, variance 14 / 3, error sqrt(14 / 12).
  const std::vector<double> running = {1.0, 1.5, 2.0, 3.0};
  const std::vector<std::int64_t> counts = {4, 8, 12, 16};
  EXPECT_NEAR(streaming_standard_error(running, counts), std::sqrt(14.0 / 12.0), 1e-14);
  EXPECT_EQ(streaming_standard_error(std::span(running).first(2), std::span(counts).first(2)), 0.0);
}

TEST(Noise, FewerThanTwoSamplesSayNotMeasured) {
  ParameterBuffer<float> buffer(vectors({4}));
  EXPECT_EQ(accumulate(buffer, {{1, 2, 3, 4}}).total().count, 0);
}

}  // namespace
}  // namespace normdescent
