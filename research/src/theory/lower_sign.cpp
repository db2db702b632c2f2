// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/lower_sign.hpp"

#include <cmath>

#include "assumptions.hpp"
#include "geometry_bounds.hpp"
#include "magnitude.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

Bound described(const ProblemConstants& constants) {
  Bound bound;
  bound.constants_are_ours = true;
  if (constants.tail < 2.0)
    bound.source = derived_here("L8");
  else
    bound.source = bounds_of(constants.geometry).without_momentum;
  bound.assumptions = {noise_assumption(constants.geometry, constants.tail), quadratic_model(), exact_direction(),
                       constant_step_without_momentum()};
  return bound;
}

// Samples up to which the instance resists at level epsilon, cap aside.
Magnitude samples_at(const ProblemConstants& constants, Magnitude epsilon) {
  const Magnitude gap_times_smoothness = Magnitude(constants.initial_gap) * Magnitude(constants.smoothness);
  const Magnitude S(constants.noise);
  const Magnitude squared = epsilon * epsilon;
  const double p = constants.tail;
  if (p == 2.0) return gap_times_smoothness * (4.0 * squared + S * S) / (128.0 * squared * squared);
  const Magnitude noise_factor = pow(S / (std::exp2(1.0 + 1.0 / p) * epsilon), 1.0 / averaging_exponent(p));
  return gap_times_smoothness / (32.0 * squared) * std::max(Magnitude(1.0), noise_factor);
}

}  // namespace

Bound lower_sign(const ProblemConstants& constants, double samples) {
  validate(constants);
  require_at_least_one("samples", samples);
  const Magnitude gap_times_smoothness = Magnitude(constants.initial_gap) * Magnitude(constants.smoothness);
  const Magnitude S(constants.noise);
  const Magnitude N(samples);
  const double p = constants.tail;
  const double theta = averaging_exponent(p);

  Magnitude value(1.0);
  if (p == 2.0) {
    const Magnitude ratio = 32.0 * N * S * S / gap_times_smoothness;
    value = sqrt(gap_times_smoothness / (64.0 * N) * (Magnitude(1.0) + sqrt(Magnitude(1.0) + ratio)));
  } else {
    const Magnitude deterministic = gap_times_smoothness / (32.0 * N);
    const Magnitude noisy =
        pow(deterministic, theta / (1.0 + 2.0 * theta)) * pow(S / std::exp2(1.0 + 1.0 / p), 1.0 / (1.0 + 2.0 * theta));
    value = std::max(noisy, sqrt(deterministic));
  }

  Bound bound = described(constants);
  const Magnitude cap = 0.25 * sqrt(gap_times_smoothness);
  if (value > cap) {
    const double needed = samples_at(constants, cap).value();
    bound.flags.push_back(
        {FlagKind::saturated, needed, "at its cap sqrt(L Delta)/4; below the cap from samples = " + to_text(needed)});
  }
  set_log_value(bound, std::min(value, cap).log());
  return bound;
}

Bound lower_sign_samples(const ProblemConstants& constants, double epsilon) {
  validate(constants);
  require_target(constants, epsilon);
  Bound bound = described(constants);
  const double cap = 0.25 * std::sqrt(constants.smoothness) * std::sqrt(constants.initial_gap);
  if (epsilon > cap) {
    bound.flags.push_back(
        {FlagKind::saturated, cap, "says nothing for epsilon above sqrt(L Delta)/4 = " + to_text(cap)});
    set_value(bound, 0.0);
    return bound;
  }
  set_log_value(bound, samples_at(constants, Magnitude(epsilon)).log());
  return bound;
}

}  // namespace normdescent
