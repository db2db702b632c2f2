// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/matrix_noise.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/products.hpp"

namespace normdescent {
namespace {

NORMDESCENT_MULTIVERSION
void subtract(const float* a, const float* b, float* out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = a[i] - b[i];
}

}  // namespace

MatrixNoiseAccumulator::MatrixNoiseAccumulator(std::span<const Parameter> parameters) {
  Index largest = 0;
  for (const Parameter& p : parameters) {
    infos_.push_back(p.info);
    covariances_.emplace_back();
    if (p.info.role != Role::matrix) continue;
    const Index r = std::min(p.info.rows(), p.info.cols());
    covariances_.back().resize(static_cast<std::size_t>(r * r));
    largest = std::max(largest, p.info.size());
  }
  deviation_.resize(static_cast<std::size_t>(largest));
}

void MatrixNoiseAccumulator::add(std::span<const Parameter> parameters, const NoiseAccumulator& before) {
  if (before.count() != count_) {
    throw std::invalid_argument("before.count() = " + std::to_string(before.count()) + ", must be " +
                                std::to_string(count_) + ", the number of samples added here");
  }
  ++count_;
  if (count_ == 1) return;  // (k-1)/k = 0
  const float weight = static_cast<float>(count_ - 1) / static_cast<float>(count_);
  const float* mean = before.mean().data();
  for (std::size_t t = 0; t < infos_.size(); ++t) {
    const Index n = infos_[t].size();
    if (!covariances_[t].empty() && !parameters[t].gradient.empty()) {
      subtract(parameters[t].gradient.data(), mean, deviation_.data(), n);
      const Index rows = infos_[t].rows();
      const Index cols = infos_[t].cols();
      const Index r = std::min(rows, cols);
      const ConstMatrixView<float> d{deviation_.data(), rows, cols};
      const MatrixView<float> c{covariances_[t].data(), r, r};
      // C <- C + (k-1)/k D D^T (wide) or D^T D (tall)
      if (rows <= cols) {
        gemm(Transpose::no, Transpose::yes, weight, d, d, 1.0F, c);
      } else {
        gemm(Transpose::yes, Transpose::no, weight, d, d, 1.0F, c);
      }
    }
    mean += n;
  }
}

std::vector<MatrixNoise> MatrixNoiseAccumulator::summaries() const {
  std::vector<MatrixNoise> result(infos_.size());
  if (count_ < 2) return result;
  for (std::size_t t = 0; t < infos_.size(); ++t) {
    if (covariances_[t].empty()) continue;
    const Index r = std::min(infos_[t].rows(), infos_[t].cols());
    const SymmetricEigen eigen = symmetric_eigen(ConstMatrixView<float>{covariances_[t].data(), r, r});
    double trace = 0.0;
    double root_trace = 0.0;
    for (const double value : eigen.values) {
      const double clipped = value < 0.0 ? 0.0 : value;  // rounding; NaN stays NaN
      trace += clipped;
      root_trace += std::sqrt(clipped);
    }
    MatrixNoise& s = result[t];
    s.count = count_;
    s.rank_bound = r;
    s.nuclear = root_trace / std::sqrt(static_cast<double>(count_ - 1));
    s.frobenius = std::sqrt(trace / static_cast<double>(count_ - 1));
    if (trace > 0.0) s.stable_rank = trace / eigen.values.back();
    s.density = trace > 0.0 ? root_trace * root_trace / (static_cast<double>(r) * trace) : trace;
  }
  return result;
}

}  // namespace normdescent
