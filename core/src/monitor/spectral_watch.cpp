// SPDX-License-Identifier: Apache-2.0
#include "normdescent/monitor/spectral_watch.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "monitor_state.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/probe/grouped_covariance.hpp"
#include "normdescent/statistics/estimate.hpp"
#include "normdescent/statistics/jackknife.hpp"

namespace normdescent {
namespace {

using probe_detail::from_tensor;
using probe_detail::require;
using probe_detail::to_tensor;

constexpr int kSpectralGroups = 3;  // terms of the 4 micro-batches that the trainer makes of a step

constexpr const char* kMeasured = "spectral_noise";  // (matrices, kColumns)
constexpr const char* kPlace = "spectral_place";     // the turn; of the step under way: micro-batches, is_frozen
constexpr const char* kMatrixAccumulated = "spectral_accumulated";  // of the matrix in turn; empty between steps
constexpr const char* kMean = "spectral_mean";                      // likewise
constexpr const char* kSums = "spectral_sums";                      // likewise
constexpr const char* kSquares = "spectral_squares";                // likewise
constexpr const char* kDualSquares = "spectral_dual_squares";       // likewise, of each geometry
constexpr const char* kScales = "spectral_scales";                  // (matrices, geometries)
constexpr Index kColumns = 8 + 2 * kSpectralGroups;

/// What makes a density of several matrices.
struct Totals {
  double nuclear = 0.0;  // sum tr C^(1/2)
  double rank = 0.0;     // sum r
  double trace = 0.0;    // sum tr C = sum (tr C^(1/2))^2 / (r phi)

  void add(const MatrixNoise& noise, double its_nuclear, double its_density, double times) {
    const auto r = static_cast<double>(noise.rank_bound);
    nuclear += times * its_nuclear;
    rank += times * r;
    if (its_nuclear != 0.0) trace += times * its_nuclear * its_nuclear / (r * its_density);
  }
  [[nodiscard]] double density() const { return nuclear == 0.0 ? 0.0 : nuclear * nuclear / (rank * trace); }
};

MatrixNoise from_row(std::span<const double> row, Index rank_bound) {
  MatrixNoise n;
  n.count = static_cast<std::int64_t>(row[0]);
  n.rank_bound = n.count > 0 ? rank_bound : 0;
  n.nuclear = row[1];
  n.frobenius = row[2];
  n.density = row[3];
  n.stable_rank = row[4];
  n.nuclear_error = row[5];
  n.density_error = row[6];
  n.stable_rank_error = row[7];
  for (std::size_t g = 0; g < kSpectralGroups && n.count > kSpectralGroups; ++g) {
    n.nuclear_without.push_back(row[8 + 2 * g]);
    n.density_without.push_back(row[9 + 2 * g]);
  }
  return n;
}

// The micro-batch's own gradient g from what the array holds, its deviation d from the mean, the next mean, and
// Welford's sum of squares.
NORMDESCENT_MULTIVERSION
void take_sample(const float* held, float* accumulated, float* mean, float* squares, float* d, float keep, float scale,
                 float share, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const float g = (held[i] - keep * accumulated[i]) * scale;
    accumulated[i] = held[i];
    d[i] = g - mean[i];
    mean[i] += share * d[i];
    squares[i] += (1.0F - share) * d[i] * d[i];
  }
}

}  // namespace

SpectralWatch::SpectralWatch(std::span<const ParameterInfo> tensors, std::vector<Geometry> geometries)
    : tensors_(tensors.size()), geometries_(std::move(geometries)) {
  for (const Geometry& geometry : geometries_) {
    const bool is_streamed = geometry.noise_statistic() == NoiseStatistic::dual_norms;
    maps_.push_back(is_streamed ? std::shared_ptr<DualMap>(geometry.make_dual_map()) : nullptr);
  }
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (tensors[t].role != Role::matrix || tensors[t].size() == 0) continue;
    Matrix matrix;
    matrix.tensor = t;
    matrix.rows = tensors[t].rows();
    matrix.cols = tensors[t].cols();
    for (const Geometry& geometry : geometries_) matrix.is_covered.push_back(geometry.covers(tensors[t]));
    matrix.scales.assign(geometries_.size(), kNaN);
    matrices_.push_back(std::move(matrix));
  }
}

std::optional<std::size_t> SpectralWatch::watched() const {
  if (matrices_.empty()) return std::nullopt;
  return matrices_[turn_].tensor;
}

