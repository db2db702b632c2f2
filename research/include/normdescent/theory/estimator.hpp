// SPDX-License-Identifier: Apache-2.0
// Gradient estimators and how far they are from the gradient: one row each of the table in docs/theory/upper.md.
// Legend: a = 1 - beta averaging weight of the newest gradient  eta learning rate  T steps  B batch  M Hessian
// smoothness
#pragma once

#include <variant>

#include "normdescent/theory/constants.hpp"

namespace normdescent {

/// A run with constant settings. Counts are doubles: tuned ones may exceed 2^63.
struct RunSettings {
  double learning_rate = 0.01;  ///< eta > 0: length of a step in the step norm
  double steps = 1000.0;        ///< T >= 1
  double batch = 1.0;           ///< B >= 1, samples per step
};

/// m_t = g_t: SignSGD, normalized SGD, Muon without momentum.
struct RawMiniBatch {};

enum class MomentumStart {
  first_gradient,  ///< m_0 = g_0
  zero,            ///< m_{-1} = 0; directions are scale-invariant, so this equals Adam's bias correction
};

/// m_t = (1 - a) m_{t-1} + a g_t: Signum, normalized SGD and Muon with momentum.
struct ExponentialAverage {
  double averaging = 0.1;  ///< a in (0, 1]
  MomentumStart start = MomentumStart::first_gradient;
};

/// v_t = (1 - a_1) m_{t-1} + a_1 g_t is used, m_t = (1 - a_2) m_{t-1} + a_2 g_t is kept: Lion. Muonlight(mu) is the
/// matrix version with a_1 = 1 - mu^2, a_2 = 1 - mu.
struct LionAverage {
  double averaging1 = 0.1;   ///< a_1 = 1 - beta1 in (0, 1]
  double averaging2 = 0.01;  ///< a_2 = 1 - beta2 in (0, 1]
  double start_error = 0.0;  ///< E||m_{-1} - grad f(x_0)||_dual >= 0; ||grad f(x_0)||_dual for a zero start
};

/// Momentum with the gradient taken at x_{k+1} + ((1-a)/a)(x_{k+1} - x_k) (implicit gradient transport); m_0 = g_0.
struct ExtrapolatedAverage {
  double averaging = 0.1;           ///< a in (0, 1]
  double hessian_smoothness = 1.0;  ///< M >= 0 of S-2
};

/// m_{k+1} = g(x_{k+1}; xi) + (1 - a)(m_k - g(x_k; xi)) (STORM, MVR): two gradients on the same sample; p = 2; m_0 =
/// g_0.
struct VarianceReducedAverage {
  double averaging = 0.1;  ///< a in (0, 1]
};

using GradientEstimator =
    std::variant<RawMiniBatch, ExponentialAverage, LionAverage, ExtrapolatedAverage, VarianceReducedAverage>;

/// Bound on (1/T) sum_t E||m_t - grad f(x_t)||_dual, in three parts.
struct EstimatorError {
  double drift = 0.0;  ///< the gradient moved since the averaged ones were taken
  double noise = 0.0;
  double start = 0.0;  ///< what the first estimate was off, forgotten over the run
  [[nodiscard]] double total() const { return drift + noise + start; }
};

/// The row of `estimator`:
///
///   raw            c_p S_B
///   EMA, m_0 = g_0 L eta beta/a + c_p S_B (a^theta + 1/(a T))
///   EMA, zero      L eta beta/a + c_p S_B a^theta (1 + 2 ln 2/(a T))
///   Lion           L eta beta1/a_2 + c_p S_B (a_1 + beta1 a_2^theta) + beta1 start_error/(a_2 T)
///   extrapolation  M eta^2 (1-a)/(2 a^2) + c_p S_B (a^theta + 1/(a T))
///   MVR            L eta/sqrt(a) + S_B (sqrt(a) + 1/(a T))
///
/// L is the S-grad constant. Throws std::invalid_argument for a field outside its domain, MVR with p < 2 included.
/// Source: derived here (averaging lemma, docs/theory/assumptions.md).
[[nodiscard]] EstimatorError estimator_error(const ProblemConstants& constants, const GradientEstimator& estimator,
                                             const RunSettings& run);

/// Throws std::invalid_argument for a field outside its domain.
void validate(const RunSettings& run);

}  // namespace normdescent
