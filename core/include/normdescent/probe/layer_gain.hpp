// SPDX-License-Identifier: Apache-2.0
// What each tensor gains when it steps alone and all others stay.
#pragma once

#include "normdescent/probe/local_geometry.hpp"

namespace normdescent {

/// One entry a tensor: E f(x) - f(x - a d_t), d_t the tensor's part of D_X(g) with ||d_t||_X = 1.
///
/// The step a of each is the optimum of the parabola through slope and loss at `step_size` (that of a joint step, or
/// its share in the euclidean norm), a factor 64 from there at most; its value and error come from fresh directions and
/// batches, so choosing does not bias it, and it is at most the best gain. A gain of 0 with step 0: the tensor has no
/// slope downwards. learning_rate and half_slope_step are not set.
/// Memory    2 copies of the parameters. They come back bit-equal; gradients are overwritten.
/// Cost      (1 + repetitions) losses for each tensor, and as often a gradient, or two for the first.
[[nodiscard]] std::vector<OneStepGain> measure_layer_gains(Objective& objective, ModelGeometry& geometry,
                                                           double step_size, BatchSource& batches,
                                                           const LocalOptions& options, std::stop_token stop = {});

}  // namespace normdescent
