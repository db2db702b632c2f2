// SPDX-License-Identifier: Apache-2.0
// What happens to gradients before an estimator sees them. One formula serves two estimators of theory 2.4, of which
// the averaging m <- beta m + (1 - beta) c is the common part, with r = beta/(1 - beta):
//   extrapolation         c = g(x + r (x - x_old); xi)                     the point is extrapolated
//   variance reduction    c = g(x; xi) + r (g(x; xi) - g(x_old; xi))       the gradient is
#pragma once

#include "normdescent/base/multiversion.hpp"

namespace normdescent::rules {

/// r = beta/(1 - beta): one over the part of the step that an average with this beta takes, less one.
[[nodiscard]] constexpr double lookahead(double beta) { return beta / (1.0 - beta); }

/// now + ratio (now - before); now where both are equal.
template <class T>
[[nodiscard]] NORMDESCENT_HOST_DEVICE constexpr T extrapolate(T now, T before, T ratio) {
  return now + ratio * (now - before);
}

/// rule(x, y): x <- y + ratio (y - x), where x holds the older of the two.
template <class T>
struct ExtrapolateRule {
  using value_type = T;
  static constexpr int state_count = 0;
  T ratio;

  constexpr explicit ExtrapolateRule(double ratio_) : ratio(static_cast<T>(ratio_)) {}

  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& x, T y) const { x = extrapolate(y, x, ratio); }
};

/// rule(x, y): x <- x + factor y
template <class T>
struct AddScaledRule {
  using value_type = T;
  static constexpr int state_count = 0;
  T factor;

  constexpr explicit AddScaledRule(double factor_) : factor(static_cast<T>(factor_)) {}

  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& x, T y) const { x = x + factor * y; }
};

/// rule(x, y): x <- factor x; y is not looked at. The product is formed in double, as for rules::Scaled.
template <class T>
struct RescaleRule {
  using value_type = T;
  static constexpr int state_count = 0;
  double factor;

  constexpr explicit RescaleRule(double factor_) : factor(factor_) {}

  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& x, T /*y*/) const {
    x = static_cast<T>(factor * static_cast<double>(x));
  }
};

}  // namespace normdescent::rules
