// SPDX-License-Identifier: Apache-2.0
// How evenly a vector or a spectrum is spread: the ratios that decide between geometries. Scale-free, fp64 inside.
// All are undefined for zero input and give NaN there.
#pragma once

#include <span>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// phi(v) = ||v||_1^2 / (d ||v||_2^2) in [1/d, 1]: 1/d for one coordinate, 1 when all |v_i| are equal, 2/pi for
/// Gaussian v. Source: arXiv:2605.06615.
[[nodiscard]] double phi(std::span<const float> v);
[[nodiscard]] double phi(std::span<const double> v);

/// phi~(v) = ||v||_1 / (d ||v||_inf) in [1/d, 1]. Source: Jiang, Maladkar, Mokhtari 2025.
[[nodiscard]] double phi_max(std::span<const float> v);
[[nodiscard]] double phi_max(std::span<const double> v);

/// phi_p(sigma) = (||sigma||_1 / ||sigma||_p)^(p / (p-1)) / d in [1/d, 1] for p in (1, 2]; phi_2 = phi. Computed in
/// logarithms, so p near 1 does not overflow. Throws std::invalid_argument for other p.
[[nodiscard]] double phi_p(std::span<const float> sigma, double p);
[[nodiscard]] double phi_p(std::span<const double> sigma, double p);

/// phi_nuc(Sigma) = (tr Sigma)^2 / (r ||Sigma||_F^2) from the r eigenvalues of Sigma: phi of the spectrum.
[[nodiscard]] double phi_nuc(std::span<const double> eigenvalues);

/// ||G||_nuc^2 / ||G||_F^2 in [1, r]. Cost: one SVD.
[[nodiscard]] double nuclear_rank(ConstMatrixView<float> g);
[[nodiscard]] double nuclear_rank(ConstMatrixView<double> g);

/// ||G||_F^2 / ||G||_op^2 in [1, r]. Cost: one SVD.
[[nodiscard]] double stable_rank(ConstMatrixView<float> g);
[[nodiscard]] double stable_rank(ConstMatrixView<double> g);

}  // namespace normdescent
