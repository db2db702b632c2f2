// SPDX-License-Identifier: Apache-2.0
// The executable form of one recipe for the parameters that share it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/parameter.hpp"
#include "normdescent/optimizers/recipe.hpp"
#include "normdescent/optimizers/state_buffer.hpp"

namespace normdescent::optimizers {

/// What a step knows of one parameter. Who owns the state is not its matter: Optimizer allocates it, the callers of
/// StatelessOptimizer bring it along.
template <class T>
struct Slot {
  Slot() = default;
  Slot(const Slot&) = delete;  // views of state must not outlive or share it by accident
  Slot& operator=(const Slot&) = delete;
  Slot(Slot&&) noexcept = default;
  Slot& operator=(Slot&&) noexcept = default;
  ~Slot() = default;

  ParameterInfo info;
  std::vector<StateBuffer> layout;  ///< of `state`: state_buffers(recipe, info), then what corrections remember
  std::vector<std::span<T>> state;  ///< all 0 at the start; empty where the layout's format is narrow,
  std::vector<std::span<Bfloat16>> narrow_state;  ///< whose numbers are here
  std::uint64_t rounding_seed = 0;
  std::vector<std::uint64_t> rounding_streams;  ///< of narrow_state
  std::int64_t steps = 0;                       ///< steps in which this parameter had a gradient
  std::int64_t orthogonalizations = 0;
  bool is_elsewhere = false;  ///< another process steps it and keeps its state, of which there is none here
};

/// What a group steps on: a tensor's value, and `factor` times `gradient` as what its estimator is fed. The factor is
/// 1 for groups that do not fuse (is_fused).
template <class T>
struct Fed {
  std::span<T> value;
  std::span<T> gradient;  ///< empty: the parameter is left out
  double factor = 1.0;
  bool is_cleared = false;      ///< the group sets the gradient to 0 after its last use
  Bfloat16* rounded = nullptr;  ///< where the group writes the new value rounded to nearest; nullptr: nowhere
};

/// Recipes that do something else in a parameter's first step, in every n-th, or at random in each.
[[nodiscard]] bool counts_steps(const Recipe& recipe);

/// Whether the recipe's step is one elementwise pass, which takes factors, clears gradients and rounds values on its
/// way.
[[nodiscard]] bool is_fused(const Recipe& recipe);

/// The state buffers that a recipe keeps for a parameter: the estimator's ("momentum": m or b), then the direction's
/// ("second_moment": v, "sum_of_squares" and "gradient_norm": b^2 and b of AdaGrad, PreconditionerGrid::buffers).
[[nodiscard]] std::vector<StateBuffer> state_buffers(const Recipe& recipe, const ParameterInfo& parameter);

/// Steps the parameters of one recipe. `members` index the optimizer's list of parameters.
template <class T>
class Group {
 public:
  Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  virtual ~Group() = default;

  /// Parameters without a gradient are left out; the others' step counts have been increased already.
  virtual void step(std::span<const Fed<T>> tensors, std::span<Slot<T>> slots, double learning_rate) = 0;
};

/// Throws std::invalid_argument naming the parameter if the recipe cannot be applied to one of the members.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                   std::span<const Slot<T>> slots);

}  // namespace normdescent::optimizers
