// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "dual_noise.hpp"
#include "normdescent/probe/report.hpp"

namespace normdescent::probe_detail {

/// What was accumulated at one point.
struct AccumulatedNoise {
  std::span<const Parameter> parameters;
  const NoiseAccumulator& noise;
  std::span<const NoiseSummary> tensors;
  std::span<const MatrixNoise> matrices;
  std::span<const DualNoiseAccumulator> dual_norms;
  double to_batch;  ///< factor from the noise of a micro-batch to that of a training mini-batch
};

/// Noise scale, density and gradient norm in one geometry from the tensors' statistics. `total` is the noise of all
/// tensors, scaled.
[[nodiscard]] GeometryReport geometry_noise(const Geometry& geometry, const AccumulatedNoise& accumulated,
                                            const NoiseSummary& total);

}  // namespace normdescent::probe_detail
