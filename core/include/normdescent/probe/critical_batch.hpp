// SPDX-License-Identifier: Apache-2.0
// Batch size at which the noise of a mini-batch is as large as its gradient, per geometry (theory W7, E11).
#pragma once

#include <cmath>
#include <limits>

#include "normdescent/probe/noise.hpp"

namespace normdescent {

/// B_X = (2 S_X / ||grad f||_{X,dual})^2 with finite variance; below it cost is limited by noise, above it examples are
/// wasted. `noise_scale` S_X of mini-batches of `batch_size`. The error is propagated, as if both were independent; NaN
/// where the noise hides the gradient. In l2 the usual "gradient noise scale" S_2^2 / ||grad f||_2^2 is a quarter of
/// it.
[[nodiscard]] inline Estimate critical_batch(const Estimate& noise_scale, const Estimate& gradient_norm,
                                             double batch_size) {
  if (!(gradient_norm.value > 0.0)) {
    return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  }
  const double ratio = 2.0 * noise_scale.value / gradient_norm.value;
  const double size = batch_size * ratio * ratio;
  const double noise_error = noise_scale.value > 0.0 ? noise_scale.standard_error / noise_scale.value : 0.0;
  return {size, 2.0 * size * std::hypot(noise_error, gradient_norm.standard_error / gradient_norm.value)};
}

}  // namespace normdescent
