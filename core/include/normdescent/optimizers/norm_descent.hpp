// SPDX-License-Identifier: Apache-2.0
// A geometry of one's own as an optimizer: it steps, saves, resumes, races and is explained as those of the catalog.
// The built-in geometries have faster ones there.
//
// Legend   G gradient   M momentum   W parameter   eta learning rate   lambda decoupled decay   D dual map
#pragma once

#include "normdescent/norms/geometry.hpp"
#include "normdescent/optimizers/catalog.hpp"

namespace normdescent {

/// The length of D: 1 in the geometry's norm, or such that the step of a full matrix has root mean square 1
/// (Geometry::shape_scale), so that one learning rate serves tensors of all shapes.
enum class StepUnit { norm, rms };
[[nodiscard]] const char* to_string(StepUnit unit);

struct NormDescentOptions {
  double learning_rate = 1e-3;
  double beta = 0.0;  ///< momentum in [0, 1)
  bool nesterov = false;
  double decoupled_decay = 0.0;
  StepUnit unit = StepUnit::rms;
  AverageOptions average{};
  CommonOptions common{};
};

/// The dual map as a direction, matrix by matrix: D of the tensors that the geometry covers, sign of all others.
[[nodiscard]] MapTensor dual_direction(const Geometry& geometry, StepUnit unit);

/// Steepest descent in a geometry, tensor by tensor:
///   M <- beta M + (1 - beta) G ;  W <- (1 - eta lambda) W - eta D(M)
/// Its name is the geometry's and "-descent": "schatten-4-descent". Throws std::invalid_argument for options outside
/// their domain.
[[nodiscard]] OptimizerSpec norm_descent(const Geometry& geometry, const NormDescentOptions& options = {});

}  // namespace normdescent
