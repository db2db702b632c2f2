// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/upper.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "assumptions.hpp"
#include "geometry_bounds.hpp"
#include "magnitude.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

// Delta/(eta T) + eta L/2 + 2 (estimator error)
double master_inequality(const ProblemConstants& constants, const RunSettings& run, const EstimatorError& error) {
  return constants.initial_gap / (run.learning_rate * run.steps) + run.learning_rate * constants.smoothness / 2.0 +
         2.0 * error.total();
}

// The tag of a bound and what its estimator asks of f, beyond the descent lemma.
struct Describe {
  const ProblemConstants& constants;
  Bound& bound;

  void derived(const char* tag) const {
    bound.source = derived_here(tag);
    bound.constants_are_ours = true;
  }
  void needs_gradient_smoothness() const {
    bound.assumptions.push_back(lipschitz_gradient());
    flag_gradient_smoothness(bound, constants);
  }
  [[nodiscard]] const char* momentum_tag(const char* vector_tag) const {
    const char* const own = bounds_of(constants.geometry).momentum_tag;
    return own != nullptr ? own : vector_tag;
  }

  void operator()(const RawMiniBatch&) const {
    bound.assumptions.push_back(quadratic_model());
    const std::string& known = bounds_of(constants.geometry).mini_batch;
    if (constants.tail == 2.0 && !known.empty())
      bound.source = known;
    else
      derived("U3");
  }
  void operator()(const ExponentialAverage&) const {
    derived(momentum_tag("U4"));
    needs_gradient_smoothness();
  }
  void operator()(const LionAverage&) const {
    derived(momentum_tag("U5"));
    needs_gradient_smoothness();
  }
  void operator()(const ExtrapolatedAverage&) const {
    derived("U9b");
    bound.assumptions.push_back(quadratic_model());
    bound.assumptions.push_back(second_order_smoothness());
  }
  void operator()(const VarianceReducedAverage&) const {
    derived("U9c");
    bound.assumptions.push_back(quadratic_model());
    bound.assumptions.push_back(mean_square_smoothness());
  }
};

Bound described(const ProblemConstants& constants, const GradientEstimator& estimator) {
  Bound bound;
  bound.assumptions.push_back(noise_assumption(constants.geometry, constants.tail));
  std::visit(Describe{constants, bound}, estimator);
  return bound;
}

}  // namespace

Bound upper_bound(const ProblemConstants& constants, const GradientEstimator& estimator, const RunSettings& run) {
  const EstimatorError error = estimator_error(constants, estimator, run);
  Bound bound = described(constants, estimator);
  bound.assumptions.push_back(exact_direction());
  set_value(bound, master_inequality(constants, run, error));
  return bound;
}

Bound upper_bound_with_decay(const ProblemConstants& constants, const LionAverage& estimator, const RunSettings& run,
                             double decoupled_decay, double start_norm) {
  EstimatorError error = estimator_error(constants, estimator, run);
  require_positive("decoupled_decay", decoupled_decay);
  require_non_negative("start_norm", start_norm);
  if (!(start_norm * decoupled_decay <= 1.0))
    refuse("start_norm", start_norm, "at most 1/decoupled_decay = " + to_text(1.0 / decoupled_decay));

  Bound bound = described(constants, estimator);
  bound.source = derived_here("U5w");
  bound.assumptions.push_back(exact_direction());
  bound.assumptions.push_back(checked("decay-step", "eta lambda <= 1"));
  bound.assumptions.push_back(checked("decay-ball", "||x_0|| <= 1/lambda in the step norm"));
  if (run.learning_rate * decoupled_decay > 1.0)
    bound.flags.push_back(
        {FlagKind::step_condition_violated, 1.0 / decoupled_decay,
         "eta lambda > 1: iterates may leave the ball; largest learning rate " + to_text(1.0 / decoupled_decay)});
  // Inside the ball a step has length at most 2 eta: the drift doubles, the curvature term grows fourfold.
  error.drift *= 2.0;
  const double curvature = 1.5 * run.learning_rate * constants.smoothness;
  set_value(bound, master_inequality(constants, run, error) + curvature);
  return bound;
}

Bound upper_bound_inexact_msign(const ProblemConstants& constants, const GradientEstimator& estimator,
                                const RunSettings& run, double delta) {
  if (!(delta >= 0.0 && delta < 1.0)) refuse("delta", delta, "in [0, 1)");
  require_geometry(constants, "spectral", ": only msign is computed inexactly");
  validate(run);
  RunSettings stretched = run;
  stretched.learning_rate *= 1.0 + delta;  // longest step in the spectral norm
  const EstimatorError error = estimator_error(constants, estimator, stretched);

  Bound bound = described(constants, estimator);
  bound.source = derived_here("U7i");
  bound.constants_are_ours = true;
  bound.assumptions.push_back({"inexact-direction", "||O||_op <= 1 + delta, <M, O> >= (1 - delta)||M||_nuc"});
  const double gap = constants.initial_gap / (run.learning_rate * run.steps);
  const double curvature = constants.smoothness * stretched.learning_rate * (1.0 + delta) / 2.0;
  set_value(bound, (gap + curvature + 2.0 * error.total()) / (1.0 - delta));
  return bound;
}

Bound upper_minibatch_at_budget(const ProblemConstants& constants, double samples) {
  validate(constants);
  require_at_least_one("samples", samples);
  const double theta = averaging_exponent(constants.tail);
  const Magnitude N(samples);
  const Magnitude gap_times_smoothness = Magnitude(constants.initial_gap) * Magnitude(constants.smoothness);
  const Magnitude noise = averaging_constant(constants.tail) * Magnitude(constants.noise);
  // T B = N with B = noise^(1/theta) (T/(Delta L))^(1/(2 theta)), if that B is at least 1.
  const Magnitude balanced =
      pow(N * pow(gap_times_smoothness, 0.5 / theta) / pow(noise, 1.0 / theta), 2.0 * theta / (1.0 + 2.0 * theta));
  const Magnitude T = std::min(N, balanced);
  const Magnitude B = N / T;

  Bound bound = described(constants, RawMiniBatch{});
  bound.assumptions.push_back(exact_direction());
  set_log_value(bound, (sqrt(2.0 * gap_times_smoothness / T) + 2.0 * noise / pow(B, theta)).log());
  return bound;
}

}  // namespace normdescent
