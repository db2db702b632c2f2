// SPDX-License-Identifier: Apache-2.0
#include "dual_noise.hpp"

#include <omp.h>

#include <cmath>
#include <utility>

#include "normdescent/probe/grouped_covariance.hpp"

namespace normdescent::probe_detail {

DualNoiseAccumulator::DualNoiseAccumulator(Geometry geometry, std::span<const Parameter> parameters, int groups)
    : geometry_(std::move(geometry)), groups_(groups) {
  std::size_t offset = 0;
  for (std::size_t t = 0; t < parameters.size(); ++t) {
    offsets_.push_back(offset);
    offset += static_cast<std::size_t>(parameters[t].info.size());
    if (geometry_.covers(parameters[t].info)) covered_.push_back(t);
  }
  squares_.resize(parameters.size() * static_cast<std::size_t>(groups));
}

void DualNoiseAccumulator::add(std::span<const Parameter> parameters, const NoiseAccumulator& before) {
  ++count_;
  if (count_ == 1) return;  // deviates from nothing
  const double weight = static_cast<double>(count_ - 1) / static_cast<double>(count_);
  const auto group = static_cast<std::size_t>(count_ % groups_);
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  while (maps_.size() < threads) maps_.push_back(geometry_.make_dual_map());
  const auto count = static_cast<Index>(covered_.size());
#pragma omp parallel
  {
    std::vector<float> deviation;
#pragma omp for schedule(dynamic, 1)
    for (Index i = 0; i < count; ++i) {
      const std::size_t t = covered_[static_cast<std::size_t>(i)];
      const Parameter& p = parameters[t];
      if (p.gradient.empty()) continue;
      deviation.resize(p.gradient.size());
      subtract(p.gradient, before.mean().subspan(offsets_[t], p.gradient.size()), deviation);
      const double norm = maps_[static_cast<std::size_t>(omp_get_thread_num())]->dual_norm(
          {deviation.data(), p.info.rows(), p.info.cols()});
      squares_[t * static_cast<std::size_t>(groups_) + group] += weight * norm * norm;
    }
  }
}

DualNoise DualNoiseAccumulator::summary(std::size_t tensor) const {
  DualNoise result;
  if (count_ < 2) return result;
  const auto groups = static_cast<std::size_t>(groups_);
  const auto squares = std::span(squares_).subspan(tensor * groups, groups);
  // Of all groups but one; of all for deleted = groups.
  const auto without = [&](std::size_t deleted) {
    double sum = 0.0;
    double terms = 0.0;
    for (std::size_t g = 0; g < groups; ++g) sum += g == deleted ? 0.0 : squares[g];
    for (std::int64_t k = 2; k <= count_; ++k) terms += static_cast<std::size_t>(k % groups_) == deleted ? 0.0 : 1.0;
    return std::sqrt(sum / terms);
  };
  result.rms = without(groups);
  if (groups < 2 || count_ - 1 < groups_) return result;
  for (std::size_t g = 0; g < groups; ++g) result.rms_without.push_back(without(g));
  return result;
}

}  // namespace normdescent::probe_detail
