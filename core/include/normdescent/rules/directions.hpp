// SPDX-License-Identifier: Apache-2.0
// Directions that act on one coordinate at a time: d = direction(u, g, state...).
//
// Legend   u estimate   g gradient   v second moment   t = 1, 2, ... steps of this parameter, this one included
#pragma once

#include <cmath>
#include <cstdint>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/rules/sign.hpp"

namespace normdescent::rules {

/// d = u
template <class T>
struct Identity {
  static constexpr int state_count = 0;

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T u, T /*g*/) const { return u; }
};

/// d = c u. The product is formed in double: c = 1 / ||u|| may lie outside the range of float.
template <class T>
struct Scaled {
  static constexpr int state_count = 0;
  double factor;

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T u, T /*g*/) const {
    return static_cast<T>(factor * static_cast<double>(u));
  }
};

/// d = sign(u)
template <class T>
struct Sign {
  static constexpr int state_count = 0;

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T u, T /*g*/) const { return sign(u); }
};

/// AdaGrad: b2 <- b2 + g^2 ; d = u / (sqrt(b2) + delta). The current gradient is included, so |d| <= 1 for u = g.
template <class T>
struct AdaGradScale {
  static constexpr int state_count = 1;
  T delta;

  constexpr explicit AdaGradScale(double delta_) : delta(static_cast<T>(delta_)) {}

  NORMDESCENT_HOST_DEVICE T operator()(T u, T g, T& b2) const {
    b2 = b2 + g * g;
    return u / (std::sqrt(b2) + delta);
  }
};

/// v <- beta2 v + (1 - beta2) g^2 ; d = (c1 u) / (sqrt(c2 v) + epsilon), c_i = 1 / (1 - beta_i^t) formed in double.
/// u is the Ema of beta1. g = u = v = 0 gives d = 0 for epsilon > 0.
template <class T>
struct AdamScale {
  static constexpr int state_count = 1;
  T beta2;
  T complement2;
  T correction1;
  T correction2;
  T epsilon;

  AdamScale(double beta1, double beta2_, double epsilon_, std::int64_t t)
      : beta2(static_cast<T>(beta2_)),
        complement2(static_cast<T>(1.0 - beta2_)),
        correction1(static_cast<T>(1.0 / (1.0 - std::pow(beta1, static_cast<double>(t))))),
        correction2(static_cast<T>(1.0 / (1.0 - std::pow(beta2_, static_cast<double>(t))))),
        epsilon(static_cast<T>(epsilon_)) {}

  NORMDESCENT_HOST_DEVICE T operator()(T u, T g, T& v) const {
    v = beta2 * v + complement2 * (g * g);
    return (correction1 * u) / (std::sqrt(correction2 * v) + epsilon);
  }
};

}  // namespace normdescent::rules
