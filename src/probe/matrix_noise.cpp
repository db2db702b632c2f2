// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/matrix_noise.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "jackknife.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/products.hpp"

namespace normdescent {
namespace {

NORMDESCENT_MULTIVERSION
void subtract(const float* a, const float* b, float* out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = a[i] - b[i];
}

// C is `sums` / nu, sums of nu terms.
MatrixNoise from_sums(ConstMatrixView<float> sums, double nu) {
  MatrixNoise s;
  const std::vector<double> values = symmetric_eigenvalues(sums);
  double trace = 0.0;
  double root_trace = 0.0;
  for (const double value : values) {
    const double clipped = value < 0.0 ? 0.0 : value;  // rounding; NaN stays NaN
    trace += clipped;
    root_trace += std::sqrt(clipped);
  }
  s.rank_bound = sums.rows;
  s.nuclear = root_trace / std::sqrt(nu);
  s.frobenius = std::sqrt(trace / nu);
  if (trace > 0.0) s.stable_rank = trace / values.back();
  s.density = trace > 0.0 ? root_trace * root_trace / (static_cast<double>(sums.rows) * trace) : trace;
  return s;
}

}  // namespace

MatrixNoiseAccumulator::MatrixNoiseAccumulator(std::span<const Parameter> parameters, int groups) : groups_(groups) {
  if (groups < 1) throw std::invalid_argument("groups = " + std::to_string(groups) + ", must be >= 1");
  std::size_t offset = 0;
  std::size_t total = 0;
  for (const Parameter& p : parameters) {
    const auto size = static_cast<std::size_t>(p.info.size());
    infos_.push_back(p.info);
    offsets_.push_back(offset);
    offset += size;
    places_.push_back(total);
    if (p.info.role != Role::matrix) continue;
    matrices_.push_back(infos_.size() - 1);
    const Index r = std::min(p.info.rows(), p.info.cols());
    total += static_cast<std::size_t>(groups * r * r);
    largest_ = std::max(largest_, size);
  }
  covariances_.resize(total);
}

void MatrixNoiseAccumulator::add(std::span<const Parameter> parameters, const NoiseAccumulator& before) {
  if (before.count() != count_) {
    throw std::invalid_argument("before.count() = " + std::to_string(before.count()) + ", must be " +
                                std::to_string(count_) + ", the number of samples added here");
  }
  ++count_;
  if (count_ == 1) return;  // (k-1)/k = 0
  const float weight = static_cast<float>(count_ - 1) / static_cast<float>(count_);
  const Index group = count_ % groups_;
  const auto count = static_cast<Index>(matrices_.size());
#pragma omp parallel
  {
    std::vector<float> deviation(largest_);  // D of one matrix
#pragma omp for schedule(dynamic, 1)
    for (Index i = 0; i < count; ++i) {
      const std::size_t t = matrices_[static_cast<std::size_t>(i)];
      if (parameters[t].gradient.empty()) continue;
      subtract(parameters[t].gradient.data(), before.mean().data() + offsets_[t], deviation.data(), infos_[t].size());
      const Index rows = infos_[t].rows();
      const Index cols = infos_[t].cols();
      const Index r = std::min(rows, cols);
      const ConstMatrixView<float> d{deviation.data(), rows, cols};
      const MatrixView<float> c{covariances_.data() + places_[t] + group * r * r, r, r};
      // C <- C + (k-1)/k D D^T (wide) or D^T D (tall)
      if (rows <= cols) {
        gemm(Transpose::no, Transpose::yes, weight, d, d, 1.0F, c);
      } else {
        gemm(Transpose::yes, Transpose::no, weight, d, d, 1.0F, c);
      }
    }
  }
}

MatrixNoise MatrixNoiseAccumulator::summary(std::size_t tensor) const {
  const Index r = std::min(infos_[tensor].rows(), infos_[tensor].cols());
  const auto size = static_cast<std::size_t>(r * r);
  const auto groups = static_cast<std::size_t>(groups_);
  const auto parts = std::span<const float>(covariances_).subspan(places_[tensor], groups * size);
  // Sums of all groups but one; of all for deleted = groups.
  const auto without = [&](std::size_t deleted) {
    std::vector<float> sums(size);
    double nu = 0.0;
    for (std::size_t g = 0; g < groups; ++g) {
      if (g == deleted) continue;
      for (std::size_t i = 0; i < size; ++i) sums[i] += parts[g * size + i];
    }
    for (std::int64_t k = 2; k <= count_; ++k) nu += static_cast<std::size_t>(k % groups_) == deleted ? 0.0 : 1.0;
    return from_sums({sums.data(), r, r}, nu);
  };
  MatrixNoise result = without(groups);
  result.count = count_;
  if (groups < 2 || count_ - 1 < groups_) return result;
  std::vector<double> densities;
  std::vector<double> stable_ranks;
  for (std::size_t g = 0; g < groups; ++g) {
    const MatrixNoise fewer = without(g);
    result.nuclear_without.push_back(fewer.nuclear);
    densities.push_back(fewer.density);
    stable_ranks.push_back(fewer.stable_rank);
  }
  result.nuclear_error = probe_detail::jackknife_error(result.nuclear_without);
  result.density_error = probe_detail::jackknife_error(densities);
  result.stable_rank_error = probe_detail::jackknife_error(stable_ranks);
  return result;
}

std::vector<MatrixNoise> MatrixNoiseAccumulator::summaries() const {
  std::vector<MatrixNoise> result(infos_.size());
  if (count_ < 2) return result;
  const auto count = static_cast<Index>(matrices_.size());
#pragma omp parallel for schedule(dynamic, 1)
  for (Index i = 0; i < count; ++i) {
    const std::size_t t = matrices_[static_cast<std::size_t>(i)];
    result[t] = summary(t);
  }
  return result;
}

}  // namespace normdescent
