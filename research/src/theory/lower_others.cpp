// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/lower_others.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <utility>

#include "assumptions.hpp"
#include "geometry_bounds.hpp"
#include "magnitude.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

void require_second_moments(const ProblemConstants& constants) {
  validate(constants);
  if (constants.tail != 2.0) refuse("tail", constants.tail, "2: this bound is stated for second moments");
}

}  // namespace

Bound lower_deterministic_steps(const ProblemConstants& constants, double epsilon) {
  validate(constants);
  require_target(constants, epsilon);
  Bound bound;
  bound.source = bounds_of(constants.geometry).deterministic;
  bound.constants_are_ours = bound.source.ends_with(kDerivedHere);
  bound.assumptions = {quadratic_model(), {"deterministic", "queries depend on earlier answers only; noise may be 0"}};
  const Magnitude target(epsilon);
  set_log_value(bound, (Magnitude(constants.smoothness) * Magnitude(constants.initial_gap) / (target * target)).log());
  return bound;
}

Bound lower_adagrad(const ProblemConstants& constants, double steps) {
  require_second_moments(constants);
  require_at_least_one("steps", steps);
  const Magnitude gap_times_smoothness = Magnitude(constants.smoothness) * Magnitude(constants.initial_gap);
  const Magnitude variance = Magnitude(constants.noise) * Magnitude(constants.noise);
  const Magnitude T(steps);
  const Magnitude deterministic = sqrt(gap_times_smoothness * Magnitude(std::log(2.0 * steps + 1.0)) / T) / 32.0;
  Magnitude value = deterministic;
  if (constants.noise > 0.0) {
    const double log_term = (Magnitude(1.0) + T * gap_times_smoothness / (8.0 * variance)).log();
    value = std::max(value, pow(variance * gap_times_smoothness / T * Magnitude(log_term), 0.25) / 16.0);
  }
  Bound bound;
  bound.source = published("L6", "Jiang et al., COLT 2025, Corollary 17");
  bound.assumptions = {noise_assumption("sign", 2.0),
                       quadratic_model(),
                       {"adagrad", "x_i <- x_i - eta g_i/b_i, delta = 0, instance in one dimension"}};
  set_log_value(bound, value.log());
  return bound;
}

Bound lower_adagrad_samples(const ProblemConstants& constants, double epsilon) {
  require_target(constants, epsilon);
  const auto resists = [&](double log_steps) { return lower_adagrad(constants, std::exp(log_steps)).value >= epsilon; };
  Bound bound = lower_adagrad(constants, 1.0);
  if (!resists(0.0)) {
    bound.flags.push_back({FlagKind::saturated, bound.value,
                           "the bound says something for epsilon <= " + to_text(bound.value) + " only"});
    set_value(bound, 0.0);
    return bound;
  }
  constexpr double kLongest = 300.0 * std::numbers::ln10;  // both terms fall with T
  double low = 0.0;
  double high = 1.0;
  while (high < kLongest && resists(high)) low = std::exchange(high, 2.0 * high);
  high = std::min(high, kLongest);
  while (high - low > 1e-9) {
    const double middle = 0.5 * (low + high);
    (resists(middle) ? low : high) = middle;
  }
  set_log_value(bound, low);
  return bound;
}

Bound lower_sign_momentum_unstructured(const ProblemConstants& constants, double dimension, double steps) {
  require_second_moments(constants);
  require_geometry(constants, "sign");
  require_at_least_one("dimension", dimension);
  require_at_least_one("steps", steps);
  const Magnitude S(constants.noise);
  const Magnitude scale = pow(
      Magnitude(dimension) * Magnitude(constants.smoothness) * Magnitude(constants.initial_gap) * S * S / 5.0, 0.25);
  const Magnitude contraction = Magnitude::from_log(-2.0);  // e^-2
  const Magnitude falling = contraction * scale / sqrt(Magnitude(steps));
  const Magnitude cap = contraction * S / std::sqrt(5.0);
  Bound bound;
  bound.source = published("L7", "Xie et al., arXiv:2511.20584, Theorem 4.7");
  bound.assumptions = {{"N-dual", "unbiased samples, E||n||_1^2 <= S^2 and no more structure"}, quadratic_model()};
  if (falling > cap) {
    const double needed = pow(scale / (S / std::sqrt(5.0)), 2.0).value();
    bound.flags.push_back(
        {FlagKind::saturated, needed, "at its cap e^-2 5^(-1/2) S; below the cap from steps = " + to_text(needed)});
  }
  set_log_value(bound, std::min(falling, cap).log());
  return bound;
}

Bound lower_zero_respecting_samples(const ProblemConstants& constants, double epsilon) {
  validate(constants);
  require_target(constants, epsilon);
  require_geometry(constants, "euclidean");
  Bound bound;
  bound.source = "L10 [rate: Arjevani et al. 2023; constants derived here]";
  bound.constants_are_ours = true;
  bound.assumptions = {noise_assumption("euclidean", constants.tail),
                       quadratic_model(),
                       {"zero-respecting", "x_t is supported on coordinates that some earlier sample had non-zero"}};
  const Magnitude target(epsilon);
  const double p = constants.tail;
  const Magnitude length = Magnitude(constants.smoothness) * Magnitude(constants.initial_gap) /
                           (7296.0 * target * target);  // T before rounding
  if (length.value() < 2.0) {
    const double largest = std::sqrt(constants.smoothness * constants.initial_gap / (2.0 * 7296.0));
    bound.flags.push_back({FlagKind::saturated, largest, "says nothing for epsilon above " + to_text(largest)});
    set_value(bound, 0.0);
    return bound;
  }
  // Length of the chain; the relative guard keeps an exact quotient from falling to the integer below.
  const double whole = std::floor(length.value() * (1.0 + 1e-12));
  const Magnitude largest_entry = 46.0 * target;  // 23 * 2 epsilon
  const Magnitude ratio =
      p == 2.0 ? pow(largest_entry / Magnitude(constants.noise), 2.0)
               : pow(std::exp2(1.0 / p) * largest_entry / Magnitude(constants.noise), 1.0 / averaging_exponent(p));
  const bool is_deterministic = ratio >= Magnitude(1.0);
  set_log_value(bound, (is_deterministic ? Magnitude(whole) : Magnitude(whole - 1.0) / (2.0 * ratio)).log());
  return bound;
}

}  // namespace normdescent
