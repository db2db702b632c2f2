// SPDX-License-Identifier: Apache-2.0
#include "assumptions.hpp"

#include <cmath>
#include <numbers>
#include <utility>

#include "geometry_bounds.hpp"
#include "require.hpp"

namespace normdescent::theory {

Assumption noise_assumption(const std::string& geometry, double tail) { return bounds_of(geometry).noise(tail); }

Assumption quadratic_model() {
  return {"S-quad", "|f(y) - f(x) - <grad f(x), y - x>| <= L/2 ||y - x||^2 in the step norm"};
}
Assumption lipschitz_gradient() { return {"S-grad", "||grad f(y) - grad f(x)||_dual <= L ||y - x|| in the step norm"}; }
Assumption separable_smoothness() {
  return {"S-sep", "|f(y) - f(x) - <grad f(x), y - x>| <= 1/2 sum_i L_i (y_i - x_i)^2"};
}
Assumption second_order_smoothness() {
  return {"S-2", "||grad f(y) - grad f(x) - hess f(x)(y - x)||_dual <= M/2 ||y - x||^2"};
}
Assumption mean_square_smoothness() {
  return {"S-ms", "E||g(x; xi) - g(y; xi)||^2 <= L^2 ||x - y||^2, both gradients on the same sample"};
}
Assumption exact_direction() {
  return {"exact-direction", "D(m) attains <m, D(m)> = ||m||_dual with ||D(m)|| <= 1; D(0) = 0"};
}
Assumption constant_step_without_momentum() {
  return {"constant-step", "constant learning rate, no momentum, instance chosen after learning rate, batch and steps"};
}
Assumption checked(std::string tag, std::string statement) { return {std::move(tag), std::move(statement), true}; }

std::string published(const std::string& tag, const std::string& paper) { return tag + " [" + paper + "]"; }
std::string derived_here(const std::string& tag) { return tag + " [constants derived here]"; }

void set_value(Bound& bound, double value) {
  bound.value = value;
  bound.log10_value = std::log10(value);
}

void set_log_value(Bound& bound, double log_value) {
  bound.value = std::exp(log_value);
  bound.log10_value = log_value * std::numbers::log10e;
  const bool is_out_of_range = std::isinf(bound.value) || (bound.value == 0.0 && std::isfinite(log_value));
  if (is_out_of_range)
    bound.flags.push_back({FlagKind::beyond_double_range, bound.log10_value,
                           "the value is 10^" + to_text(bound.log10_value) + ", outside the range of a double"});
}

void flag_gradient_smoothness(Bound& bound, const ProblemConstants& constants) {
  if (constants.smoothness_kind == SmoothnessKind::lipschitz_gradient) return;
  const double safe = 2.0 * constants.smoothness;
  bound.flags.push_back(
      {FlagKind::gradient_smoothness_assumed, safe,
       "an S-quad constant was used as S-grad constant; safe for every f: smoothness = " + to_text(safe)});
}

}  // namespace normdescent::theory
