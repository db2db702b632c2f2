// SPDX-License-Identifier: Apache-2.0
// Signum under affine noise and (L0, L1)-smoothness: a certificate that both only restrict a and eta by constants.
#pragma once

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/estimator.hpp"

namespace normdescent {

/// E|n_i|^p <= sigma_{0,i}^p + sigma_{1,i}^p |grad_i f|^p, and
/// ||grad f(y) - grad f(x)||_1 <= (Lambda_0 + Lambda_1 ||grad f(x)||_1) ||y - x||_inf for ||y - x||_inf <= 1/Lambda_1.
/// If only |f''_i| <= L_{0,i} + L_{1,i}|f'_i| is known, multiply both by e - 1.
struct GeneralizedConstants {
  double initial_gap = 1.0;          ///< Delta > 0
  double smoothness = 1.0;           ///< Lambda_0 = ||L_0||_1 > 0
  double relative_smoothness = 0.0;  ///< Lambda_1 = ||L_1||_inf >= 0
  double noise = 0.0;                ///< ||sigma_0||_1 >= 0
  double relative_noise = 0.0;       ///< max_i sigma_{1,i} >= 0
  double tail = 2.0;                 ///< p in (1, 2]
};

/// Lambda_1 Delta + sqrt(Lambda_1^2 Delta^2 + 2 Lambda_0 Delta): no point with gap Delta has a larger ||grad f||_1 (a
/// step of length G/(Lambda_0 + Lambda_1 G) < 1/Lambda_1 along the sign lowers f by G^2/(2 (Lambda_0 + Lambda_1 G))).
[[nodiscard]] double largest_start_gradient(const GeneralizedConstants& constants);

/// C_p of U6.
[[nodiscard]] double generalized_averaging_constant(const GeneralizedConstants& constants);
/// Condition (i): the largest averaging; infinity without affine noise.
[[nodiscard]] double largest_averaging(const GeneralizedConstants& constants, double batch);

/// U6: Signum with averaging a in (0, 1], E||m_0 - grad f(x_0)||_1 <= start_error (m_0 = g_0):
///   avg <= 2 Delta/(eta T) + 5 Lambda_0 eta/a + 4 C_p B^(-theta) ||sigma_0||_1 a^theta + 4 start_error/(a T),
/// C_p = c_p without affine noise, else c_p (2p-1)/(p-1), if
///   (i)  a <= B (8 C_p max sigma_1)^(-1/theta)      else flag averaging_condition_violated, threshold: that a
///   (ii) eta <= a/(12 Lambda_1)                     else flag step_condition_violated, threshold: that eta
/// (i) explodes as p -> 1 (p = 1.2, sigma_1 = 0.3: a <= 2.8e-9): a certificate, no tuning rule.
/// Source: constants derived here.
[[nodiscard]] Bound upper_bound_generalized(const GeneralizedConstants& constants, double averaging, double start_error,
                                            const RunSettings& run);

}  // namespace normdescent
