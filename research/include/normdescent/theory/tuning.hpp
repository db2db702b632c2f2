// SPDX-License-Identifier: Apache-2.0
// Settings that make an upper bound at most epsilon, and settings for a given horizon. docs/theory/tuning.md.
// Legend: Delta initial gap  L smoothness  S_B = S B^(-theta)  a averaging  eta learning rate  T steps  B batch  N = B
// T
#pragma once

#include <functional>

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/estimator.hpp"
#include "normdescent/theory/upper_baselines.hpp"
#include "normdescent/theory/upper_generalized.hpp"

namespace normdescent {

/// Tuned settings and what they guarantee. Near p = 1 or at tiny epsilon counts may be infinite and rates 0 as doubles;
/// the logarithms stay finite.
struct Tuning {
  GradientEstimator estimator;
  RunSettings run;
  double samples = 0.0;  ///< N = B T
  double log10_steps = 0.0;
  double log10_samples = 0.0;
  Bound
      bound;  ///< at these settings; where they leave the range of a double, value = epsilon with `beyond_double_range`
};

// For a target epsilon in (0, sqrt(2 L Delta)); else std::invalid_argument, as for every field outside its domain.
// All guarantee avg E||grad f||_dual <= epsilon. T and B are whole numbers where doubles hold those.

/// U1, U2, U3: T = ceil(8 Delta L/eps^2), B = ceil(max{1, (4 c_p S/eps)^(1/theta)}), eta = sqrt(2 Delta/(L T)).
[[nodiscard]] Tuning tune_minibatch(const ProblemConstants& constants, double epsilon);
/// The same at a given batch: T = ceil(2 Delta L/(eps - 2 c_p S_B)^2). Where 2 c_p S_B >= eps no T suffices: T infinite
/// and flag `noise_floor_above_target` (threshold: the smallest batch with any T).
[[nodiscard]] Tuning tune_minibatch(const ProblemConstants& constants, double epsilon, double batch);
/// U4, U7 (= U9a): a = min{1, (eps/(8 c_p S_B))^(1/theta)}, eta = eps a/(8 L), T = ceil(max{32 L Delta/(a eps^2),
/// start}), start = 8 c_p S_B/(a eps) with m_0 = g_0, 2 ln 2/a from zero.
[[nodiscard]] Tuning tune_momentum(const ProblemConstants& constants, double epsilon, double batch = 1.0,
                                   MomentumStart start = MomentumStart::first_gradient);
/// U5: a_2 = min{1, (eps/(8 c_p S_B))^(1/theta)}, a_1 = a_2^theta, eta = eps a_2/(8 L),
/// T = ceil(max{64 L Delta/(a_2 eps^2), 32 start_error/(a_2 eps)}).
[[nodiscard]] Tuning tune_lion(const ProblemConstants& constants, double epsilon, double start_error,
                               double batch = 1.0);
/// U7 for Muonlight, whose a_1 = 1 - mu^2 <= 2 a_2 is tied to a_2 = 1 - mu: U5's tuning with 12 in place of 8 in a_2.
[[nodiscard]] Tuning tune_muonlight(const ProblemConstants& constants, double epsilon, double start_error,
                                    double batch = 1.0);
/// U9b: a = min{1, (eps/(10 c_p S_B))^(1/theta)}, eta = min{2 eps/(5 L), a sqrt(eps/(5 M))},
/// T = ceil(max{5 Delta/(eta eps), 10 c_p S_B/(a eps)}).
[[nodiscard]] Tuning tune_extrapolation(const ProblemConstants& constants, double epsilon, double hessian_smoothness,
                                        double batch = 1.0);
/// U9c (p = 2): a as in U9b, eta = eps sqrt(a)/(10 L), the same T. samples counts points: two gradients at each.
[[nodiscard]] Tuning tune_variance_reduction(const ProblemConstants& constants, double epsilon, double batch = 1.0);
/// U11, in l2 (euclidean constants, p = 2): eta = min{1/L, eps^2 B/(2 L S^2)}, T = ceil(4 Delta/(eta eps^2)).
/// For l1 ask for eps/sqrt(d).
[[nodiscard]] Tuning tune_sgd(const ProblemConstants& constants, double epsilon, double batch = 1.0);
/// U6, from m_0 = g_0: a = min{1, B (8 C_p sigma_1)^(-1/theta), (eps/(16 C_p S_B))^(1/theta)}, eta = min{eps a/(20
/// Lambda_0), a/(12 Lambda_1)}, T = ceil(max{8 Delta/(eta eps), 16 start/(a eps)}), start = c_p B^(-theta) (S + sigma_1
/// G), G = largest_start_gradient. epsilon in (0, G).
[[nodiscard]] Tuning tune_generalized(const GeneralizedConstants& constants, double epsilon, double batch = 1.0);
/// U10: the smallest T whose bound at its best eta is at most epsilon, both found numerically (relative 1e-6 in T).
/// epsilon in (0, sqrt(2 ||L||_1 Delta)) and within reach of 1e150 steps.
[[nodiscard]] Tuning tune_adagrad(const AdagradConstants& constants, double epsilon);

// For a horizon of T steps; `bound.value` is what the settings reach.

/// U1-U3: B = ceil(max{1, (c_p S)^(1/theta) (T/(Delta L))^(1/(2 theta))}), eta = sqrt(2 Delta/(L T)); at p = 2
/// B = max{1, S^2 T/(Delta L)}.
[[nodiscard]] Tuning tune_minibatch_for_horizon(const ProblemConstants& constants, double steps);
/// U4: a = min{1, (Delta L/(S_B^2 T))^(p/(3p-2))}, eta = sqrt(Delta a/(2 L T)).
[[nodiscard]] Tuning tune_momentum_for_horizon(const ProblemConstants& constants, double steps, double batch = 1.0,
                                               MomentumStart start = MomentumStart::first_gradient);
/// U5: a_2 and eta as in U4, a_1 = a_2^theta.
[[nodiscard]] Tuning tune_lion_for_horizon(const ProblemConstants& constants, double steps, double start_error,
                                           double batch = 1.0);
/// Any of the epsilon tunings, at the smallest epsilon that it reaches within T steps (bisection, relative 1e-9): U9b,
/// U9c and Muonlight. `tune` maps epsilon to a Tuning whose steps fall with epsilon. If even an epsilon just below
/// sqrt(2 L Delta) takes more steps, that one with flag `below_horizon_threshold` (threshold: its steps).
[[nodiscard]] Tuning tune_for_horizon(const ProblemConstants& constants, double steps,
                                      const std::function<Tuning(double epsilon)>& tune);

}  // namespace normdescent
