// SPDX-License-Identifier: Apache-2.0
// Every statistic of sampled and streamed noise on a few numbers, by hand or by a plain twin that shares no code with
// it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/probe/matrix_noise.hpp"
#include "normdescent/probe/sample_statistics.hpp"
#include "probe/samples.hpp"

namespace normdescent {
namespace {

using Row = std::vector<float>;
using Rows = std::vector<std::pair<std::int64_t, Row>>;  // step, coordinates

constexpr std::array<Estimate SampledNoise::*, 7> kQuantities = {&SampledNoise::l1,
                                                                 &SampledNoise::l2,
                                                                 &SampledNoise::density,
                                                                 &SampledNoise::gradient_l2_squared,
                                                                 &SampledNoise::gradient_l1,
                                                                 &SampledNoise::gradient_density,
                                                                 &SampledNoise::sign_agreement};
constexpr std::array<const char*, 7> kNames = {
    "l1", "l2", "density", "gradient_l2_squared", "gradient_l1", "gradient_density", "sign_agreement"};

// E of the standard deviation of nu + 1 Gaussians, by the gamma function.
double c4_of(double nu) { return std::sqrt(2.0 / nu) * std::tgamma((nu + 1.0) / 2.0) / std::tgamma(nu / 2.0); }

// The seven numbers of tensors that are read in full; `sizes` in order. Two passes, coordinate by coordinate.
std::array<double, 7> plain(const Rows& rows, const std::vector<std::size_t>& sizes) {
  std::map<std::int64_t, std::vector<Row>> steps;
  for (const auto& [step, row] : rows) steps[step].push_back(row);
  std::erase_if(steps, [](const auto& each) { return each.second.size() < 2; });
  double nu = 0.0;
  double inverse_rows = 0.0;
  for (const auto& [step, of_step] : steps) {
    nu += static_cast<double>(of_step.size()) - 1.0;
    inverse_rows += 1.0 / static_cast<double>(of_step.size()) / static_cast<double>(steps.size());
  }
  double l1 = 0.0, l2_squared = 0.0, signal_squared = 0.0, signal_l1 = 0.0, agreement = 0.0, d = 0.0;
  std::size_t i = 0;
  for (const std::size_t size : sizes) {
    double variance_sum = 0.0, mean_squared = 0.0, mean_l1 = 0.0;
    for (const std::size_t end = i + size; i < end; ++i) {
      double deviations = 0.0;
      for (const auto& [step, of_step] : steps) {
        const auto n = static_cast<double>(of_step.size());
        double mean = 0.0, pairs = 0.0;
        for (const Row& row : of_step) mean += row[i] / n;
        for (const Row& row : of_step) deviations += (row[i] - mean) * (row[i] - mean);
        for (const Row& a : of_step) {
          for (const Row& b : of_step) {
            if (&a != &b && a[i] * b[i] > 0.0F) pairs += 1.0;
          }
        }
        const auto count = static_cast<double>(steps.size());
        mean_squared += mean * mean / count;
        mean_l1 += std::abs(mean) / count;
        agreement += pairs / (n * (n - 1.0)) / count;
      }
      variance_sum += deviations / nu;
      l1 += std::sqrt(deviations / nu) / c4_of(nu);
    }
    l2_squared += variance_sum;
    const double signal = mean_squared - variance_sum * inverse_rows;
    signal_squared += signal;
    signal_l1 += mean_l1 * std::sqrt(std::max(0.0, signal) / mean_squared);
    d += static_cast<double>(size);
  }
  return {l1,
          std::sqrt(l2_squared),
          std::min(1.0, l1 * l1 / (d * l2_squared)),
          signal_squared,
          signal_l1,
          std::min(1.0, signal_l1 * signal_l1 / (d * signal_squared)),
          agreement / d};
}

double plain_jackknife(const std::vector<double>& deleted) {
  const auto n = static_cast<double>(deleted.size());
  double sum = 0.0, squares = 0.0;
  for (const double x : deleted) sum += x, squares += x * x;
  return std::sqrt((n - 1.0) / n * (squares - sum * sum / n));
}

SampleStatistics measured(const Rows& rows, const std::vector<Index>& sizes) {
  const CoordinateChoice choice(sizes, 1, 1);  // at least 16 of each: all
  GradientSample sample;
  for (const auto& [step, row] : rows) sample.add(step, row);
  return sample_statistics(choice, sample);
}

TEST(SampledNoise, OfFourRowsIsWhatTheHandSays) {
  // Means 2, 2 | 6; sums of squared deviations 4, 36 | 108; nu = 3. Of six pairs agree 6, 2 | 3.
  const Rows rows = {{0, {1, 5, 9}}, {0, {3, -1, 9}}, {0, {1, -1, 9}}, {0, {3, 5, -3}}};
  const SampledNoise total = measured(rows, {2, 1}).total;
  const double c4_of_four = 2.0 * std::sqrt(2.0 / (3.0 * std::numbers::pi));
  const double l1 = (std::sqrt(4.0 / 3.0) + std::sqrt(12.0) + 6.0) / c4_of_four;
  const double l2_squared = 4.0 / 3.0 + 12.0 + 36.0;
  EXPECT_NEAR(total.l1.value, l1, 1e-12);
  EXPECT_NEAR(total.l2.value, std::sqrt(l2_squared), 1e-12);
  EXPECT_NEAR(total.density.value, l1 * l1 / (3.0 * l2_squared), 1e-12);
  // ||mean||^2 - sum of variances / 4, tensor by tensor: 8 - 10/3 and 36 - 9.
  const double gradient_squared = (8.0 - 10.0 / 3.0) + 27.0;
  const double gradient_l1 = 4.0 * std::sqrt((8.0 - 10.0 / 3.0) / 8.0) + 6.0 * std::sqrt(27.0 / 36.0);
  EXPECT_NEAR(total.gradient_l2_squared.value, gradient_squared, 1e-12);
  EXPECT_NEAR(total.gradient_l1.value, gradient_l1, 1e-12);
  const double gradient_density = gradient_l1 * gradient_l1 / (3.0 * gradient_squared);
  EXPECT_NEAR(total.gradient_density.value, gradient_density, 1e-12);
  EXPECT_GT(std::abs(gradient_density - total.density.value), 0.1) << "else one could stand for the other";
  EXPECT_NEAR(total.sign_agreement.value, (1.0 + 1.0 / 3.0 + 0.5) / 3.0, 1e-12);
}

TEST(SampledNoise, ValuesAndErrorsAreThoseOfThePlainTwin) {
  struct Shape {
    std::int64_t steps;
    int rows;
  };
  // Groups: of rows (4 and 8 of them), of steps, and of steps of different lengths.
  for (const Shape shape : {Shape{1, 4}, Shape{1, 19}, Shape{3, 6}, Shape{16, 3}}) {
    Philox random(static_cast<std::uint64_t>(shape.rows));
    const std::vector<Index> sizes = {3, 1, 4};
    Rows rows;
    std::vector<std::size_t> place;
    for (std::int64_t step = 0; step < shape.steps; ++step) {
      const int count = shape.rows - (step % 5 == 4 ? 1 : 0);
      for (int k = 0; k < count; ++k) {
        Row row;
        for (int i = 0; i < 8; ++i) row.push_back(static_cast<float>((i + 1) * random.normal() + 2.0 * i + 3.0));
        rows.emplace_back(step, row);
        place.push_back(static_cast<std::size_t>(k));
      }
    }
    const SampledNoise total = measured(rows, sizes).total;
    const std::vector<std::size_t> whole = {3, 1, 4};
    const auto values = plain(rows, whole);
    const std::size_t groups = shape.steps >= 8 ? 8 : std::min<std::size_t>(8, static_cast<std::size_t>(shape.rows));
    std::vector<std::array<double, 7>> without;
    for (std::size_t g = 0; g < groups; ++g) {
      Rows kept;
      for (std::size_t k = 0; k < rows.size(); ++k) {
        const std::size_t group = (shape.steps >= 8 ? static_cast<std::size_t>(rows[k].first) : place[k]) % groups;
        if (group != g) kept.push_back(rows[k]);
      }
      without.push_back(plain(kept, whole));
    }
    for (std::size_t q = 0; q < 7; ++q) {
      std::vector<double> deleted;
      for (const auto& each : without) deleted.push_back(each[q]);
      const Estimate estimate = total.*kQuantities[q];
      EXPECT_NEAR(estimate.value / values[q], 1.0, 1e-9) << kNames[q] << ", " << shape.rows << " rows";
      EXPECT_NEAR(estimate.standard_error, plain_jackknife(deleted), 1e-7 * std::abs(values[q])) << kNames[q];
    }
  }
}

TEST(BatchInvariance, IsTheRatioOfTwoPlainDensitiesAndItsJackknife) {
  Philox random(5);
  Rows rows;
  for (int k = 0; k < 32; ++k) {
    Row row;
    for (int i = 0; i < 6; ++i) row.push_back(static_cast<float>((i + 1) * random.normal()));
    rows.emplace_back(0, row);
  }
  const auto density = [&](std::size_t deleted, bool is_merged) {
    Rows kept;
    for (std::size_t j = 0; j < 8; ++j) {
      if (j == deleted) continue;
      Row mean(6, 0.0F);
      for (std::size_t k = 4 * j; k < 4 * j + 4; ++k) {
        for (std::size_t i = 0; i < 6; ++i) mean[i] += rows[k].second[i] / 4.0F;
        if (!is_merged) kept.push_back(rows[k]);
      }
      if (is_merged) kept.emplace_back(0, mean);
    }
    return plain(kept, {6})[2];
  };
  const BatchInvariance invariance = measured(rows, {6}).invariance;
  EXPECT_EQ(invariance.factor, 4);
  EXPECT_NEAR(invariance.ratio.value, density(99, true) / density(99, false), 1e-5);  // means are floats
  std::vector<double> deleted;
  for (std::size_t g = 0; g < 8; ++g) deleted.push_back(density(g, true) / density(g, false));
  EXPECT_NEAR(invariance.ratio.standard_error, plain_jackknife(deleted), 1e-5);
}

TEST(BatchInvariance, IsViolatedBeyondTwoErrorsEitherWay) {
  const auto violated = [](double ratio, double error, int factor = 4) {
    return BatchInvariance{.factor = factor, .ratio = {ratio, error}, .reason = {}}.is_violated();
  };
  EXPECT_TRUE(violated(1.21, 0.1));
  EXPECT_TRUE(violated(0.79, 0.1));
  EXPECT_FALSE(violated(1.19, 0.1));
  EXPECT_FALSE(violated(0.81, 0.1));
  EXPECT_FALSE(violated(9.0, 0.1, 0));
}

NoiseAccumulator accumulate(ParameterBuffer<float>& buffer, const std::vector<Row>& samples) {
  NoiseAccumulator noise(buffer.parameters());
  for (const Row& g : samples) {
    std::copy(g.begin(), g.end(), buffer.gradients().begin());
    noise.add(buffer.parameters());
  }
  return noise;
}

constexpr double kSingle = 1e-6;  // sums are of floats

TEST(NoiseSummary, OfTwoSamplesIsWhatTheHandSays) {
  // Deviations 2, 2, 0, means 2, 2, 5: the first two are of one octave, the third has no noise.
  ParameterBuffer<float> buffer(testing::vectors({3}));
  const NoiseSummary total = accumulate(buffer, {{3, 1, 5}, {1, 3, 5}}).total();
  const double c4_of_two = std::sqrt(2.0 / std::numbers::pi);
  EXPECT_NEAR(total.l1, 2.0 * std::sqrt(2.0) / c4_of_two, kSingle);
  EXPECT_NEAR(total.l2, 2.0, kSingle);
  EXPECT_NEAR(total.density, std::min(1.0, 8.0 / (c4_of_two * c4_of_two) / (3.0 * 4.0)), kSingle);
  EXPECT_NEAR(total.gradient_l2_squared, 33.0 - 4.0 / 2.0, kSingle);
  EXPECT_NEAR(total.gradient_l1, 4.0 * std::sqrt((8.0 - 4.0 / 2.0) / 8.0) + 5.0, kSingle);
  EXPECT_EQ(total.silent, 1);
  EXPECT_EQ(total.count, 2);
  EXPECT_EQ(total.dimension, 3);
}

TEST(NoiseSummary, StreamingErrorWeighsGroupsByTheirSize) {
  // Groups of 2, 2 and 6 with values 1, 3, 4: mean 3.2, squares 2 x 4.84 + 2 x 0.04 + 6 x 0.64 = 13.6.
  const std::vector<double> running = {1.0, 2.0, 3.2};
  const std::vector<std::int64_t> counts = {2, 4, 10};
  EXPECT_NEAR(streaming_standard_error(running, counts), std::sqrt(13.6 / (10.0 * 2.0)), 1e-12);
}

TEST(MatrixNoise, OfThreeSamplesIsWhatTheHandSays) {
  // G_1 = 0, G_2 = A, G_3 = A/2 + B: terms A A^T / 2 = diag(4, 2) in group 0 and 2/3 B B^T = diag(6, 6) in group 1.
  std::vector<ParameterInfo> infos = {{"w", {2, 3}, Role::matrix}};
  for (const bool is_tall : {false, true}) {
    if (is_tall) infos[0].shape = {3, 2};
    ParameterBuffer<float> buffer(infos);
    NoiseAccumulator noise(buffer.parameters());
    MatrixNoiseAccumulator matrices(buffer.parameters(), 2);
    const Row zero(6, 0.0F);
    const Row a = is_tall ? Row{2, 0, 0, 2, 2, 0} : Row{2, 0, 2, 0, 2, 0};
    const Row b = is_tall ? Row{0, 3, 3, 0, 0, 0} : Row{0, 3, 0, 3, 0, 0};
    Row last(6);
    for (std::size_t i = 0; i < 6; ++i) last[i] = 0.5F * a[i] + b[i];
    for (const Row& g : {zero, a, last}) {
      std::copy(g.begin(), g.end(), buffer.gradients().begin());
      matrices.add(buffer.parameters(), noise);
      noise.add(buffer.parameters());
    }
    const MatrixNoise m = matrices.summaries().front();
    const double nuclear = std::sqrt(5.0) + 2.0;  // C = diag(10, 8) / 2
    EXPECT_EQ(m.count, 3);
    EXPECT_EQ(m.rank_bound, 2);
    EXPECT_NEAR(m.nuclear, nuclear, 1e-5);
    EXPECT_NEAR(m.frobenius, 3.0, 1e-5);
    EXPECT_NEAR(m.density, nuclear * nuclear / (2.0 * 9.0), 1e-5);
    EXPECT_NEAR(m.stable_rank, 9.0 / 5.0, 1e-5);
    // Without a group the other's sum has one degree of freedom; of two values the jackknife is half their difference.
    const double without_first = 2.0 * std::sqrt(6.0);
    const double without_second = 2.0 + std::sqrt(2.0);
    ASSERT_EQ(m.nuclear_without.size(), 2U);
    EXPECT_NEAR(m.nuclear_without[0], without_first, 1e-5);
    EXPECT_NEAR(m.nuclear_without[1], without_second, 1e-5);
    EXPECT_NEAR(m.nuclear_error, 0.5 * (without_first - without_second), 1e-5);
    EXPECT_NEAR(m.density_error, 0.5 * (1.0 - without_second * without_second / 12.0), 1e-5);
    EXPECT_NEAR(m.stable_rank_error, 0.5 * (2.0 - 1.5), 1e-5);
  }
}

TEST(GradientSample, MergedRowsAreMeansWithinASteps) {
  GradientSample sample;
  for (int k = 0; k < 5; ++k) sample.add(0, Row{static_cast<float>(k), 1});
  for (int k = 0; k < 3; ++k) sample.add(1, Row{static_cast<float>(10 * k), 2});
  const GradientSample merged = sample.merged(2);
  EXPECT_EQ(merged.steps, (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(merged.values, (std::vector<float>{0.5F, 1, 2.5F, 1, 5, 2}));
}

TEST(GradientSample, ResidualsOfAStepAreWhatTheHandSays) {
  GradientSample sample;
  sample.add(0, Row{1, 7});
  sample.add(0, Row{4, 9});
  sample.add(1, Row{100, 100});  // alone: left out
  sample.add(2, Row{2, 0.5F});
  sample.add(2, Row{4, 1});
  sample.add(2, Row{9, 3});
  const ScalarSamples residuals = sample.residuals(2);
  ASSERT_EQ(residuals.count(), 5U);
  const double two = std::sqrt(2.0);
  const double three = std::sqrt(1.5);
  const std::vector<double> expected = {-1.5 * two, -two,   1.5 * two,    two,       -3 * three,
                                        -three,     -three, -0.5 * three, 4 * three, 1.5 * three};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(residuals.values[i], expected[i], 1e-12) << i;
}

TEST(GradientSample, ResidualsLeaveOutWhatRepeats) {
  // 16 steps of four rows: coordinate 0 is 0 in two rows of four, coordinate 1 in all but one, coordinate 2 repeats a
  // value that moves from step to step.
  GradientSample sample;
  Philox random(3);
  for (std::int64_t step = 0; step < 16; ++step) {
    for (int k = 0; k < 4; ++k) {
      const auto noise = [&] { return static_cast<float>(random.normal()); };
      sample.add(step, Row{k < 2 ? 0.0F : noise(), k < 3 ? 0.0F : noise(), k < 2 ? static_cast<float>(step) : noise()});
    }
  }
  const ScalarSamples residuals = sample.residuals(3);
  ASSERT_EQ(residuals.count(), 64U);
  for (std::size_t k = 0; k < 64; ++k) {
    const double* r = residuals.values.data() + 3 * k;
    EXPECT_EQ(std::isnan(r[0]), k % 4 < 2) << k;
    EXPECT_TRUE(std::isnan(r[1])) << "one value has no residual";
    EXPECT_EQ(std::isnan(r[2]), k % 4 < 2) << k;
    if (k % 4 == 2) {
      EXPECT_NEAR(r[0] + r[3], 0.0, 1e-12) << "two values less their mean";
    }
  }
}

}  // namespace
}  // namespace normdescent
