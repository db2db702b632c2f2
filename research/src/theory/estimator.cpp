// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/estimator.hpp"

#include <cmath>
#include <numbers>

#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

// L smoothness  eta learning rate  T steps  S = c_p S_B  theta averaging exponent  a averaging
struct Rows {
  double tail, L, eta, T, S, theta;

  EstimatorError operator()(const RawMiniBatch&) const { return {0.0, S, 0.0}; }

  EstimatorError operator()(const ExponentialAverage& estimator) const {
    const double a = estimator.averaging;
    require_fraction("averaging", a);
    const double drift = L * eta * (1.0 - a) / a;
    const double noise = S * std::pow(a, theta);
    // Zero start: the normalised weights satisfy sum w^p <= (a/(1 - beta^(t+1)))^(p-1), and
    // sum_s ((1 - beta^s)^-theta - 1) <= (psi(1) - psi(1 - theta))/a <= 2 ln 2/a.
    const double start =
        estimator.start == MomentumStart::first_gradient ? S / (a * T) : noise * 2.0 * std::numbers::ln2 / (a * T);
    return {drift, noise, start};
  }

  EstimatorError operator()(const LionAverage& estimator) const {
    const double a1 = estimator.averaging1;
    const double a2 = estimator.averaging2;
    require_fraction("averaging1", a1);
    require_fraction("averaging2", a2);
    require_non_negative("start_error", estimator.start_error);
    const double beta1 = 1.0 - a1;
    return {L * eta * beta1 / a2, S * (a1 + beta1 * std::pow(a2, theta)), beta1 * estimator.start_error / (a2 * T)};
  }

  EstimatorError operator()(const ExtrapolatedAverage& estimator) const {
    const double a = estimator.averaging;
    require_fraction("averaging", a);
    require_non_negative("hessian_smoothness", estimator.hessian_smoothness);
    const double reach = eta / a;
    return {estimator.hessian_smoothness * reach * reach * (1.0 - a) / 2.0, S * std::pow(a, theta), S / (a * T)};
  }

  EstimatorError operator()(const VarianceReducedAverage& estimator) const {
    const double a = estimator.averaging;
    require_fraction("averaging", a);
    if (tail != 2.0) refuse("tail", tail, "2 for variance reduction, whose bound needs second moments");
    return {L * eta / std::sqrt(a), S * std::sqrt(a), S / (a * T)};
  }
};

}  // namespace

void validate(const RunSettings& run) {
  require_positive("learning_rate", run.learning_rate);
  require_at_least_one("steps", run.steps);
  require_at_least_one("batch", run.batch);
}

EstimatorError estimator_error(const ProblemConstants& constants, const GradientEstimator& estimator,
                               const RunSettings& run) {
  validate(constants);
  validate(run);
  const double averaged = averaging_constant(constants.tail) * batch_noise(constants, run.batch);
  return std::visit(Rows{constants.tail, constants.smoothness, run.learning_rate, run.steps, averaged,
                         averaging_exponent(constants.tail)},
                    estimator);
}

}  // namespace normdescent
