// SPDX-License-Identifier: Apache-2.0
// The whole family once more, as plainly as it can be written: double, one coordinate after the other, exact singular
// values. It is the reference of trajectories, and the ground on which known bugs of public implementations are
// planted, so that a test can show that it tells the bug from the method.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent::conformance {

/// Bugs that were shipped; docs/conformance.md has the list.
enum class Bug {
  none,
  momentum_reset,             ///< momentum is zero again in every step
  momentum_from_weights,      ///< and starts from the weights
  momentum_written_by_msign,  ///< msign works in place, on the momentum's memory
  momentum_written_by_correction,
  momentum_fused,  ///< b <- fma(beta, b, g): another rounding, which sign turns into a step
  decay_ignored,
  decay_twice,
  decay_subtracted,  ///< x <- x - eta lambda
  decay_coupled,     ///< lambda x goes into the gradient
  replaced_by_adamw,
  msign_of_micro_batches,  ///< msign of each micro-batch, then the sum
  msign_of_shards,         ///< halves of a matrix are taken for matrices
  scale_of_kernel,         ///< shape scale from the last two dimensions
  scale_inverted,          ///< match_adamw_rms where sqrt_max_one was asked for, and the other way round
  orientation_ignored,
  nesterov_in_gradient,   ///< the look-ahead is formed in the caller's gradient
  nesterov_old_momentum,  ///< looks ahead from the momentum before the update
  lion_betas_swapped,
  overflow_in_momentum,   ///< a gradient that is not finite is found after the momentum was written
  resumes_without_steps,  ///< step counts are not part of the state
  resumes_without_momentum,
  gradient_frozen,  ///< the first gradients, for ever
  gradient_late,    ///< the gradients of the step before
  zero_over_zero,   ///< normalizations without 0/0 := 0
  norm_of_tensors,  ///< a norm tensor by tensor where one over all was asked for
};

/// An optimizer under test.
class Subject {
 public:
  Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  virtual ~Subject() = default;

  /// One step; false: a gradient was not finite.
  virtual bool step(std::span<const BasicParameter<double>> parameters, double learning_rate_scale = 1.0) = 0;
  /// Told after each micro-batch has added its part to the gradients.
  virtual void after_micro_batch(std::span<const BasicParameter<double>> /*parameters*/) {}
  [[nodiscard]] virtual StateDict state() const = 0;
  virtual void load_state(const StateDict& state) = 0;
};

using Maker = std::function<std::unique_ptr<Subject>(const OptimizerSpec&, const std::vector<ParameterInfo>&)>;

/// Optimizer<double>.
[[nodiscard]] std::unique_ptr<Subject> ours(const OptimizerSpec& spec, const std::vector<ParameterInfo>& infos);
/// The plain one, with a bug or without. Corrections that need a closure and layouts are not known to it: it throws
/// std::logic_error for recipes with them.
[[nodiscard]] Maker plain(Bug bug = Bug::none);

}  // namespace normdescent::conformance
