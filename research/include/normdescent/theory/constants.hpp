// SPDX-License-Identifier: Apache-2.0
// The constants of a problem in one geometry, and how noise averages there.
// Legend: Delta initial gap  L smoothness  S noise scale  p tail  theta = (p-1)/p  c_p averaging constant  B batch
#pragma once

#include <string>

namespace normdescent {

/// Which inequality the smoothness constant satisfies. S-grad implies S-quad with the same L; the converse costs a
/// factor of up to 2 for functions that are not convex (diag(1, -1) in l-infinity attains it).
enum class SmoothnessKind {
  quadratic_model,     ///< S-quad: |f(y) - f(x) - <grad f(x), y - x>| <= L/2 ||y - x||^2
  lipschitz_gradient,  ///< S-grad: ||grad f(y) - grad f(x)||_dual <= L ||y - x||
};

/// (Delta, L, S, p) of one geometry. All norms are those of the geometry:
///
///   geometry   L        S                         stationarity
///   euclidean  L_2      (E||n||_2^p)^(1/p)        l2
///   sign       L_inf    ||sigma||_1               l1
///   spectral   L_*      tr Sigma (p < 2: ||V_0||_nuc)  nuclear
///   row-wise   L_row    sum_i (E||N_i||_2^p)^(1/p)     sum of row l2 norms; columns likewise
///   any other  L_X      (E||n||_dual^p)^(1/p)     its dual norm
/// What is known of a geometry beyond this is registered by its name in src/theory/geometry_bounds.cpp.
struct ProblemConstants {
  std::string geometry = "sign";  ///< its name
  double initial_gap = 1.0;       ///< Delta = f(x_0) - inf f > 0
  double smoothness = 1.0;        ///< L > 0
  double noise = 0.0;             ///< S >= 0, of one sample
  double tail = 2.0;              ///< p in (1, 2]: the largest moment of the noise that is finite
  SmoothnessKind smoothness_kind = SmoothnessKind::lipschitz_gradient;
};

/// Throws std::invalid_argument "field = value, must be ..." for the first field outside its domain.
void validate(const ProblemConstants& constants);

/// theta = (p - 1) / p: a batch of B divides the noise by B^theta.
[[nodiscard]] double averaging_exponent(double tail);

/// c_p = 2^((2 - p)/p), the dimension-free constant of E||sum w_k n_k||_dual <= c_p (sum |w_k|^p)^(1/p) S (von
/// Bahr-Esseen; 1 at p = 2, towards 2 as p -> 1). Counted once for batch and time together.
[[nodiscard]] double averaging_constant(double tail);

/// S_B = S B^(-theta).
[[nodiscard]] double batch_noise(const ProblemConstants& constants, double batch);

/// sqrt(2 L Delta): no point with gap Delta has a larger gradient in the dual norm, so a target from here on holds at
/// the start.
[[nodiscard]] double largest_start_gradient(const ProblemConstants& constants);

}  // namespace normdescent
