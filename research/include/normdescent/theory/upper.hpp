// SPDX-License-Identifier: Apache-2.0
// Upper bounds of the family x <- x - eta D(m): one inequality (U0), one row of estimator.hpp each.
// docs/theory/upper.md.
#pragma once

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/estimator.hpp"

namespace normdescent {

/// U0: avg_{t<T} E||grad f(x_t)||_dual <= Delta/(eta T) + eta L/2 + 2 (estimator error), for every eta, B, a and T.
///
///   estimator              sign                     spectral                euclidean, row-wise
///   RawMiniBatch           U1 SignSGD (p < 2: U3)   U2 Muon (p < 2: U3)     U3
///   ExponentialAverage     U4 Signum                U7 Muon with momentum   U4 normalized SGD
///   LionAverage            U5 Lion                  U7 Muonlight            U5
///   ExtrapolatedAverage    U9b; VarianceReducedAverage U9c, in every geometry
///
/// U9a (momentum in operator form) is U4. The spectral rows take exact msign; see upper_bound_inexact_msign.
/// Throws std::invalid_argument "field = value, must be ...". Cost O(1).
/// Source: U1, U2: arXiv:2605.06615, Theorems 1 and 4; all others: constants derived here.
[[nodiscard]] Bound upper_bound(const ProblemConstants& constants, const GradientEstimator& estimator,
                                const RunSettings& run);

/// U5w: the same with decoupled decay lambda, on the Frank-Wolfe gap ||grad f||_dual + lambda <x, grad f> >= 0:
///   avg <= Delta/(eta T) + 2 L eta (1 + 2 beta1/a_2) + noise and start terms of U5.
/// Needs eta lambda <= 1 and ||x_0|| <= 1/lambda in the step norm (both checked; they keep x in that ball). Signum and
/// Muon with decay are the case a_1 = a_2.
[[nodiscard]] Bound upper_bound_with_decay(const ProblemConstants& constants, const LionAverage& estimator,
                                           const RunSettings& run, double decoupled_decay, double start_norm);

/// U7i: msign replaced by O with ||O||_op <= 1 + delta and <M, O> >= (1 - delta) ||M||_nuc, 0 <= delta < 1:
///   avg <= (Delta/(eta T) + 2 (estimator error at eta (1+delta)) + L eta (1+delta)^2/2) / (1 - delta).
/// delta: 0.16 for five Polar Express steps on relative singular values in [1e-3, 1], 0.0066 for six; 0.32 for
/// Newton-Schulz (3.4445, -4.7750, 2.0315) on [0.0052, 1].
[[nodiscard]] Bound upper_bound_inexact_msign(const ProblemConstants& constants, const GradientEstimator& estimator,
                                              const RunSettings& run, double delta);

/// U1-U3 after the best choice of eta, T and B with B T = samples, B and T real:
///   sqrt(2 Delta L/T) + 2 c_p S B^(-theta), B = max(1, (c_p S)^(1/theta) (T/(Delta L))^(1/(2 theta))).
/// At p = 2 this is (2 + sqrt 2) (S^2 Delta L/samples)^(1/4) where B > 1, and at most (2 + sqrt 2) sqrt(Delta
/// L/samples) where B = 1. Rounding B up costs at most a factor 2 in samples.
[[nodiscard]] Bound upper_minibatch_at_budget(const ProblemConstants& constants, double samples);

}  // namespace normdescent
