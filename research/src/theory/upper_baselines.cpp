// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/upper_baselines.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include "assumptions.hpp"
#include "geometry_bounds.hpp"
#include "magnitude.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

Bound upper_sgd(const ProblemConstants& constants, const RunSettings& run) {
  validate(constants);
  validate(run);
  require_geometry(constants, "euclidean", ": plain SGD is analysed in l2");
  if (constants.tail != 2.0)
    refuse("tail", constants.tail, "2: plain SGD with constant steps has no bound without a finite variance");

  Bound bound;
  bound.source = published("U11", "standard");
  bound.assumptions = {noise_assumption("euclidean", 2.0), quadratic_model(), checked("sgd-step", "eta <= 1/L_2")};
  const double largest = 1.0 / constants.smoothness;
  if (run.learning_rate > largest * (1.0 + 1e-12))
    bound.flags.push_back({FlagKind::step_condition_violated, largest,
                           "the bound needs learning_rate <= 1/smoothness = " + to_text(largest)});
  const double noise = constants.noise / std::sqrt(run.batch);
  set_value(bound, std::sqrt(2.0 * constants.initial_gap / (run.learning_rate * run.steps) +
                             run.learning_rate * constants.smoothness * noise * noise));
  return bound;
}

Bound upper_sgd_in_l1(const ProblemConstants& euclidean, double dimension, const RunSettings& run) {
  require_at_least_one("dimension", dimension);
  Bound bound = upper_sgd(euclidean, run);
  bound.source = published("U11", "standard, through ||.||_1 <= sqrt(d) ||.||_2");
  set_value(bound, std::sqrt(dimension) * bound.value);
  return bound;
}

Bound upper_adagrad(const AdagradConstants& constants, const RunSettings& run) {
  const auto& [Delta, L1, Lmax, S1, Smax, start, d, delta] = constants;
  require_positive("initial_gap", Delta);
  require_positive("smoothness_l1", L1);
  require_positive("smoothness_max", Lmax);
  if (Lmax > L1) refuse("smoothness_max", Lmax, "at most smoothness_l1 = " + to_text(L1));
  require_non_negative("noise_l1", S1);
  require_non_negative("noise_max", Smax);
  if (Smax > S1) refuse("noise_max", Smax, "at most noise_l1 = " + to_text(S1));
  require_non_negative("start_gradient_max", start);
  require_at_least_one("dimension", d);
  require_positive("delta", delta);
  validate(run);
  if (run.batch != 1.0) refuse("batch", run.batch, "1: divide the noise by sqrt(batch) instead");

  const double eta = run.learning_rate;
  const double T = run.steps;
  const Magnitude reach = Magnitude(start) + Magnitude(eta) * sqrt(Magnitude(Lmax) * Magnitude(L1)) * Magnitude(T);
  const Magnitude inverse_delta2 = Magnitude(1.0) / (Magnitude(delta) * Magnitude(delta));
  const Magnitude largest_noise(Smax);
  const double log_h =
      (Magnitude(1.0) + Magnitude(T) * inverse_delta2 * (largest_noise * largest_noise + reach * reach)).log();
  const double Q = Delta + (2.0 * eta * S1 + eta * eta * L1 / 2.0) * log_h;

  Bound bound;
  bound.source = published("U10", "Jiang et al., COLT 2025, Theorem 2");
  bound.assumptions = {noise_assumption("sign", 2.0),
                       separable_smoothness(),
                       {"adagrad", "x_i <- x_i - eta g_i/(b_i + delta), b_i^2 the sum of g_i^2, current one included"}};
  set_value(bound, 2.0 * std::numbers::sqrt3 * Q / (eta * std::sqrt(T)) + std::sqrt(2.0 * d * delta * Q / (eta * T)) +
                       2.0 * std::sqrt(S1 * Q / eta) / std::pow(T, 0.25));
  return bound;
}

}  // namespace normdescent
