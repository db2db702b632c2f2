// SPDX-License-Identifier: Apache-2.0
// msign from two nested resolvents of the Gram matrix. An inverse of I + c A + d W_1, where W_1 is itself an inverse,
// has two poles in s^2, so that two inverses and no product reach the degree (7, 6) for which Zolotarev's best function
// needs three (a deviation of 0.062 from 1 instead of 0.066), and two weighted Halley steps two inverses and two
// products. Ours; the constants minimize the largest deviation from 1 on [kResolventLow, 1]
// (bench/linalg/resolvent_constants.py).
//
// Legend   s a singular value relative to the Schatten 4-norm, as in halley.hpp; x = s^2
//          w_1 = 1 / (1 + c_1 x)   w_2 = 1 / (1 + c_2 x + d w_1)   p(s) = s (alpha + beta_1 w_1 + beta_2 w_2)
#pragma once

#include "normdescent/linalg/coefficients.hpp"

namespace normdescent {

struct Resolvents {
  double c1;
  double c2;
  double d;  ///< in (-1, 0): w_2 stays positive
  double alpha;
  double beta1;
  double beta2;
};
inline constexpr Resolvents kResolvents{
    .c1 = 2993.5013, .c2 = 29.902084, .d = -0.99305374, .alpha = 0.76495887, .beta1 = 82.171401, .beta2 = 8.4599414};

/// Singular values from here to 1 are mapped into kResolventCertificate; smaller ones grow by at most 1301.
inline constexpr double kResolventLow = 1e-3;

/// p(s). p(s) / s falls from 1301 at 0 to alpha: nothing diverges, however wrong the norm.
[[nodiscard]] double map_resolvent(double s);

/// As certify(set, ...): an interval that provably contains the image of [low, high], by bisection.
[[nodiscard]] Interval certify_resolvent(double low, double high);

/// What [kResolventLow, 1] is mapped into; resolvent_test.cpp recomputes it.
inline constexpr Certificate kResolventCertificate = {
    .steps = 1, .input = {kResolventLow, 1.0}, .output = {0.93377, 1.06623}};

}  // namespace normdescent
