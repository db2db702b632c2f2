// SPDX-License-Identifier: Apache-2.0
// Several processes that hold the same parameters and gradients share the work of a step: what Optimizer asks of
// whoever connects them.
#pragma once

#include <cstddef>
#include <span>

#include "normdescent/base/state_dict.hpp"

namespace normdescent {

class StepSharing {
 public:
  StepSharing() = default;
  StepSharing(const StepSharing&) = delete;
  StepSharing& operator=(const StepSharing&) = delete;
  virtual ~StepSharing() = default;

  /// Whether this process steps a parameter and keeps its state. The same answer whenever it is asked.
  [[nodiscard]] virtual bool is_mine(std::size_t parameter) const = 0;
  /// All processes call it at the end of a step: `values`, one entry a parameter, get the bytes of the process that
  /// stepped it.
  virtual void exchange(std::span<const std::span<std::byte>> values) = 0;
  /// All processes call it with the state of their parameters; the first one gets everyone's, the others theirs.
  [[nodiscard]] virtual StateDict complete(StateDict mine) = 0;
};

}  // namespace normdescent
