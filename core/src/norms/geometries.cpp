// SPDX-License-Identifier: Apache-2.0
// The geometries that this library has. A new one is a function here, with its norm in norms.hpp.
#include <algorithm>
#include <cmath>

#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/norms/geometry.hpp"
#include "normdescent/norms/model_geometry.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent {
namespace {

bool covers_all(const ParameterInfo&) { return true; }
bool covers_none(const ParameterInfo&) { return false; }

double root(Index n) { return std::sqrt(static_cast<double>(n)); }

// One pass over g and one over out: as fast as a norm can be measured.
class EuclideanDualMap final : public DualMap {
 public:
  double dual_norm(ConstMatrixView<float> g) override { return norm2(g.span()); }
  double apply(ConstMatrixView<float> g, double scale, MatrixView<float> out) override {
    const double dual = norm2(g.span());
    normalize(g.span(), out.span(), scale);
    return dual;
  }
};

// msign by kPolarSteps of halley.hpp: singular values in [1e-3, 1] of the Schatten 4-norm map within 1e-4 of 1.
class SpectralDualMap final : public DualMap {
 public:
  double dual_norm(ConstMatrixView<float> g) override {
    matrix_.resize(static_cast<std::size_t>(g.size()));
    polar_halley<float>(ModelGeometry::kPolarSteps, g, {matrix_.data(), g.rows, g.cols}, polar_);
    return dot(g.span(), std::span<const float>(matrix_));
  }
  // <G, msign(G)> is the nuclear norm to the accuracy of the iteration; out may be g, so G goes through scratch.
  double apply(ConstMatrixView<float> g, double scale, MatrixView<float> out) override {
    matrix_.assign(g.span().begin(), g.span().end());
    polar_halley<float>(ModelGeometry::kPolarSteps, g, out, polar_);
    const double dual = dot(std::span<const float>(matrix_), std::span<const float>(out.span()));
    for (float& x : out.span()) x *= static_cast<float>(scale);
    return dual;
  }

 private:
  std::vector<float> matrix_;
  PolarWorkspace<float> polar_;
};

double sum_of_roots(const TensorNoise& noise) {
  double sum = 0.0;
  for (const double eigenvalue : noise.spectrum) sum += std::sqrt(std::max(0.0, eigenvalue));
  return sum;
}

// The mean of a root of chi^2 / f over f degrees of freedom, by its series: within 0.5% for f = 1, 1e-5 from 8 on.
double mean_root_of_chi_squared(double f) {
  const double n = f + 1.0;
  return 1.0 - 1.0 / (4.0 * n) - 7.0 / (32.0 * n * n) - 19.0 / (128.0 * n * n * n);
}

// sum_i s_i with s_i^2 the variance of group i = 0 .. groups - 1 of coordinates, group_of(row, column).
template <class GroupOf>
double sum_over_groups(const TensorNoise& noise, Index groups, GroupOf group_of) {
  const auto& deviations = noise.squared_deviations;
  if (noise.count < 2 || deviations.empty()) return 0.0;
  std::vector<double> sums(static_cast<std::size_t>(groups));
  for (Index i = 0; i < deviations.rows; ++i) {
    for (Index j = 0; j < deviations.cols; ++j)
      sums[static_cast<std::size_t>(group_of(i, j))] += static_cast<double>(deviations(i, j));
  }
  const auto degrees = static_cast<double>(noise.count - 1);
  double sum = 0.0;
  for (const double each : sums) sum += std::sqrt(each / degrees);
  const double per_group = static_cast<double>(deviations.size()) / static_cast<double>(groups);
  return sum / mean_root_of_chi_squared(degrees * per_group);
}

}  // namespace

namespace geometries {

const Geometry& euclidean() {
  static const Geometry geometry("euclidean", L2{},
                                 {.key = "l2",
                                  .norm = "l2",
                                  .dual = "l2",
                                  .direction = "gradient",
                                  .parts = "coordinates",
                                  .covers = covers_all,
                                  .is_inner_product = true,
                                  .make_dual_map = [] { return std::make_unique<EuclideanDualMap>(); },
                                  .noise_statistic = NoiseStatistic::coordinates,
                                  .noise_scale = [](const TensorNoise& noise) { return noise.l2; },
                                  .rate_exponent = 0.0});
  return geometry;
}

// The norm of all tensors is the one that the others have for what they do not cover.
const Geometry& sign() {
  static const Geometry geometry("sign", LInf{},
                                 {.key = "linf",
                                  .norm = "l-infinity",
                                  .dual = "l1",
                                  .direction = "sign",
                                  .parts = "coordinates",
                                  .covers = covers_none,
                                  .shape_scale = [](Index, Index) { return 1.0; },
                                  .noise_statistic = NoiseStatistic::coordinates,
                                  .noise_scale = [](const TensorNoise& noise) { return noise.l1; },
                                  .rate_exponent = 0.35});
  return geometry;
}

const Geometry& spectral() {
  static const Geometry geometry("spectral", Spectral{},
                                 {.key = "spectral",
                                  .norm = "spectral",
                                  .dual = "nuclear",
                                  .direction = "msign",
                                  .parts = "singular directions",
                                  .shape_scale = [](Index rows, Index cols) { return root(std::max(rows, cols)); },
                                  .make_dual_map = [] { return std::make_unique<SpectralDualMap>(); },
                                  .noise_statistic = NoiseStatistic::spectrum,
                                  .noise_scale = sum_of_roots});
  return geometry;
}

const Geometry& row_wise() {
  static const Geometry geometry("row-wise", RowWise{},
                                 {.norm = "largest row l2",
                                  .dual = "row l2 sum",
                                  .direction = "row-normalized",
                                  .parts = "rows",
                                  .shape_scale = [](Index, Index cols) { return root(cols); },
                                  .noise_statistic = NoiseStatistic::coordinates,
                                  .noise_scale =
                                      [](const TensorNoise& noise) {
                                        return sum_over_groups(noise, noise.squared_deviations.rows,
                                                               [](Index i, Index) { return i; });
                                      }});
  return geometry;
}

const Geometry& column_wise() {
  static const Geometry geometry("column-wise", ColumnWise{},
                                 {.norm = "largest column l2",
                                  .dual = "column l2 sum",
                                  .direction = "column-normalized",
                                  .parts = "columns",
                                  .shape_scale = [](Index rows, Index) { return root(rows); },
                                  .noise_statistic = NoiseStatistic::coordinates,
                                  .noise_scale =
                                      [](const TensorNoise& noise) {
                                        return sum_over_groups(noise, noise.squared_deviations.cols,
                                                               [](Index, Index j) { return j; });
                                      }});
  return geometry;
}

}  // namespace geometries

const std::vector<Geometry>& builtin_geometries() {
  using namespace geometries;
  static const std::vector<Geometry> all = {euclidean(), sign(), spectral(), row_wise(), column_wise()};
  return all;
}

}  // namespace normdescent
