// SPDX-License-Identifier: Apache-2.0
// y <= a + b x with a, b >= 0 from measured points: noise that grows with the gradient, curvature that does.
//
//   affine noise (theory N3, E6)          x = ||grad f||_2^p           y = E ||n||_p^p        a, b = sigma_0^p,
//   sigma_1^p generalized matrix condition (N4, E7) x = ||grad F||_nuc^p         y = S_nuc^p            the same for a
//   matrix generalized smoothness (S-gen, E10)   x = ||grad f||_X,dual        y = secant L_X         a, b = L_0, L_1
#pragma once

#include <span>
#include <string>

#include "normdescent/statistics/estimate.hpp"

namespace normdescent {

struct AffinePoint {
  double x = 0.0;  ///< >= 0; negative (unbiased) squares are allowed
  double y = 0.0;
};

struct AffineFit {
  static constexpr int kLeastPoints = 4;

  int points = 0;
  Estimate constant;             ///< a
  Estimate slope;                ///< b
  double envelope = 0.0;         ///< the a with which a + b x lies above 95% of the points: the inequality's constant
  double log_correlation = 0.0;  ///< of log x and log y over points where both are positive; NaN for fewer than 3
  std::string reason;            ///< why not measurable; else empty
};

/// Least squares with a, b >= 0: where one is clipped, the other is fitted alone.
///
/// Errors    delete-one jackknife of the clipped fit.
/// Bias      noise in x pulls b towards 0; give x from examples that y does not know, or unbiased for its square.
[[nodiscard]] AffineFit fit_affine(std::span<const AffinePoint> points);

}  // namespace normdescent
