// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/upper_generalized.hpp"

#include <cmath>

#include "assumptions.hpp"
#include "magnitude.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

void validate(const GeneralizedConstants& constants) {
  require_positive("initial_gap", constants.initial_gap);
  require_positive("smoothness", constants.smoothness);
  require_non_negative("relative_smoothness", constants.relative_smoothness);
  require_non_negative("noise", constants.noise);
  require_non_negative("relative_noise", constants.relative_noise);
  require_tail(constants.tail);
}

}  // namespace

double largest_start_gradient(const GeneralizedConstants& constants) {
  validate(constants);
  const double slope = constants.relative_smoothness * constants.initial_gap;
  return slope + std::hypot(slope, std::sqrt(2.0 * constants.smoothness) * std::sqrt(constants.initial_gap));
}

double generalized_averaging_constant(const GeneralizedConstants& constants) {
  validate(constants);
  const double p = constants.tail;
  // Lenglart domination with q = 1/p costs (2 - q)/(1 - q) = (2p - 1)/(p - 1).
  return averaging_constant(p) * (constants.relative_noise > 0.0 ? (2.0 * p - 1.0) / (p - 1.0) : 1.0);
}

double largest_averaging(const GeneralizedConstants& constants, double batch) {
  const double C = generalized_averaging_constant(constants);
  return (Magnitude(batch) *
          pow(Magnitude(8.0 * C * constants.relative_noise), -1.0 / averaging_exponent(constants.tail)))
      .value();
}

Bound upper_bound_generalized(const GeneralizedConstants& constants, double averaging, double start_error,
                              const RunSettings& run) {
  const double C = generalized_averaging_constant(constants);
  require_fraction("averaging", averaging);
  require_non_negative("start_error", start_error);
  normdescent::validate(run);
  const double theta = averaging_exponent(constants.tail);

  Bound bound;
  bound.source = derived_here("U6");
  bound.constants_are_ours = true;
  bound.assumptions = {
      {"N3", "unbiased samples, E|n_i|^p <= sigma_{0,i}^p + sigma_{1,i}^p |grad_i f|^p"},
      {"S-gen",
       "||grad f(y) - grad f(x)||_1 <= (Lambda_0 + Lambda_1||grad f(x)||_1)||y - x||_inf, ||y - x|| <= 1/Lambda_1"},
      checked("U6-i", "a <= B (8 C_p max sigma_1)^(-1/theta)"),
      checked("U6-ii", "eta <= a/(12 Lambda_1)")};
  if (const double largest = largest_averaging(constants, run.batch); averaging > largest)
    bound.flags.push_back({FlagKind::averaging_condition_violated, largest,
                           "condition (i) fails: the bound needs averaging <= " + to_text(largest)});
  if (constants.relative_smoothness > 0.0) {
    const double largest = averaging / (12.0 * constants.relative_smoothness);
    if (run.learning_rate > largest)
      bound.flags.push_back({FlagKind::step_condition_violated, largest,
                             "condition (ii) fails: the bound needs learning_rate <= " + to_text(largest)});
  }
  set_value(bound, 2.0 * constants.initial_gap / (run.learning_rate * run.steps) +
                       5.0 * constants.smoothness * run.learning_rate / averaging +
                       4.0 * C * std::pow(run.batch, -theta) * constants.noise * std::pow(averaging, theta) +
                       4.0 * start_error / (averaging * run.steps));
  return bound;
}

}  // namespace normdescent
