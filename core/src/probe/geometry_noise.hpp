// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "normdescent/probe/report.hpp"

namespace normdescent::probe_detail {

/// What was accumulated at one point.
struct AccumulatedNoise {
  Geometry geometry;
  std::span<const Parameter> parameters;
  const NoiseAccumulator& noise;
  std::span<const NoiseSummary> tensors;
  std::span<const MatrixNoise> matrices;
  double to_batch;  ///< factor from the noise of a micro-batch to that of a training mini-batch
};

/// Noise scale, density and gradient norm of one geometry from the tensors' statistics. `total` is the noise of all
/// tensors, scaled; `points` gets what this geometry says of each tensor.
[[nodiscard]] GeometryReport geometry_noise(const AccumulatedNoise& accumulated, const NoiseSummary& total,
                                            std::span<TensorAtPoint> points);

}  // namespace normdescent::probe_detail
