// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/base/threads.hpp"
#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/norms/model_geometry.hpp"
#include "normdescent/probe/matrix_noise.hpp"
#include "normdescent/testing/norm_invariants.hpp"
#include "probe/samples.hpp"

namespace normdescent {
namespace {

std::vector<ParameterInfo> mixed() {
  return {{"wide", {6, 10}, Role::matrix},
          {"tall", {12, 5}, Role::matrix},
          {"bias", {7}, Role::vector},
          {"table", {4, 3}, Role::embedding}};
}

void fill_gaussian(std::span<float> x, std::uint64_t seed) {
  Philox random(seed);
  for (float& v : x) v = static_cast<float>(random.normal());
}

TEST(MatrixNoise, StreamingEqualsTwoPassFormula) {
  ParameterBuffer<float> buffer(mixed());
  NoiseAccumulator noise(buffer.parameters());
  MatrixNoiseAccumulator matrices(buffer.parameters());
  constexpr std::size_t kCount = 9;
  std::vector<std::vector<double>> samples;
  for (std::size_t k = 0; k < kCount; ++k) {
    fill_gaussian(buffer.gradients(), k);
    for (float& g : buffer.gradients()) g += 3.0F;
    samples.emplace_back(buffer.gradients().begin(), buffer.gradients().end());
    matrices.add(buffer.parameters(), noise);
    noise.add(buffer.parameters());
  }
  const auto summaries = matrices.summaries();
  std::size_t offset = 0;
  for (std::size_t t = 0; t < 2; ++t) {
    const Index rows = mixed()[t].rows();
    const Index cols = mixed()[t].cols();
    const Index r = std::min(rows, cols);
    std::vector<double> c(static_cast<std::size_t>(r * r));
    std::vector<double> mean(static_cast<std::size_t>(rows * cols));
    for (const auto& g : samples) {
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += g[offset + i] / kCount;
    }
    for (const auto& g : samples) {
      const auto n = [&](Index i, Index j) {
        const auto place = static_cast<std::size_t>(i * cols + j);
        return g[offset + place] - mean[place];
      };
      for (Index a = 0; a < r; ++a) {
        for (Index b = 0; b < r; ++b) {
          for (Index q = 0; q < std::max(rows, cols); ++q) {
            c[static_cast<std::size_t>(a * r + b)] += rows <= cols ? n(a, q) * n(b, q) : n(q, a) * n(q, b);
          }
        }
      }
    }
    double nuclear = 0.0;
    double trace = 0.0;
    for (const double value : symmetric_eigen(ConstMatrixView<double>{c.data(), r, r}).values) {
      nuclear += std::sqrt(value / (kCount - 1));
      trace += value / (kCount - 1);
    }
    EXPECT_NEAR(summaries[t].nuclear, nuclear, 1e-5 * nuclear);
    EXPECT_NEAR(summaries[t].frobenius, std::sqrt(trace), 1e-5 * std::sqrt(trace));
    EXPECT_NEAR(summaries[t].density, nuclear * nuclear / (static_cast<double>(r) * trace), 1e-5);
    offset += mean.size();
  }
  EXPECT_EQ(summaries[2].count, 0);
  EXPECT_EQ(summaries[3].count, 0);
}

TEST(MatrixNoise, RankOneNoiseHasDensityOneOverRank) {
  ParameterBuffer<float> buffer({{"w", {8, 16}, Role::matrix}});
  NoiseAccumulator noise(buffer.parameters());
  MatrixNoiseAccumulator matrices(buffer.parameters());
  for (std::uint64_t k = 0; k < 12; ++k) {
    Philox random(k);
    for (std::size_t j = 0; j < 16; ++j) {
      const double v = random.normal();
      for (std::size_t i = 0; i < 8; ++i) buffer.gradients()[i * 16 + j] = static_cast<float>(v);
    }
    matrices.add(buffer.parameters(), noise);
    noise.add(buffer.parameters());
  }
  EXPECT_NEAR(matrices.summaries()[0].density, 1.0 / 8.0, 1e-3);
}

TEST(MatrixNoise, IsotropicNoiseHasDensityNearOneUpToItsDocumentedBias) {
  ParameterBuffer<float> buffer({{"w", {24, 48}, Role::matrix}});
  NoiseAccumulator noise(buffer.parameters());
  MatrixNoiseAccumulator matrices(buffer.parameters());
  for (std::uint64_t k = 0; k < 12; ++k) {
    fill_gaussian(buffer.gradients(), 100 + k);
    matrices.add(buffer.parameters(), noise);
    noise.add(buffer.parameters());
  }
  // Relative bias of S_nuc: -r / (8 (K-1) q) = -0.0057; of the density twice that.
  const MatrixNoise result = matrices.summaries()[0];
  EXPECT_NEAR(result.nuclear / (24.0 * std::sqrt(48.0)), 1.0 - 0.0057, 0.012);
  EXPECT_NEAR(result.density, 1.0 - 0.0114, 0.006);
}

TEST(MatrixNoise, GroupsGiveTheSameNumbersAndErrorsOfTheSizeOfTheSpread) {
  constexpr int kRuns = 40;
  std::vector<MatrixNoise> results;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    // Columns that move together, so that there is a spread to see: N = u v^T + 0.3 Z.
    ParameterBuffer<float> buffer({{"w", {16, 24}, Role::matrix}});
    NoiseAccumulator noise(buffer.parameters());
    MatrixNoiseAccumulator grouped(buffer.parameters(), 4);
    MatrixNoiseAccumulator plain(buffer.parameters());
    for (std::uint64_t k = 0; k < 13; ++k) {
      Philox random(run, k);
      std::vector<double> u(16);
      std::vector<double> v(24);
      for (auto* part : {&u, &v}) {
        for (double& x : *part) x = random.normal();
      }
      for (std::size_t i = 0; i < 16; ++i) {
        for (std::size_t j = 0; j < 24; ++j)
          buffer.gradients()[i * 24 + j] = static_cast<float>(u[i] * v[j] + 0.3 * random.normal());
      }
      for (auto* each : {&grouped, &plain}) each->add(buffer.parameters(), noise);
      noise.add(buffer.parameters());
    }
    results.push_back(grouped.summaries()[0]);
    const MatrixNoise alone = plain.summaries()[0];
    EXPECT_NEAR(results.back().nuclear / alone.nuclear, 1.0, 1e-5);
    EXPECT_NEAR(results.back().stable_rank / alone.stable_rank, 1.0, 1e-5);
    EXPECT_TRUE(std::isnan(alone.nuclear_error));
  }
  // Fewer terms, fewer degrees of freedom: no group's absence moves S_nuc on average, but for the bias of a few
  // percent.
  double without = 0.0;
  double with = 0.0;
  for (const MatrixNoise& m : results) {
    with += m.nuclear;
    for (const double each : m.nuclear_without) without += each / 4.0;
  }
  EXPECT_NEAR(without / with, 1.0, 0.05);
  const auto error_over_spread = [&](double MatrixNoise::*value, double MatrixNoise::*error) {
    double mean = 0.0;
    double spread = 0.0;
    double errors = 0.0;
    for (const MatrixNoise& m : results) mean += m.*value / kRuns;
    for (const MatrixNoise& m : results) {
      spread += (m.*value - mean) * (m.*value - mean) / (kRuns - 1);
      errors += m.*error * (m.*error) / kRuns;
    }
    return std::sqrt(errors / spread);
  };
  // 39 and 40 x 3 degrees of freedom: the ratio errs by 13%; three of those, and as much for the jackknife's own bias.
  EXPECT_NEAR(error_over_spread(&MatrixNoise::nuclear, &MatrixNoise::nuclear_error), 1.0, 0.5);
  EXPECT_NEAR(error_over_spread(&MatrixNoise::density, &MatrixNoise::density_error), 1.0, 0.6);
  EXPECT_NEAR(error_over_spread(&MatrixNoise::stable_rank, &MatrixNoise::stable_rank_error), 1.0, 0.6);
}

TEST(MatrixNoise, WithFewerSamplesThanGroupsHasNoError) {
  ParameterBuffer<float> buffer({{"w", {4, 6}, Role::matrix}});
  NoiseAccumulator noise(buffer.parameters());
  MatrixNoiseAccumulator matrices(buffer.parameters(), 4);
  for (std::uint64_t k = 0; k < 4; ++k) {
    fill_gaussian(buffer.gradients(), k);
    matrices.add(buffer.parameters(), noise);
    noise.add(buffer.parameters());
  }
  EXPECT_GT(matrices.summaries()[0].nuclear, 0.0);
  EXPECT_TRUE(std::isnan(matrices.summaries()[0].nuclear_error));
  EXPECT_THROW(MatrixNoiseAccumulator(buffer.parameters(), 0), std::invalid_argument);
}

TEST(MatrixNoise, RefusesAnAccumulatorThatHasSeenOtherSamples) {
  ParameterBuffer<float> buffer(mixed());
  NoiseAccumulator noise(buffer.parameters());
  MatrixNoiseAccumulator matrices(buffer.parameters());
  noise.add(buffer.parameters());
  EXPECT_THROW(matrices.add(buffer.parameters(), noise), std::invalid_argument);
}

// Schatten-4 on steps, with an SVD: slow and exact, and all that a stranger has to write.
struct Schatten4 {
  static double power_sum(ConstMatrixView<double> g, double p) {
    double sum = 0.0;
    for (const double s : singular_values(g)) sum += std::pow(s, p);
    return std::pow(sum, 1.0 / p);
  }
  [[nodiscard]] double value(ConstMatrixView<double> g) const { return power_sum(g, 4.0); }
  [[nodiscard]] double dual(ConstMatrixView<double> g) const { return power_sum(g, 4.0 / 3.0); }
  void dual_unit(ConstMatrixView<double> g, MatrixView<double> out) const {
    const double dual_norm = dual(g);
    const Svd svd = compact_svd(g);
    const Index r = svd.rank_bound();
    // Rounding is no direction: its cube root would be one.
    Index rank = 0;
    while (rank < r && svd.s[static_cast<std::size_t>(rank)] > 1e-14 * dual_norm) ++rank;
    for (Index i = 0; i < g.rows; ++i) {
      for (Index j = 0; j < g.cols; ++j) {
        double entry = 0.0;
        for (Index k = 0; k < rank; ++k)
          entry += svd.u[static_cast<std::size_t>(i * r + k)] *
                   std::cbrt(svd.s[static_cast<std::size_t>(k)] / dual_norm) *
                   svd.vt[static_cast<std::size_t>(k * g.cols + j)];
        out(i, j) = entry;
      }
    }
  }
};

std::vector<Geometry> geometries_and_one_of_our_own() {
  std::vector<Geometry> all = builtin_geometries();
  all.emplace_back("schatten-4", Schatten4{});
  return all;
}

TEST(Schatten4, IsANorm) {
  const auto report = normdescent::testing::check_norm<double>(Schatten4{}, "schatten-4");
  EXPECT_TRUE(report.passed()) << report.one_line();
}

TEST(ModelGeometry, DualUnitAttainsDualNormAndHasRmsAtMostOne) {
  ParameterBuffer<float> buffer(mixed());
  const auto d = static_cast<double>(buffer.values().size());
  fill_gaussian(buffer.gradients(), 1);
  for (const Geometry& geometry : geometries_and_one_of_our_own()) {
    ModelGeometry model(geometry, buffer.parameters());
    std::vector<float> direction(buffer.values().size());
    const double dual = model.dual_unit(buffer.gradients(), direction);
    const double product = dot(std::span<const float>(buffer.gradients()), std::span<const float>(direction));
    EXPECT_NEAR(product, dual, 1e-5 * dual) << geometry.name();
    EXPECT_NEAR(model.dual_norm(buffer.gradients()), dual, 1e-5 * dual) << geometry.name();
    const double norm = norm2(std::span<const float>(direction));
    if (geometry.is_inner_product()) {
      EXPECT_NEAR(norm, 1.0, 1e-6);
    } else {
      // A measured shape scale is that of another random matrix.
      const double tolerance = find_geometry(builtin_geometries(), geometry.name()) != nullptr ? 0.01 : 0.05;
      EXPECT_NEAR(norm, std::sqrt(d), tolerance * std::sqrt(d)) << geometry.name();
      EXPECT_LE(dual, std::sqrt(d) * norm2(std::span<const float>(buffer.gradients())) * (1.0 + tolerance));
    }
  }
}

TEST(ModelGeometry, SpectralIsNuclearNormOnMatricesAndL1Elsewhere) {
  ParameterBuffer<float> buffer(mixed());
  fill_gaussian(buffer.gradients(), 2);
  double expected = 0.0;
  for (const Parameter& p : buffer.parameters()) {
    if (p.info.role == Role::matrix) {
      const double factor = std::sqrt(static_cast<double>(std::max(p.info.rows(), p.info.cols())));
      for (const double s : singular_values(ConstMatrixView<float>(p.gradient_matrix()))) expected += factor * s;
    } else {
      expected += norm1(std::span<const float>(p.gradient));
    }
  }
  ModelGeometry model(geometries::spectral(), buffer.parameters());
  EXPECT_NEAR(model.dual_norm(buffer.gradients()), expected, 0.007 * expected);  // the iteration's certificate
}

TEST(ModelGeometry, ResultsDoNotDependOnTheNumberOfThreads) {
  ParameterBuffer<float> buffer(mixed());
  fill_gaussian(buffer.gradients(), 8);
  for (const Geometry& name : geometries_and_one_of_our_own()) {
    std::vector<std::vector<float>> directions;
    std::vector<std::vector<double>> norms;
    for (const int count : {1, 3}) {
      const WithThreads threads(count);
      ModelGeometry geometry(name, buffer.parameters());
      directions.emplace_back(buffer.gradients().begin(), buffer.gradients().end());
      norms.push_back(geometry.tensor_dual_norms(directions.back()));
      norms.back().push_back(geometry.dual_unit(directions.back(), directions.back()));
    }
    EXPECT_EQ(directions[0], directions[1]);
    EXPECT_EQ(norms[0], norms[1]);
  }
}

TEST(ModelGeometry, ZeroGradientHasZeroDirection) {
  ParameterBuffer<float> buffer(mixed());
  for (const Geometry& geometry : geometries_and_one_of_our_own()) {
    ModelGeometry model(geometry, buffer.parameters());
    std::vector<float> direction(buffer.values().size(), 5.0F);
    EXPECT_EQ(model.dual_unit(buffer.gradients(), direction), 0.0);
    for (const float x : direction) EXPECT_EQ(x, 0.0F);
  }
}

}  // namespace
}  // namespace normdescent