void SpectralWatch::observe(std::span<const float> gradient, ObservedGradient content, double weight) {
  if (matrices_.empty()) return;
  if (gradient.empty()) {
    sample_.is_frozen = true;
    return;
  }
  const Matrix& matrix = matrices_[turn_];
  if (gradient.size() != matrix.size()) {
    throw std::invalid_argument("gradient.size() = " + std::to_string(gradient.size()) + ", must be " +
                                std::to_string(matrix.size()));
  }
  const Index r = matrix.smaller();
  if (sample_.count == 0) {
    sample_.accumulated.assign(matrix.size(), 0.0F);
    sample_.mean.assign(matrix.size(), 0.0F);
    sample_.sums.assign(static_cast<std::size_t>(kSpectralGroups * r * r), 0.0F);
    sample_.squares.assign(matrix.size(), 0.0F);
    sample_.dual_squares.assign(geometries_.size(), 0.0);
  }
  const std::int64_t k = ++sample_.count;
  std::vector<float> deviation(matrix.size());
  take_sample(gradient.data(), sample_.accumulated.data(), sample_.mean.data(), sample_.squares.data(),
              deviation.data(), content == ObservedGradient::accumulated ? 1.0F : 0.0F,
              static_cast<float>(1.0 / weight), 1.0F / static_cast<float>(k), matrix.size());
  if (k == 1) return;
  for (std::size_t g = 0; g < geometries_.size(); ++g) {
    if (maps_[g] == nullptr || !matrix.is_covered[g]) continue;
    const double dual = maps_[g]->dual_norm({deviation.data(), matrix.rows, matrix.cols});
    sample_.dual_squares[g] += dual * dual * static_cast<double>(k - 1) / static_cast<double>(k);
  }
  probe_detail::add_outer_product({deviation.data(), matrix.rows, matrix.cols},
                                  static_cast<float>(k - 1) / static_cast<float>(k),
                                  {sample_.sums.data() + k % kSpectralGroups * r * r, r, r});
}

void SpectralWatch::end_step() {
  const Sample sample = std::exchange(sample_, {});
  if (sample.count < 2 && !sample.is_frozen) return;
  Matrix& matrix = matrices_[turn_];
  if (sample.count >= 2) {
    matrix.noise = probe_detail::matrix_noise(sample.sums, matrix.smaller(), kSpectralGroups, sample.count);
    measure_scales(matrix, sample);
    matrix.noise.spectrum.clear();  // no report needs it, and states do not hold it
    matrix.noise.spectra_without.clear();
  }
  turn_ = (turn_ + 1) % matrices_.size();
}

void SpectralWatch::measure_scales(Matrix& matrix, const Sample& sample) const {
  const auto degrees = static_cast<double>(sample.count - 1);
  TensorNoise noise{.count = sample.count,
                    .squared_deviations = {sample.squares.data(), matrix.rows, matrix.cols},
                    .spectrum = matrix.noise.spectrum};
  double squares = 0.0;
  for (const float square : sample.squares) {
    squares += static_cast<double>(square);
    noise.l1 += std::sqrt(static_cast<double>(square) / degrees);
  }
  noise.l1 /= c4(sample.count);
  noise.l2 = std::sqrt(squares / degrees);
  for (std::size_t g = 0; g < geometries_.size(); ++g) {
    noise.dual_rms = std::sqrt(sample.dual_squares[g] / degrees);
    matrix.scales[g] = matrix.is_covered[g]
                           ? geometries_[g].shape_scale(matrix.rows, matrix.cols) * geometries_[g].noise_scale(noise)
                           : noise.l1;
  }
}

SpectralNoise SpectralWatch::report() const {
  SpectralNoise report;
  report.matrices = static_cast<Index>(matrices_.size());
  report.tensors.resize(tensors_);
  Totals totals;
  for (const Matrix& matrix : matrices_) {
    report.tensors[matrix.tensor] = matrix.noise;
    if (matrix.noise.count == 0) continue;
    ++report.measured;
    totals.add(matrix.noise, matrix.noise.nuclear, matrix.noise.density, 1.0);
  }
  for (std::size_t g = 0; g < geometries_.size(); ++g) {
    double sum = report.measured == 0 ? kNaN : 0.0;
    for (const Matrix& matrix : matrices_) {
      const double s = matrix.scales[g];
      if (!std::isnan(s)) sum += geometries_[g].is_inner_product() ? s * s : s;
    }
    report.geometries.push_back({geometries_[g], geometries_[g].is_inner_product() ? std::sqrt(sum) : sum});
  }
  if (report.measured == 0) {
    report.nuclear = report.density = {kNaN, kNaN};
    report.reason = matrices_.empty() ? "no tensor is a matrix" : "no step of two micro-batches was watched yet";
    return report;
  }
  report.nuclear.value = totals.nuclear;
  report.density.value = totals.density();
  // Matrices were measured at different steps: their errors are independent.
  double nuclear_variance = 0.0;
  double density_variance = 0.0;
  for (const Matrix& matrix : matrices_) {
    const MatrixNoise& noise = matrix.noise;
    if (noise.count == 0) continue;
    std::vector<double> densities;
    for (std::size_t g = 0; g < noise.nuclear_without.size(); ++g) {
      Totals without = totals;
      without.add(noise, noise.nuclear, noise.density, -1.0);
      without.add(noise, noise.nuclear_without[g], noise.density_without[g], 1.0);
      densities.push_back(without.density());
    }
    const double density_error = densities.empty() ? kNaN : jackknife_error(densities);
    nuclear_variance += noise.nuclear_error * noise.nuclear_error;
    density_variance += density_error * density_error;
  }
  report.nuclear.standard_error = std::sqrt(nuclear_variance);
  report.density.standard_error = std::sqrt(density_variance);
  return report;
}

