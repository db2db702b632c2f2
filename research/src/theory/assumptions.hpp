// SPDX-License-Identifier: Apache-2.0
// The assumptions by tag, and small builders for Bound: each statement is written once.
#pragma once

#include <string>

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/constants.hpp"

namespace normdescent::theory {

[[nodiscard]] Assumption noise_assumption(const std::string& geometry, double tail);
[[nodiscard]] Assumption quadratic_model();
[[nodiscard]] Assumption lipschitz_gradient();
[[nodiscard]] Assumption separable_smoothness();
[[nodiscard]] Assumption second_order_smoothness();
[[nodiscard]] Assumption mean_square_smoothness();
[[nodiscard]] Assumption exact_direction();
[[nodiscard]] Assumption constant_step_without_momentum();
/// One that the call itself has tested.
[[nodiscard]] Assumption checked(std::string tag, std::string statement);

/// "TAG [paper]" or "TAG [constants derived here]".
[[nodiscard]] std::string published(const std::string& tag, const std::string& paper);
[[nodiscard]] std::string derived_here(const std::string& tag);

/// Sets value and log10_value from each other.
void set_value(Bound& bound, double value);
/// The same from a logarithm; flags a value outside the range of a double.
void set_log_value(Bound& bound, double log_value);
/// Adds the flag where the caller gave an S-quad constant to a bound that needs S-grad.
void flag_gradient_smoothness(Bound& bound, const ProblemConstants& constants);

}  // namespace normdescent::theory
