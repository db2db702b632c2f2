// SPDX-License-Identifier: Apache-2.0
// Noise in the dual norm of any geometry, streamed: for norms whose scale no simpler statistic tells.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/norms/geometry.hpp"
#include "normdescent/probe/noise.hpp"

namespace normdescent::probe_detail {

/// Root mean squares of dual norms of tensors, and the same without each group of samples.
struct DualNoise {
  double rms = 0.0;
  std::vector<double> rms_without;  ///< empty without groups, or with fewer terms than groups
};

/// (1/(K-1) sum_k (k-1)/k ||g^k - gbar^{k-1}||_dual^2)^(1/2) of every tensor that the geometry covers. The weight gives
/// the deviation from the mean of the samples before the size of one from the true mean, so that the terms are those of
/// Welford's variance; in l2 it is S_2 itself.
///
/// Bias      above E||n||_dual by the spread of ||n||_dual, nothing where many coordinates add up.
/// Memory    a scratch tensor and a dual map a thread.
class DualNoiseAccumulator {
 public:
  DualNoiseAccumulator(Geometry geometry, std::span<const Parameter> parameters, int groups);

  [[nodiscard]] const Geometry& geometry() const { return geometry_; }
  /// Takes the current gradients as the next sample. `before` has seen exactly the samples added here so far.
  void add(std::span<const Parameter> parameters, const NoiseAccumulator& before);
  [[nodiscard]] DualNoise summary(std::size_t tensor) const;

 private:
  Geometry geometry_;
  std::vector<std::size_t> offsets_;
  std::vector<std::size_t> covered_;  // places of the tensors
  int groups_;
  std::int64_t count_ = 0;
  std::vector<double> squares_;                 // (tensors, groups): weighted sums
  std::vector<std::unique_ptr<DualMap>> maps_;  // one a thread
};

}  // namespace normdescent::probe_detail
