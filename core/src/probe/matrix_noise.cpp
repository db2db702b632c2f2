// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/matrix_noise.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "normdescent/probe/grouped_covariance.hpp"

namespace normdescent {

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
      const auto size = static_cast<std::size_t>(infos_[t].size());
      const Index rows = infos_[t].rows();
      const Index cols = infos_[t].cols();
      const Index r = std::min(rows, cols);
      probe_detail::subtract(parameters[t].gradient, before.mean().subspan(offsets_[t], size),
                             std::span(deviation).first(size));
      probe_detail::add_outer_product({deviation.data(), rows, cols}, weight,
                                      {covariances_.data() + places_[t] + group * r * r, r, r});
    }
  }
}

MatrixNoise MatrixNoiseAccumulator::summary(std::size_t tensor) const {
  const Index r = std::min(infos_[tensor].rows(), infos_[tensor].cols());
  const auto sums =
      std::span<const float>(covariances_).subspan(places_[tensor], static_cast<std::size_t>(groups_ * r * r));
  return probe_detail::matrix_noise(sums, r, groups_, count_);
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