void SpectralWatch::save(StateDict& state) const {
  std::vector<double> rows;
  for (const Matrix& matrix : matrices_) {
    const MatrixNoise& n = matrix.noise;
    rows.insert(rows.end(), {static_cast<double>(n.count), n.nuclear, n.frobenius, n.density, n.stable_rank,
                             n.nuclear_error, n.density_error, n.stable_rank_error});
    for (std::size_t g = 0; g < kSpectralGroups; ++g) {
      rows.push_back(g < n.nuclear_without.size() ? n.nuclear_without[g] : kNaN);
      rows.push_back(g < n.density_without.size() ? n.density_without[g] : kNaN);
    }
  }
  state.tensors[kMeasured] = to_tensor("F64", {static_cast<Index>(matrices_.size()), kColumns}, rows);
  const std::vector<std::int64_t> place = {static_cast<std::int64_t>(turn_), sample_.count, sample_.is_frozen ? 1 : 0};
  state.tensors[kPlace] = to_tensor("I64", {3}, place);
  const auto flat = [&](const char* name, const std::vector<float>& values) {
    state.tensors[name] = to_tensor("F32", {static_cast<Index>(values.size())}, values);
  };
  flat(kMatrixAccumulated, sample_.accumulated);
  flat(kMean, sample_.mean);
  flat(kSums, sample_.sums);
  flat(kSquares, sample_.squares);
  state.tensors[kDualSquares] =
      to_tensor("F64", {static_cast<Index>(sample_.dual_squares.size())}, sample_.dual_squares);
  std::vector<double> scales;
  for (const Matrix& matrix : matrices_) scales.insert(scales.end(), matrix.scales.begin(), matrix.scales.end());
  state.tensors[kScales] =
      to_tensor("F64", {static_cast<Index>(matrices_.size()), static_cast<Index>(geometries_.size())}, scales);
}

void SpectralWatch::load(const StateDict& state) {
  const auto rows = from_tensor<double>(state, kMeasured, "F64");
  const auto place = from_tensor<std::int64_t>(state, kPlace, "I64");
  Sample sample;
  sample.accumulated = from_tensor<float>(state, kMatrixAccumulated, "F32");
  sample.mean = from_tensor<float>(state, kMean, "F32");
  sample.sums = from_tensor<float>(state, kSums, "F32");
  sample.squares = from_tensor<float>(state, kSquares, "F32");
  sample.dual_squares = from_tensor<double>(state, kDualSquares, "F64");
  const auto scales = from_tensor<double>(state, kScales, "F64");
  const std::size_t count = matrices_.size();
  require(rows.size() == count * kColumns, kMeasured, std::to_string(count) + " rows");
  require(place.size() == 3 && place[0] >= 0 && static_cast<std::size_t>(place[0]) < std::max<std::size_t>(count, 1) &&
              place[1] >= 0,
          kPlace, "a turn, a count and whether it is frozen");
  sample.count = place[1];
  sample.is_frozen = place[2] != 0;
  const bool is_under_way = sample.count > 0 && count > 0;
  const Matrix matrix = is_under_way ? matrices_[static_cast<std::size_t>(place[0])] : Matrix{};
  const auto sums = static_cast<std::size_t>(kSpectralGroups * matrix.smaller() * matrix.smaller());
  require(sample.accumulated.size() == matrix.size(), kMatrixAccumulated, "of the matrix in turn");
  require(sample.mean.size() == matrix.size(), kMean, "of the matrix in turn");
  require(sample.sums.size() == sums, kSums, "of the matrix in turn");
  require(sample.squares.size() == matrix.size(), kSquares, "of the matrix in turn");
  require(sample.dual_squares.size() == (is_under_way ? geometries_.size() : 0), kDualSquares, "one for each geometry");
  require(scales.size() == count * geometries_.size(), kScales, "one for each matrix and geometry");
  turn_ = static_cast<std::size_t>(place[0]);
  sample_ = std::move(sample);
  for (std::size_t m = 0; m < count; ++m) {
    matrices_[m].noise = from_row(std::span(rows).subspan(m * kColumns, kColumns), matrices_[m].smaller());
    const auto row = std::span(scales).subspan(m * geometries_.size(), geometries_.size());
    matrices_[m].scales.assign(row.begin(), row.end());
  }
}

}  // namespace normdescent
