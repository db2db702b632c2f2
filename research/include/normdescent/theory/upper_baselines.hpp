// SPDX-License-Identifier: Apache-2.0
// Upper bounds outside the family of dual directions: AdaGrad and plain SGD. docs/theory/upper.md.
#pragma once

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/estimator.hpp"

namespace normdescent {

/// U11: SGD in l2, eta <= 1/L_2 (else flag `step_condition_violated`), p = 2:
///   avg E||grad f||_2 <= sqrt(avg E||grad f||_2^2) <= sqrt(2 Delta/(eta T) + eta L_2 S_2^2/B).
/// `constants` are euclidean ones. Standard.
[[nodiscard]] Bound upper_sgd(const ProblemConstants& constants, const RunSettings& run);

/// The same in l1, by ||.||_1 <= sqrt(d) ||.||_2: there is no better constant for plain SGD in general.
[[nodiscard]] Bound upper_sgd_in_l1(const ProblemConstants& euclidean, double dimension, const RunSettings& run);

struct AdagradConstants {
  double initial_gap = 1.0;         ///< Delta > 0
  double smoothness_l1 = 1.0;       ///< ||L||_1 > 0 of S-sep
  double smoothness_max = 1.0;      ///< ||L||_inf in (0, ||L||_1]
  double noise_l1 = 0.0;            ///< ||sigma||_1 >= 0
  double noise_max = 0.0;           ///< ||sigma||_inf in [0, ||sigma||_1]
  double start_gradient_max = 1.0;  ///< ||grad f(x_0)||_inf >= 0
  double dimension = 1.0;           ///< d >= 1
  double delta = 1e-8;              ///< > 0: x_i -= eta g_i/(b_i + delta)
};

/// U10: avg ||grad f||_1 <= 2 sqrt 3 Q/(eta sqrt T) + sqrt(2 d delta Q/(eta T)) + 2 sqrt(||sigma||_1 Q/eta) T^(-1/4),
///   Q = Delta + (2 eta ||sigma||_1 + eta^2 ||L||_1/2) log h,
///   h = 1 + T ||sigma||_inf^2/delta^2 + T (||grad f(x_0)||_inf + eta sqrt(||L||_inf ||L||_1) T)^2/delta^2.
/// `run.batch` must be 1. Source: Jiang et al., COLT 2025, Theorem 2 and its proof.
[[nodiscard]] Bound upper_adagrad(const AdagradConstants& constants, const RunSettings& run);

}  // namespace normdescent
