// SPDX-License-Identifier: Apache-2.0
// Gradient estimators on one coordinate: u = estimator(g, state...). Each line of arithmetic is written once here, for
// the optimizers, the lab and devices. Order of operations is part of the definition; build with -ffp-contract=off
// (nvcc: --fmad=false) where results must agree bit for bit.
//
// Legend   g gradient   m EMA momentum   b heavy-ball momentum   u estimate that the direction is applied to
// All state starts at 0. Coefficients: 1 - beta is formed in double and rounded to T once.
#pragma once

#include "normdescent/base/multiversion.hpp"

namespace normdescent::rules {

/// u = g
template <class T>
struct Raw {
  using value_type = T;
  static constexpr int state_count = 0;

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T g) const { return g; }
};

/// m <- beta m + (1 - beta) g ; u = m
template <class T>
struct Ema {
  using value_type = T;
  static constexpr int state_count = 1;
  T beta;
  T complement;

  constexpr explicit Ema(double beta_) : beta(static_cast<T>(beta_)), complement(static_cast<T>(1.0 - beta_)) {}

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T g, T& m) const {
    m = beta * m + complement * g;
    return m;
  }
};

/// m <- beta m + (1 - beta) g ; u = beta m + (1 - beta) g, the "lerp" form: (1 - beta) times heavy ball's (theory 2.1)
template <class T>
struct EmaNesterov {
  using value_type = T;
  static constexpr int state_count = 1;
  T beta;
  T complement;

  constexpr explicit EmaNesterov(double beta_) : beta(static_cast<T>(beta_)), complement(static_cast<T>(1.0 - beta_)) {}

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T g, T& m) const {
    m = beta * m + complement * g;
    return beta * m + complement * g;
  }
};

/// b <- beta b + g ; u = b
template <class T>
struct HeavyBall {
  using value_type = T;
  static constexpr int state_count = 1;
  T beta;

  constexpr explicit HeavyBall(double beta_) : beta(static_cast<T>(beta_)) {}

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T g, T& b) const {
    b = beta * b + g;
    return b;
  }
};

/// b <- beta b + g ; u = g + beta b
template <class T>
struct HeavyBallNesterov {
  using value_type = T;
  static constexpr int state_count = 1;
  T beta;

  constexpr explicit HeavyBallNesterov(double beta_) : beta(static_cast<T>(beta_)) {}

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T g, T& b) const {
    b = beta * b + g;
    return g + beta * b;
  }
};

/// Lion: u = beta1 m + (1 - beta1) g with the OLD m, then m <- beta2 m + (1 - beta2) g (theory X5)
template <class T>
struct DoubleEma {
  using value_type = T;
  static constexpr int state_count = 1;
  T beta1;
  T complement1;
  T beta2;
  T complement2;

  constexpr DoubleEma(double beta1_, double beta2_)
      : beta1(static_cast<T>(beta1_)),
        complement1(static_cast<T>(1.0 - beta1_)),
        beta2(static_cast<T>(beta2_)),
        complement2(static_cast<T>(1.0 - beta2_)) {}

  NORMDESCENT_HOST_DEVICE constexpr T operator()(T g, T& m) const {
    const T u = beta1 * m + complement1 * g;
    m = beta2 * m + complement2 * g;
    return u;
  }
};

}  // namespace normdescent::rules
