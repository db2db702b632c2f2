// SPDX-License-Identifier: Apache-2.0
// Curvature by products of the Hessian with vectors, each a difference of two gradients on the same examples: works
// for every Objective. What secants along a path (local_geometry.hpp) meet is at most what these find.
//
// Legend   H Hessian of f over the examples   v direction, flat   X geometry   D_X dual direction   h step
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "normdescent/norms/model_geometry.hpp"
#include "normdescent/probe/local_geometry.hpp"

namespace normdescent {

struct HessianOptions {
  std::vector<Geometry> geometries = builtin_geometries();
  int iterations = 6;       ///< of v <- D_X(H v) a batch and geometry, >= 1
  int diagonal_probes = 8;  ///< random sign vectors a batch, >= 2
  int batches = 3;          ///< independent batches that values are averaged over, >= 2
  std::uint32_t batch_size = 1;
  std::uint64_t seed = 1;
};

struct HessianReport {
  struct Constant {
    Geometry geometry = geometries::euclidean();
    Estimate value;  ///< lower bound of L_X = max ||H v||_{X,dual} over ||v||_X <= 1
  };
  std::vector<Constant> constants;  ///< those asked for
  /// ||diag H||_F^2 / ||H||_F^2: 1 for a diagonal Hessian, about 1/d for a dense one. Above 1 by chance only.
  Estimate diagonal_share;
  Estimate trace;             ///< of H
  double step = 0.0;          ///< h, root mean square of the displacement
  double disagreement = 1.0;  ///< ||Hv(h) - Hv(3h)||_2 / ||Hv(h)||_2 for a random sign vector v
  std::string reason;         ///< why nothing, or not all, was measured
};

/// Power iteration (euclidean) and its likes for other norms, v <- D_X(H v) (theory E9): ||H v|| does not decrease, up
/// to the differences' error. The diagonal by random signs z, E z_i (H z)_i = H_ii; the square of the norm of diag H
/// from products of different probes, hence unbiased, over E ||H z||_2^2 = ||H||_F^2.
///
/// Step      (grad f(x + h v) - grad f(x - h v)) / 2h, with v's root mean square 1 and h = 10^-4 .. 10^-1 times that of
///           x: the one at which h and 3h agree best; above kLargestDisagreement nothing is measured (rounding of the
///           gradients, or curvature that changes within the step).
/// Bias      constants: downward (lower bounds; few iterations). Batch noise in H biases them upward.
/// Memory    4 copies of the parameters. Values come back bit-equal; gradients are overwritten.
/// Cost      2 (3 iterations + diagonal_probes) batches + 16 gradients.
/// Throws    std::invalid_argument for options outside their domain.
[[nodiscard]] HessianReport measure_hessian(Objective& objective, BatchSource& batches, const HessianOptions& options,
                                            std::stop_token stop = {});

inline constexpr double kLargestDisagreement = 0.3;

}  // namespace normdescent
