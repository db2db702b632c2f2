// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/upper_published.hpp"

#include <algorithm>
#include <cmath>

#include "assumptions.hpp"
#include "require.hpp"
#include "rounding.hpp"

namespace normdescent {

using namespace theory;

namespace {

void validate_equivalence(const NormEquivalenceConstants& constants) {
  require_positive("initial_gap", constants.initial_gap);
  require_positive("smoothness", constants.smoothness);
  require_non_negative("noise", constants.noise);
  require_tail(constants.tail);
}

void require_variance(const NormEquivalenceConstants& constants) {
  validate_equivalence(constants);
  if (constants.tail != 2.0) refuse("tail", constants.tail, "2: this theorem is stated for second moments");
}

Bound published_bound(const char* paper, Assumption noise, double value) {
  Bound bound;
  bound.source = published("U8", paper);
  bound.assumptions = {std::move(noise), lipschitz_gradient(), exact_direction()};
  set_value(bound, value);
  return bound;
}

Assumption equivalent_noise() {
  return {"N-equivalence", "unbiased samples, E||n||_2^p <= sigma^p, ||.||_dual <= rho ||.||_2"};
}

}  // namespace

Bound lionmuon2026_theorem1(const NormEquivalenceConstants& constants, double beta1, double beta2, double start_error,
                            const RunSettings& run) {
  validate_equivalence(constants);
  validate(run);
  require_non_negative("beta1", beta1);
  if (!(beta2 > 0.0 && beta2 < 1.0)) refuse("beta2", beta2, "in (0, 1)");
  require_non_negative("start_error", start_error);
  const double a2 = 1.0 - beta2;
  const double ratio = beta1 / beta2;
  const double value = constants.initial_gap / (run.learning_rate * run.steps) +
                       4.0 * constants.smoothness * run.learning_rate / a2 +
                       2.0 * ratio * constants.noise * std::pow(a2, averaging_exponent(constants.tail)) +
                       2.0 * std::abs(1.0 - ratio) * constants.noise + 2.0 * ratio * start_error / (run.steps * a2);
  return published_bound("LionMuon, arXiv:2605.19811, Theorem 1", equivalent_noise(), value);
}

Bound kovalev2025_theorem2(const NormEquivalenceConstants& constants, double alpha, const RunSettings& run) {
  require_variance(constants);
  validate(run);
  require_fraction("alpha", alpha);
  const double eta = run.learning_rate;
  const double value = constants.initial_gap / (eta * run.steps) + 2.0 * constants.noise / (alpha * run.steps) +
                       2.0 * std::sqrt(alpha) * constants.noise + 1.5 * constants.smoothness * eta +
                       2.0 * constants.smoothness * eta / alpha;
  return published_bound("Kovalev, arXiv:2503.12645, Theorem 2", equivalent_noise(), value);
}

KovalevTuning kovalev2025_tuning(const NormEquivalenceConstants& constants, double epsilon) {
  require_variance(constants);
  require_positive("epsilon", epsilon);
  const Magnitude eps(epsilon);
  const Magnitude L(constants.smoothness);
  const Magnitude Delta(constants.initial_gap);
  const Magnitude S(constants.noise);
  const Magnitude ratio = S / eps;
  const Magnitude alpha = std::min(Magnitude(1.0), Magnitude(1.0 / 16.0) / (ratio * ratio));
  const Magnitude eta = std::min(eps / (16.0 * L), eps / (256.0 * ratio * ratio * L));
  const Magnitude base = L * Delta / (eps * eps);
  const Magnitude steps = std::max(
      {2048.0 * base * ratio * ratio, 256.0 * ratio * ratio * ratio, 128.0 * base, 16.0 * ratio, Magnitude(1.0)});
  return {alpha.value(), eta.value(), whole_up(steps.value())};
}

Bound xie2025_theorem45(const NormEquivalenceConstants& constants, double alpha, const RunSettings& run) {
  require_variance(constants);
  validate(run);
  require_fraction("alpha", alpha);
  const double value = constants.initial_gap / (run.learning_rate * run.steps) +
                       2.0 * run.learning_rate * constants.smoothness / alpha +
                       2.0 * constants.noise / (alpha * run.steps) + 2.0 * constants.noise * std::sqrt(alpha);
  return published_bound("Xie et al., arXiv:2511.20584, Theorem 4.5",
                         {"N5", "unbiased samples, E||n||^2_{Sigma^-1} <= ||Sigma||_tr, S = ||Sigma||_tr"}, value);
}

Bound xie2025_rate(const NormEquivalenceConstants& constants, double steps) {
  require_variance(constants);
  require_positive("noise", constants.noise);
  require_at_least_one("steps", steps);
  const double a0 = std::sqrt(constants.initial_gap) * std::sqrt(constants.smoothness) / constants.noise;
  const double alpha = std::min(1.0, a0 / std::sqrt(steps));
  const double eta = std::sqrt(constants.initial_gap * alpha / (2.0 * constants.smoothness * steps));
  Bound bound = xie2025_theorem45(constants, alpha, {.learning_rate = eta, .steps = steps});
  const double threshold = std::max(a0 * a0, std::pow(a0, -6.0));
  bound.assumptions.push_back(checked("large-T", "T >= max(a_0^2, a_0^-6), a_0 = sqrt(Delta L)/S"));
  if (!(steps >= threshold))
    bound.flags.push_back(
        {FlagKind::below_horizon_threshold, threshold, "the rate is stated from steps = " + to_text(threshold)});
  return bound;
}

Bound bernstein2018_theorem1(double initial_gap, double smoothness_l1, double noise_l1, double samples) {
  require_positive("initial_gap", initial_gap);
  require_positive("smoothness_l1", smoothness_l1);
  require_non_negative("noise_l1", noise_l1);
  require_at_least_one("samples", samples);
  Bound bound;
  bound.source = published("U8", "Bernstein et al. 2018, Theorem 1");
  bound.assumptions = {noise_assumption("sign", 2.0),
                       separable_smoothness(),
                       {"growing-batch", "batch = steps = sqrt(samples), eta = 1/sqrt(||L||_1 steps)"}};
  set_value(bound, (std::sqrt(smoothness_l1) * (initial_gap + 0.5) + 2.0 * noise_l1) / std::pow(samples, 0.25));
  return bound;
}

}  // namespace normdescent
