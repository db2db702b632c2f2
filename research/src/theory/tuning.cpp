// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/tuning.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "finish_tuning.hpp"
#include "normdescent/theory/upper.hpp"
#include "normdescent/theory/upper_baselines.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

// L smoothness  Delta gap  eps target  S = c_p S_B  inverse_theta 1/theta, all as magnitudes
struct Quantities {
  Magnitude L, Delta, eps, S;
  double theta, inverse_theta;

  Quantities(const ProblemConstants& constants, double epsilon, double batch)
      : L(constants.smoothness),
        Delta(constants.initial_gap),
        eps(epsilon),
        S(1.0),
        theta(averaging_exponent(constants.tail)),
        inverse_theta(1.0 / theta) {
    require_at_least_one("batch", batch);
    S = averaging_constant(constants.tail) * Magnitude(constants.noise) / pow(Magnitude(batch), theta);
  }
  // min{1, (eps/(factor S))^(1/theta)}
  [[nodiscard]] Magnitude averaging(double factor) const {
    return std::min(Magnitude(1.0), pow(eps / (factor * S), inverse_theta));
  }
};

constexpr double kNoTarget = std::numeric_limits<double>::quiet_NaN();  // horizon tunings promise no epsilon

Tuning finished(const ProblemConstants& constants, const GradientEstimator& estimator, Magnitude averaging,
                Magnitude eta, Magnitude steps, Magnitude batch, double epsilon) {
  const bool averages_fit = is_usable(averaging.value());
  const GradientEstimator used = averages_fit ? estimator : GradientEstimator{RawMiniBatch{}};
  Tuning tuning = finished(estimator, averages_fit, eta, steps, batch, epsilon,
                           [&](const RunSettings& run) { return upper_bound(constants, used, run); });
  return tuning;
}

// Lion's parameters from a_2; a_1 is given.
Tuning finished_lion(const ProblemConstants& constants, const Quantities& q, Magnitude a1, Magnitude a2,
                     double start_error, double batch, double epsilon) {
  require_non_negative("start_error", start_error);
  const LionAverage lion{.averaging1 = a1.value(), .averaging2 = a2.value(), .start_error = start_error};
  const Magnitude eta = q.eps * a2 / (8.0 * q.L);
  const Magnitude steps =
      std::max(64.0 * q.L * q.Delta / (a2 * q.eps * q.eps), 32.0 * Magnitude(start_error) / (a2 * q.eps));
  return finished(constants, lion, a2, eta, steps, Magnitude(batch), epsilon);
}

// a of U4's horizon tuning.
Magnitude horizon_averaging(const ProblemConstants& constants, double steps, double batch) {
  const double p = constants.tail;
  const Magnitude S_B(batch_noise(constants, batch));
  const Magnitude ratio =
      Magnitude(constants.initial_gap) * Magnitude(constants.smoothness) / (S_B * S_B * Magnitude(steps));
  return std::min(kOne, pow(ratio, p / (3.0 * p - 2.0)));
}

Magnitude horizon_learning_rate(const ProblemConstants& constants, double steps, Magnitude averaging) {
  return sqrt(Magnitude(constants.initial_gap) * averaging /
              (2.0 * Magnitude(constants.smoothness) * Magnitude(steps)));
}

void validate_horizon(const ProblemConstants& constants, double steps) {
  validate(constants);
  require_at_least_one("steps", steps);
}

}  // namespace

Tuning tune_minibatch(const ProblemConstants& constants, double epsilon) {
  require_target(constants, epsilon);
  const Quantities q(constants, epsilon, 1.0);
  const Magnitude steps = whole_up(std::max(kOne, 8.0 * q.Delta * q.L / (q.eps * q.eps)));
  const Magnitude batch = pow(4.0 * q.S / q.eps, q.inverse_theta);
  return finished(constants, RawMiniBatch{}, kOne, sqrt(2.0 * q.Delta / (q.L * steps)), steps, batch, epsilon);
}

