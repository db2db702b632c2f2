// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "normdescent/optimizers/recipe.hpp"
#include "normdescent/rules/estimators.hpp"
#include "overloaded.hpp"

namespace normdescent::optimizers {

/// Calls f with the compiled form of an estimator.
template <class T, class F>
auto with_estimator(const Estimator& estimator, const F& f) {
  return std::visit(
      Overloaded{
          [&](const Raw&) { return f(rules::Raw<T>{}); },
          [&](const Ema& e) { return e.nesterov ? f(rules::EmaNesterov<T>(e.beta)) : f(rules::Ema<T>(e.beta)); },
          [&](const HeavyBall& e) {
            return e.nesterov ? f(rules::HeavyBallNesterov<T>(e.beta)) : f(rules::HeavyBall<T>(e.beta));
          },
          [&](const DoubleEma& e) { return f(rules::DoubleEma<T>(e.beta1, e.beta2)); },
      },
      estimator);
}

}  // namespace normdescent::optimizers
