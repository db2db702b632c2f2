// SPDX-License-Identifier: Apache-2.0
// The gradient of a mini-batch from those of its parts, for objectives that evaluate it part by part.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "normdescent/base/parameter.hpp"

namespace normdescent::train_detail {

/// sum_i share_i g_i in float32, in the order of the parts: start() takes the first, add() those between, and finish()
/// leaves the sum where the last part's gradient was. Memory: one copy of the gradients.
class GradientSum {
 public:
  void start(std::span<const Parameter> parameters, float share);
  void add(std::span<const Parameter> parameters, float share);
  void finish(std::span<const Parameter> parameters, float share);

 private:
  std::vector<std::vector<float>> sums_;  ///< one a tensor
};

}  // namespace normdescent::train_detail