Tuning tune_minibatch(const ProblemConstants& constants, double epsilon, double batch) {
  require_target(constants, epsilon);
  const Quantities q(constants, epsilon, batch);
  const double left = epsilon - 2.0 * q.S.value();
  if (!(left > 1e-12 * epsilon)) {  // 2 c_p S_B carries round-off
    const double infinite = std::numeric_limits<double>::infinity();
    const Quantities single(constants, epsilon, 1.0);
    const double needed =
        std::floor(pow(2.0 * single.S / single.eps, single.inverse_theta).value() * (1.0 + 1e-12)) + 1.0;
    Tuning tuning{.estimator = RawMiniBatch{},
                  .run = {.learning_rate = 0.0, .steps = infinite, .batch = batch},
                  .samples = infinite,
                  .log10_steps = infinite,
                  .log10_samples = infinite,
                  .bound = upper_bound(constants, RawMiniBatch{}, {.batch = batch})};
    set_value(tuning.bound, 2.0 * q.S.value());  // the limit for T to infinity
    tuning.bound.flags.push_back({FlagKind::noise_floor_above_target, needed,
                                  "without momentum the noise alone is " + to_text(2.0 * q.S.value()) +
                                      "; needs batch >= " + to_text(needed) + ", or momentum"});
    return tuning;
  }
  const Magnitude steps = whole_up(std::max(kOne, 2.0 * q.Delta * q.L / (Magnitude(left) * Magnitude(left))));
  return finished(constants, RawMiniBatch{}, kOne, sqrt(2.0 * q.Delta / (q.L * steps)), steps, Magnitude(batch),
                  epsilon);
}

Tuning tune_momentum(const ProblemConstants& constants, double epsilon, double batch, MomentumStart start) {
  require_target(constants, epsilon);
  const Quantities q(constants, epsilon, batch);
  const Magnitude a = q.averaging(8.0);
  const Magnitude forgetting =
      start == MomentumStart::first_gradient ? 8.0 * q.S / (a * q.eps) : Magnitude(2.0 * std::numbers::ln2) / a;
  const Magnitude steps = std::max(32.0 * q.L * q.Delta / (a * q.eps * q.eps), forgetting);
  return finished(constants, ExponentialAverage{.averaging = a.value(), .start = start}, a, q.eps * a / (8.0 * q.L),
                  steps, Magnitude(batch), epsilon);
}

Tuning tune_lion(const ProblemConstants& constants, double epsilon, double start_error, double batch) {
  require_target(constants, epsilon);
  const Quantities q(constants, epsilon, batch);
  const Magnitude a2 = q.averaging(8.0);
  return finished_lion(constants, q, pow(a2, q.theta), a2, start_error, batch, epsilon);
}

Tuning tune_muonlight(const ProblemConstants& constants, double epsilon, double start_error, double batch) {
  require_target(constants, epsilon);
  const Quantities q(constants, epsilon, batch);
  // a_1 = 1 - (1 - a_2)^2 <= 2 a_2 <= 2 a_2^theta, so the noise term is at most 2 c_p S_B 3 a_2^theta = eps/2.
  const Magnitude a2 = q.averaging(12.0);
  const Magnitude a1 = a2 * Magnitude(2.0 - a2.value());
  return finished_lion(constants, q, a1, a2, start_error, batch, epsilon);
}

Tuning tune_extrapolation(const ProblemConstants& constants, double epsilon, double hessian_smoothness, double batch) {
  require_target(constants, epsilon);
  require_non_negative("hessian_smoothness", hessian_smoothness);
  const Quantities q(constants, epsilon, batch);
  const Magnitude a = q.averaging(10.0);
  const Magnitude eta = std::min(2.0 * q.eps / (5.0 * q.L), a * sqrt(q.eps / (5.0 * Magnitude(hessian_smoothness))));
  const Magnitude steps = std::max(5.0 * q.Delta / (eta * q.eps), 10.0 * q.S / (a * q.eps));
  return finished(constants, ExtrapolatedAverage{.averaging = a.value(), .hessian_smoothness = hessian_smoothness}, a,
                  eta, steps, Magnitude(batch), epsilon);
}

