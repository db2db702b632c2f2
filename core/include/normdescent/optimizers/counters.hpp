// SPDX-License-Identifier: Apache-2.0
// What a run of an optimizer has really done: the numbers that show a rule that silently does nothing, or too much.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace normdescent {

/// Of one parameter. Update and cosine are those of the last measured step; NaN before one, or where they do not exist.
struct ParameterCounters {
  std::string parameter;
  std::string recipe;
  std::int64_t steps = 0;               ///< in which it had a gradient
  std::int64_t orthogonalizations = 0;  ///< matrices of it that msign was applied to
  /// sqrt(mean_i (x'_i - x_i)^2), x before and x' after the step: everything that moved x, decay included.
  double update_rms = std::numeric_limits<double>::quiet_NaN();
  /// <x - x', m> / (||x - x'||_2 ||m||_2), m the momentum after the step: positive for every step that descends along
  /// it. NaN without momentum, or if either is zero.
  double momentum_cosine = std::numeric_limits<double>::quiet_NaN();
};

struct OptimizerCounters {
  std::int64_t steps = 0;
  std::int64_t refused_steps = 0;  ///< not taken because a gradient was not finite
  std::int64_t clipped_steps = 0;  ///< in which clipping scaled at least one tensor
  std::int64_t orthogonalizations = 0;
  std::map<std::string, int> parameters_of_recipe;
  std::vector<ParameterCounters> parameters;  ///< in the order of construction
};

}  // namespace normdescent
