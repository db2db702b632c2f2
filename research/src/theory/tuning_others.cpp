// SPDX-License-Identifier: Apache-2.0
// Tunings outside the family of dual directions, and of U6.
#include <cmath>
#include <numbers>

#include "finish_tuning.hpp"

namespace normdescent {

using namespace theory;

Tuning tune_generalized(const GeneralizedConstants& constants, double epsilon, double batch) {
  const double largest = largest_start_gradient(constants);
  if (!(epsilon > 0.0 && epsilon < largest))
    refuse("epsilon", epsilon, "in (0, " + to_text(largest) + "): the start satisfies that bound already");
  require_at_least_one("batch", batch);
  const double inverse_theta = 1.0 / averaging_exponent(constants.tail);
  const Magnitude eps(epsilon);
  const Magnitude shrunk = pow(Magnitude(batch), -1.0 / inverse_theta);
  const double C = generalized_averaging_constant(constants);
  // The guard keeps a rounded logarithm below condition (i).
  const Magnitude admissible =
      (1.0 - 1e-12) * Magnitude(batch) * pow(Magnitude(8.0 * C * constants.relative_noise), -inverse_theta);
  const Magnitude quiet = pow(eps / (16.0 * C * Magnitude(constants.noise) * shrunk), inverse_theta);
  const Magnitude a = std::min({kOne, admissible, quiet});
  const Magnitude eta = std::min(eps * a / (20.0 * Magnitude(constants.smoothness)),
                                 (1.0 - 1e-12) * a / (12.0 * Magnitude(constants.relative_smoothness)));
  const Magnitude start =
      averaging_constant(constants.tail) * shrunk * Magnitude(constants.noise + constants.relative_noise * largest);
  const Magnitude steps = std::max(8.0 * Magnitude(constants.initial_gap) / (eta * eps), 16.0 * start / (a * eps));
  const double averaging = a.value();
  const bool fits = is_usable(averaging);
  return finished(ExponentialAverage{.averaging = averaging, .start = MomentumStart::first_gradient}, fits, eta, steps,
                  Magnitude(batch), epsilon, [&](const RunSettings& run) {
                    return upper_bound_generalized(constants, fits ? averaging : 1.0, start.value(), run);
                  });
}

namespace {

/// The best learning rate for T steps, by golden section on its logarithm: Q/eta, and with it the bound, falls and then
/// rises (log h varies too slowly to matter).
double best_adagrad_rate(const AdagradConstants& constants, double steps) {
  constexpr double kShare = 1.0 / std::numbers::phi;
  const double middle = 0.5 * std::log(2.0 * constants.initial_gap / constants.smoothness_l1);
  double low = middle - 40.0;
  double high = middle + 40.0;
  const auto value = [&](double log_rate) {
    return upper_adagrad(constants, {.learning_rate = std::exp(log_rate), .steps = steps}).value;
  };
  double left = high - kShare * (high - low);
  double right = low + kShare * (high - low);
  double at_left = value(left);
  double at_right = value(right);
  while (high - low > 1e-6) {
    if (at_left < at_right) {
      high = right;
      right = left;
      at_right = at_left;
      at_left = value(left = high - kShare * (high - low));
    } else {
      low = left;
      left = right;
      at_left = at_right;
      at_right = value(right = low + kShare * (high - low));
    }
  }
  return std::exp(0.5 * (low + high));
}

}  // namespace

Tuning tune_adagrad(const AdagradConstants& constants, double epsilon) {
  require_target({.initial_gap = constants.initial_gap, .smoothness = constants.smoothness_l1}, epsilon);
  const auto reaches = [&](double log_steps) {
    const double steps = std::ceil(std::exp(log_steps));
    const RunSettings run{.learning_rate = best_adagrad_rate(constants, steps), .steps = steps};
    return upper_adagrad(constants, run).value <= epsilon;
  };
  constexpr double kLongest = 150.0 * std::numbers::ln10;
  double high = 1.0;
  while (high < kLongest && !reaches(high)) high *= 2.0;
  if (high >= kLongest && !reaches(high = kLongest)) refuse("epsilon", epsilon, "within reach of 1e150 steps");
  double low = 0.0;
  while (high - low > 1e-6) {
    const double middle = 0.5 * (low + high);
    (reaches(middle) ? high : low) = middle;
  }
  const double steps = std::ceil(std::exp(high));
  return finished(RawMiniBatch{}, true, Magnitude(best_adagrad_rate(constants, steps)), Magnitude(steps), kOne, epsilon,
                  [&](const RunSettings& run) { return upper_adagrad(constants, run); });
}

}  // namespace normdescent
