// SPDX-License-Identifier: Apache-2.0
// Training that does not begin with random values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "normdescent/training/problem.hpp"

namespace normdescent {

struct FineTuning {
  std::string name{};
  std::shared_ptr<const Problem> before{};  ///< trained first, with AdamW from a fixed seed
  std::int64_t steps = 200;                 ///< so long
  double learning_rate = 3e-3;
  std::shared_ptr<const Problem> after{};  ///< the problem itself: the same tensors but, perhaps, for the head
  bool has_new_head = false;               ///< Role::head starts as `after` draws it; everything else as it was trained
};

/// Trains `before` at once, on one thread, whatever the caller's thread count. Without a new head all instances start
/// from the same point, whatever their seed. Throws std::invalid_argument if the tensors differ.
[[nodiscard]] std::shared_ptr<const Problem> make_fine_tuning(const FineTuning& options);

}  // namespace normdescent
