// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "measured_step.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "recipe_plan.hpp"

namespace normdescent {

/// The memory behind the slots' views; a deque's elements stay where they are.
template <class T>
struct OwnedState {
  std::deque<std::vector<T>> full;
  std::deque<std::vector<Bfloat16>> narrow;
};

template <class T>
struct Optimizer<T>::Impl : optimizers::RecipePlan<T> {
  using Plan = optimizers::RecipePlan<T>;
  using Plan::gradients;
  using Plan::Plan;
  using Plan::recipes;
  using Plan::sharing;
  using Plan::slots;
  using Plan::spec;

  OwnedState<T> owned;
  std::int64_t steps_done = 0;
  std::vector<std::span<std::byte>> shared_values;
  bool is_stopped = false;

  OptimizerCounters counters;  // but for what the slots count
  optimizers::MeasuredStep<T> measured_step;
  bool measures_next_step = false;

  void exchange(std::span<const BasicParameter<T>> parameters);
  /// A checked step whose gradients are there.
  StepReport step(std::span<const BasicParameter<T>> parameters, const StepOptions& options);
  StepReport take_step(std::span<const BasicParameter<T>> parameters, const StepOptions& options);
};

}  // namespace normdescent
