// SPDX-License-Identifier: Apache-2.0
// Smooth problems with known constants and additive noise of a known law. All are deterministic in their seed; wrong
// options throw std::invalid_argument "field = value, must be ...".
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "normdescent/lab/noise_law.hpp"
#include "normdescent/lab/problem.hpp"

namespace normdescent::lab {

/// Independent noise sigma_i X on every coordinate, E|X|^p = 1.
struct AdditiveNoise {
  NoiseLaw law{NoiseKind::gaussian, 2.0};
  std::vector<double> sigma;  ///< empty: exact gradients
};

/// f = 1/2 x^T H x with the given eigenvalues (>= 0), H = R^T diag(spectrum) R; R random orthogonal, or I if
/// `axis_aligned`. Start: R^T (1, ..., 1). L_2 = largest eigenvalue; L_inf = max_s s^T H s, exact for axis-aligned H
/// (the trace) and for d <= 16, else its bound sum_ij |H_ij|.
struct QuadraticOptions {
  std::vector<double> spectrum;
  bool axis_aligned = true;
  AdditiveNoise noise = {};
  std::uint64_t seed = 1;
};
[[nodiscard]] std::unique_ptr<LabProblem> quadratic_problem(const QuadraticOptions& options);

/// f = sum_i (L0_i/L1_i^2) (cosh(L1_i x_i) - 1): curvature L0_i cosh(L1_i x_i) <= L0_i + L1_i |f_i'|, so (L0,
/// L1)-smooth and not L-smooth. The smoothness that it claims holds inside the box |x_i| <= radius, where its probes
/// lie.
struct CoshOptions {
  std::vector<double> l0{1.0, 1.0};
  std::vector<double> l1{1.0, 1.0};
  double radius = 3.0;
  AdditiveNoise noise = {};
};
[[nodiscard]] std::unique_ptr<LabProblem> cosh_problem(const CoshOptions& options);

/// f = (1/k) sum_j log(1 + exp(-y_j a_j^T x)) + (l2_penalty/2) ||x||^2 on k random examples; a sample is one example.
/// H <= A^T A/(4k) + l2_penalty I gives L_2 and L_inf (d <= 16: exact for that matrix); sigma_i^2 = mean a_ji^2 bounds
/// the variance. Labels are noisy, so that an infimum exists; it is found by Newton's method.
struct LogisticOptions {
  int dimension = 6;  ///< in [1, 16]
  int examples = 60;
  double l2_penalty = 0.01;  ///< > 0
  std::uint64_t seed = 1;
};
[[nodiscard]] std::unique_ptr<LabProblem> logistic_problem(const LogisticOptions& options);

/// f(U, V) = 1/2 ||U V^T - M||_F^2, U (n x r), V (n x r), stacked as a 2n x r matrix; M of rank r, so inf f = 0. On
/// ||U||_op, ||V||_op <= radius (convex, and the probes lie there) all three constants hold, derived here: with a
/// direction (A, B) and E = U V^T - M the Hessian's form is ||A V^T + U B^T||_F^2 + 2 <E, A B^T>, so L_2 = 3 radius^2 +
/// ||M||_op, L_* = r L_2 and L_inf = 2 n r L_2 (at most r and 2 n r squares of Frobenius norms fit into the unit
/// balls). No smaller multiples of L_2 hold for all M: U = V = radius Q with orthonormal columns Q, A = B = Q/sqrt 2
/// reach r (3 radius^2 - <Q, M Q>/r) in the spectral ball, and entries of equal size 2 n r times as much in the other.
struct FactorizationOptions {
  Index size = 4;  ///< n
  Index rank = 2;  ///< r <= n
  double radius = 1.5;
  AdditiveNoise noise = {};
  std::uint64_t seed = 1;
};
[[nodiscard]] std::unique_ptr<LabProblem> factorization_problem(const FactorizationOptions& options);

/// H7 (Arjevani et al. 2023), unscaled: F_T(x) = -Psi(1) Phi(x_1) + sum_{i>=2} [Psi(-x_{i-1}) Phi(-x_i) - Psi(x_{i-1})
/// Phi(x_i)]. Start 0; F_T(0) - inf <= 12 T; L_2 <= 152; ||grad||_2 > 1 while |x_T| < 1. The oracle shows the next
/// coordinate of the chain with probability p only.
struct ZeroChainOptions {
  int length = 8;            ///< T >= 1
  double probability = 1.0;  ///< p in (0, 1]
};
[[nodiscard]] std::unique_ptr<LabProblem> zero_chain_problem(const ZeroChainOptions& options);

}  // namespace normdescent::lab