Tuning tune_variance_reduction(const ProblemConstants& constants, double epsilon, double batch) {
  require_target(constants, epsilon);
  if (constants.tail != 2.0)
    refuse("tail", constants.tail, "2 for variance reduction, whose bound needs second moments");
  const Quantities q(constants, epsilon, batch);
  const Magnitude a = q.averaging(10.0);
  const Magnitude eta = q.eps * sqrt(a) / (10.0 * q.L);
  const Magnitude steps = std::max(5.0 * q.Delta / (eta * q.eps), 10.0 * q.S / (a * q.eps));
  return finished(constants, VarianceReducedAverage{.averaging = a.value()}, a, eta, steps, Magnitude(batch), epsilon);
}

Tuning tune_sgd(const ProblemConstants& constants, double epsilon, double batch) {
  require_target(constants, epsilon);
  const Quantities q(constants, epsilon, batch);
  const Magnitude squared = q.eps * q.eps;
  const Magnitude eta = std::min(kOne / q.L, squared / (2.0 * q.L * q.S * q.S));
  const Magnitude steps = 4.0 * q.Delta / (eta * squared);
  return finished(RawMiniBatch{}, true, eta, steps, Magnitude(batch), epsilon,
                  [&](const RunSettings& run) { return upper_sgd(constants, run); });
}

Tuning tune_minibatch_for_horizon(const ProblemConstants& constants, double steps) {
  validate_horizon(constants, steps);
  const Quantities q(constants, 1.0, 1.0);
  const Magnitude T(steps);
  const Magnitude batch = pow(q.S * sqrt(T / (q.Delta * q.L)), q.inverse_theta);
  return finished(constants, RawMiniBatch{}, kOne, sqrt(2.0 * q.Delta / (q.L * T)), T, batch, kNoTarget);
}

Tuning tune_momentum_for_horizon(const ProblemConstants& constants, double steps, double batch, MomentumStart start) {
  validate_horizon(constants, steps);
  const Magnitude a = horizon_averaging(constants, steps, batch);
  return finished(constants, ExponentialAverage{.averaging = a.value(), .start = start}, a,
                  horizon_learning_rate(constants, steps, a), Magnitude(steps), Magnitude(batch), kNoTarget);
}

Tuning tune_lion_for_horizon(const ProblemConstants& constants, double steps, double start_error, double batch) {
  validate_horizon(constants, steps);
  require_non_negative("start_error", start_error);
  const Magnitude a2 = horizon_averaging(constants, steps, batch);
  const Magnitude a1 = pow(a2, averaging_exponent(constants.tail));
  return finished(constants,
                  LionAverage{.averaging1 = a1.value(), .averaging2 = a2.value(), .start_error = start_error}, a2,
                  horizon_learning_rate(constants, steps, a2), Magnitude(steps), Magnitude(batch), kNoTarget);
}

Tuning tune_for_horizon(const ProblemConstants& constants, double steps,
                        const std::function<Tuning(double epsilon)>& tune) {
  validate_horizon(constants, steps);
  const double log10_horizon = std::log10(steps);
  double high = std::log(largest_start_gradient(constants)) - 1e-12;  // an admissible target
  Tuning best = tune(std::exp(high));
  if (best.log10_steps > log10_horizon) {
    best.bound.flags.push_back({FlagKind::below_horizon_threshold, best.run.steps,
                                "no target below the start's is reached before steps = " + to_text(best.run.steps)});
    return best;
  }
  double width = 1.0;
  while (tune(std::exp(high - width)).log10_steps <= log10_horizon) width *= 2.0;
  double low = high - width;
  while (high - low > 1e-9) {
    const double middle = 0.5 * (low + high);
    (tune(std::exp(middle)).log10_steps <= log10_horizon ? high : low) = middle;
  }
  return tune(std::exp(high));
}

}  // namespace normdescent
