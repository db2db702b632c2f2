// SPDX-License-Identifier: Apache-2.0
// Compares a step's values with those before it.
#pragma once

#include <span>
#include <vector>

#include "group.hpp"
#include "normdescent/optimizers/counters.hpp"

namespace normdescent::optimizers {

/// Keeps a copy of the values over one step. Its memory is kept for the next one.
template <class T>
class MeasuredStep {
 public:
  /// Before the step.
  void begin(std::span<const BasicParameter<T>> parameters);
  /// After it: fills in update_rms and momentum_cosine of the parameters that had a gradient, NaN for the others.
  void end(std::span<const BasicParameter<T>> parameters, std::span<const Slot<T>> slots,
           std::span<ParameterCounters> counters);

 private:
  std::vector<std::vector<T>> before_;
};

}  // namespace normdescent::optimizers
