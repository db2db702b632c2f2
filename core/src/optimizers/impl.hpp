// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "gradient_stage.hpp"
#include "group.hpp"
#include "measured_step.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {

template <class T>
struct Optimizer<T>::Impl {
  OptimizerSpec spec;
  std::int64_t steps_done = 0;
  std::vector<optimizers::Slot<T>> slots;                          // one a parameter
  std::vector<const Recipe*> recipes;                              // one a parameter, into spec
  std::vector<double> learning_rates;                              // one a group
  double largest_scale = std::numeric_limits<double>::infinity();  // that keeps constrained rates at most 1
  std::vector<std::unique_ptr<optimizers::Group<T>>> groups;

  std::shared_ptr<StepSharing> sharing;  // null: this process does everything
  std::vector<std::span<std::byte>> shared_values;

  std::unique_ptr<optimizers::GradientStage<T>> gradients;
  bool is_stopped = false;

  OptimizerCounters counters;  // but for what the slots count
  optimizers::MeasuredStep<T> measured_step;
  bool measures_next_step = false;

  /// Throws std::invalid_argument unless `parameters` are the tensors of the construction.
  void check(std::span<const BasicParameter<T>> parameters) const;
  /// And unless the scale is one that all recipes can take.
  void check(std::span<const BasicParameter<T>> parameters, double learning_rate_scale) const;
  void exchange(std::span<const BasicParameter<T>> parameters);
  /// A checked step whose gradients are there.
  StepReport step(std::span<const BasicParameter<T>> parameters, const StepOptions& options);
  StepReport take_step(std::span<const BasicParameter<T>> parameters, const StepOptions& options);
};

}  // namespace normdescent
