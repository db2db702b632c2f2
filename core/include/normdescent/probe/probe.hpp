// SPDX-License-Identifier: Apache-2.0
// Measures the geometry of a training problem before it is trained: noise, tails, smoothness and one-step gains at the
// present point and at the ends of short pilot runs, in the geometry of every optimizer family.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "normdescent/probe/report.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

struct ProbeOptions {
  std::vector<Geometry> geometries = builtin_geometries();  ///< at least one; add your own (examples/own_norm)
  int micro_batches = 64;                                   ///< K >= 2 at the start; the tail index needs 16
  int pilot_micro_batches = 24;                             ///< K >= 2 at the end of a pilot
  std::uint32_t micro_batch_size = 0;  ///< examples; 0: a quarter of the training mini-batch, at least 1
  int matrix_samples = 12;             ///< how many of them enter the scales that are not of coordinates, such as the
                                       ///< nuclear one (r^2 q flops each), >= 2
  Index sampled_coordinates = 8192;    ///< at most, for standard errors, sign agreement and invariance; >= 1024
  int tail_coordinates = 256;
  int tail_projections = 64;
  std::uint32_t held_out_batch = 0;  ///< examples that judge steps; 0: the training mini-batch's number
  int search_repetitions = 3;        ///< directions that choose a step size, >= 1
  int repetitions = 4;               ///< directions that smoothness and gains are averaged over, >= 2
  int pilot_repetitions = 2;         ///< the same at the end of a pilot, >= 2
  int pilot_steps = 16;              ///< of every pilot run; 0: no pilots
  double pilot_rate = 0.25;          ///< first rate that a pilot tries over the best one-step size at the start
  int pilot_tries = 4;               ///< rates at most, a factor 3 apart
  std::vector<PilotKind> pilots = {{"sgd", geometries::euclidean(), false},
                                   {"normalized-sgd", geometries::euclidean(), true},
                                   {"signsgd", geometries::sign(), true},
                                   {"muon", geometries::spectral(), true}};
  /// Also curvature by Hessian products (hessian.hpp) and the gain of each tensor that steps alone (layer_gain.hpp), at
  /// the start: one loss and more a tensor and geometry.
  bool is_thorough = false;
  std::uint64_t seed = 1;
};

/// Every violated constraint as "field = value, must be ..."; empty if valid.
[[nodiscard]] std::vector<std::string> validate(const ProbeOptions& options);

/// `fraction` of the work done and what is being measured now.
using ProbeProgress = std::function<void(double fraction, std::string_view phase)>;

/// Runs the measurements at the objective's present point; `batch_size` is the training mini-batch.
///
/// Parameters come back bit-equal, also when stopped or when the objective throws; gradients are overwritten. Examples
/// come from a stream of the probe's own, so training sees none of them in the same order.
/// Memory    at most 3.5 copies of the parameters beyond the objective's values and gradients, or 3 and 4 r^2 floats
///           for each matrix (sizes: matrix_noise.hpp) while noise is measured: on GPT-2 124M 3.9 copies with all that
///           libraries keep (bench/probe/probe_cost.cpp). Not told of a thorough probe.
/// Cost      with defaults on a GPT of 1M parameters that of 460 gradients of 8 x 64 tokens: 350 are gradients, more
///           than half of them in the pilots, 55 are losses, the rest is msign and the noise of matrices.
/// Throws    std::invalid_argument for invalid options or batch_size = 0. NaN and zero noise are statuses.
[[nodiscard]] ProbeReport probe(Objective& objective, std::uint32_t batch_size, const ProbeOptions& options = {},
                                const ProbeProgress& progress = {}, std::stop_token stop = {});

}  // namespace normdescent
