// SPDX-License-Identifier: Apache-2.0
// A spec made executable for a list of parameters: which recipe each has, what it keeps, the groups that step them. It
// owns scratch memory but no state; whoever uses it binds `slots[i].state` first.
#pragma once

#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "gradient_stage.hpp"
#include "group.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/optimizers/routing.hpp"
#include "normdescent/optimizers/step_sharing.hpp"

namespace normdescent::optimizers {

template <class T>
struct RecipePlan {
  /// Throws what Optimizer's constructor throws.
  RecipePlan(OptimizerSpec spec, std::vector<ParameterInfo> parameters, std::shared_ptr<StepSharing> sharing);
  RecipePlan(const RecipePlan&) = delete;
  RecipePlan& operator=(const RecipePlan&) = delete;

  /// Throws std::invalid_argument unless `parameters` are the tensors of the construction.
  void check(std::span<const BasicParameter<T>> parameters) const;
  /// Throws std::invalid_argument unless the scale is one that all recipes can take.
  void check_scale(double learning_rate_scale) const;
  /// Throws if a recipe needs gradients at several points.
  void require_no_closure() const;
  /// The step proper, when gradients are corrected, remembered and clipped.
  void advance(std::span<const Fed<T>> fed, double learning_rate_scale);

  [[nodiscard]] std::vector<ParameterPlan> explain_parameters() const;

  OptimizerSpec spec;
  std::shared_ptr<StepSharing> sharing;                            // null: this process does everything
  std::vector<Slot<T>> slots;                                      // one a parameter
  std::vector<const Recipe*> recipes;                              // one a parameter, into spec
  std::vector<double> learning_rates;                              // one a group
  double largest_scale = std::numeric_limits<double>::infinity();  // that keeps constrained rates at most 1
  std::vector<std::unique_ptr<Group<T>>> groups;
  std::unique_ptr<GradientStage<T>> gradients;
};

}  // namespace normdescent::optimizers
