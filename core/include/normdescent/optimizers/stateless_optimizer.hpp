// SPDX-License-Identifier: Apache-2.0
// An OptimizerSpec's steps on tensors whose state somebody else keeps: torch.optim's `state`, say. Same recipes, same
// bits as Optimizer, which keeps its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/optimizers/routing.hpp"
#include "normdescent/optimizers/state_buffer.hpp"

namespace normdescent {

/// One tensor of a step.
template <class T>
struct StatelessParameter {
  std::span<T> value;
  std::span<T> gradient;  ///< only read; empty: the tensor is left out
  /// One array for each of layout(i), of T, or of Bfloat16 where its format is narrow. Of a tensor that is left out:
  /// none, unless always_wants_state(i); null for what it does not have yet.
  std::span<void* const> state;
  std::int64_t* steps = nullptr;  ///< how many it has taken; one more afterwards. May be null if !counts_steps(i)
};

template <class T>
class StatelessOptimizer {
 public:
  /// Throws as Optimizer's constructor does. Scratch memory is all that lives from one step to the next.
  StatelessOptimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters);
  StatelessOptimizer(StatelessOptimizer&&) noexcept;
  StatelessOptimizer& operator=(StatelessOptimizer&&) noexcept;
  ~StatelessOptimizer();

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] const ParameterInfo& parameter(std::size_t i) const;
  [[nodiscard]] const Recipe& recipe(std::size_t i) const;
  /// What must be kept for a parameter; in torch's words `state[p]`.
  [[nodiscard]] const std::vector<StateBuffer>& layout(std::size_t i) const;
  /// Whether its steps must be counted.
  [[nodiscard]] bool counts_steps(std::size_t i) const;
  /// Whether only the entries matter and not where in the tensor they are: any memory order will do.
  [[nodiscard]] bool takes_any_order(std::size_t i) const;

  /// Whether its state, where it has some, is looked at in steps that leave it out, too.
  [[nodiscard]] bool always_wants_state(std::size_t i) const;

  /// As Optimizer::step with gradients_are_finite: NaN and infinity reach values and state as the formulas have it.
  /// Throws std::invalid_argument, with nothing changed, for other sizes or a scale that no recipe can take.
  void step(std::span<const StatelessParameter<T>> parameters, double learning_rate_scale = 1.0);

  [[nodiscard]] std::vector<ParameterPlan> explain() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace normdescent
