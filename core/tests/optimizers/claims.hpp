// SPDX-License-Identifier: Apache-2.0
// What an optimizer must do, as functions of the optimizer: each returns what is wrong, or nothing. They know it by its
// steps and its state only, so that they can be asked about Optimizer, about the plain reference and about its bugs.
#pragma once

#include <string>

#include "optimizers/plain_optimizer.hpp"

namespace normdescent::conformance {

/// Empty: the claim holds.
using Fault = std::string;

/// Six steps on random gradients end where the plain reference does, entry by entry up to `tolerance`.
[[nodiscard]] Fault follows_the_plain_reference(const Maker& make, const OptimizerSpec& spec, double tolerance = 1e-12);
/// After five steps along G a weak gradient against G does not turn the step round.
[[nodiscard]] Fault remembers_gradients(const Maker& make, const OptimizerSpec& spec);
/// The momentum in the state is beta m + (1 - beta) c, b beta + c, or Lion's, of the gradients that were given.
[[nodiscard]] Fault momentum_is_the_average_of_gradients(const Maker& make, const OptimizerSpec& spec);
/// The first step is the same from any point. Asked without decay, penalty and constraint.
[[nodiscard]] Fault first_step_does_not_see_the_weights(const Maker& make, const OptimizerSpec& spec);
/// x <- (1 - eta lambda) x to the last bit without gradient, and that much less with one.
[[nodiscard]] Fault decay_multiplies_the_weights(const Maker& make, const OptimizerSpec& spec);
/// The first step from zero momentum has the size and the shape that the recipe's norm promises: entries, rows,
/// singular values. Asked without decay.
[[nodiscard]] Fault first_step_is_a_unit_of_its_norm(const Maker& make, const OptimizerSpec& spec);
/// The gradient is the same after the step as before.
[[nodiscard]] Fault gradients_are_only_read(const Maker& make, const OptimizerSpec& spec);
/// Another gradient gives another step at once, also in the third step and from other memory.
[[nodiscard]] Fault step_uses_the_gradient_of_this_step(const Maker& make, const OptimizerSpec& spec);
/// A step on an infinite gradient is as if it had not been.
[[nodiscard]] Fault overflow_leaves_no_trace(const Maker& make, const OptimizerSpec& spec);
/// Saved after three steps, loaded into a new one, continued: the same bits as without.
[[nodiscard]] Fault resumes_with_the_same_bits(const Maker& make, const OptimizerSpec& spec);
/// Zero gradients, of all tensors, of one tensor and of one row, leave finite values and no step where all is zero.
[[nodiscard]] Fault zero_gradients_are_no_step(const Maker& make, const OptimizerSpec& spec);
/// Gradients of two micro-batches that are added up give the step of their sum.
[[nodiscard]] Fault micro_batches_add_up_to_one_step(const Maker& make, const OptimizerSpec& spec);
/// Spectral norm of the first step of one matrix over the learning rate.
[[nodiscard]] double first_step_size(const Maker& make, const OptimizerSpec& spec, const ParameterInfo& matrix);

}  // namespace normdescent::conformance
