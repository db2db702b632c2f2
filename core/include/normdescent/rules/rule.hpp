// SPDX-License-Identifier: Apache-2.0
// Composition of estimator, direction and step into one function object on one coordinate, at compile time.
//
//   rules::ElementwiseRule lion{rules::DoubleEma<float>(0.9, 0.99), rules::Sign<float>{}, rules::Step<float>(1e-4,
//   0.1)}; lion(x, g, m);   // x and m are updated in place
#pragma once

#include <concepts>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/rules/directions.hpp"
#include "normdescent/rules/estimators.hpp"

namespace normdescent::rules {

/// x <- (1 - eta lambda) x - eta s d. Both coefficients are formed in double and rounded to T once.
template <class T>
struct Step {
  T keep;    ///< 1 - eta lambda
  T length;  ///< eta s

  constexpr Step(double learning_rate, double decoupled_decay, double shape_scale = 1.0)
      : keep(static_cast<T>(1.0 - learning_rate * decoupled_decay)),
        length(static_cast<T>(learning_rate * shape_scale)) {}

  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& x, T d) const { x = keep * x - length * d; }
};

/// rule(x, g, state...): u = estimator(g) ; d = direction(u) ; x <- step(x, d). State: the estimator's, then the
/// direction's. A NaN in g reaches x through Identity and AdamScale, and becomes "no step" through Sign.
template <class Estimator, class Direction>
struct ElementwiseRule {
  using value_type = typename Estimator::value_type;
  using T = value_type;
  static constexpr int state_count = Estimator::state_count + Direction::state_count;

  Estimator estimator;
  Direction direction;
  Step<T> step;

  constexpr ElementwiseRule(Estimator estimator_, Direction direction_, Step<T> step_)
      : estimator(estimator_), direction(direction_), step(step_) {}

  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& x, T g) const requires(state_count == 0) {
    step(x, direction(estimator(g), g));
  }
  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& x, T g, T& s0) const requires(state_count == 1) {
    if constexpr (Estimator::state_count == 1) {
      step(x, direction(estimator(g, s0), g));
    } else {
      step(x, direction(estimator(g), g, s0));
    }
  }
  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& x, T g, T& s0, T& s1) const requires(state_count == 2) {
    step(x, direction(estimator(g, s0), g, s1));
  }
};

/// First stage of a direction that needs the whole tensor: rule(u, g, state...) writes u = estimator(g) and leaves x to
/// a later stage.
template <class Estimator>
struct EstimateRule {
  using value_type = typename Estimator::value_type;
  using T = value_type;
  static constexpr int state_count = Estimator::state_count;

  Estimator estimator;

  constexpr explicit EstimateRule(Estimator estimator_) : estimator(estimator_) {}

  NORMDESCENT_HOST_DEVICE constexpr void operator()(T& u, T g, T& s0) const requires(state_count == 1) {
    u = estimator(g, s0);
  }
};

/// What an executor asks of a rule.
template <class R>
concept Rule = std::floating_point<typename R::value_type> && R::state_count >= 0 && R::state_count <= 2;

}  // namespace normdescent::rules
