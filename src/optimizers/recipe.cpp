// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/recipe.hpp"

#include <algorithm>
#include <cmath>

#include "domain.hpp"
#include "normdescent/linalg/polar.hpp"
#include "overloaded.hpp"

namespace normdescent {

using optimizers::Overloaded;
using optimizers::to_text;

const char* to_string(ShapeScale scale) {
  switch (scale) {
    case ShapeScale::none: return "none";
    case ShapeScale::sqrt_max_one: return "sqrt-max-one";
    case ShapeScale::match_adamw_rms: return "match-adamw-rms";
    case ShapeScale::sqrt_out_over_in: return "sqrt-out-over-in";
  }
  return "unknown";
}

const char* to_string(Scope scope) {
  switch (scope) {
    case Scope::per_tensor: return "per-tensor";
    case Scope::global: return "global";
  }
  return "unknown";
}

double shape_scale(ShapeScale scale, Index rows, Index cols) {
  const auto m = static_cast<double>(rows);
  const auto n = static_cast<double>(cols);
  switch (scale) {
    case ShapeScale::none: return 1.0;
    case ShapeScale::sqrt_max_one: return std::sqrt(std::max(1.0, m / n));
    case ShapeScale::match_adamw_rms: return 0.2 * std::sqrt(std::max(m, n));
    case ShapeScale::sqrt_out_over_in: return std::sqrt(m / n);
  }
  return 1.0;
}

std::string describe(const Estimator& estimator) {
  const auto nesterov = [](bool on) { return on ? std::string(", nesterov)") : std::string(")"); };
  return std::visit(Overloaded{
                        [](const Raw&) { return std::string("raw"); },
                        [&](const Ema& e) { return "ema(beta=" + to_text(e.beta) + nesterov(e.nesterov); },
                        [&](const HeavyBall& e) { return "heavy-ball(beta=" + to_text(e.beta) + nesterov(e.nesterov); },
                        [](const DoubleEma& e) {
                          return "double-ema(beta1=" + to_text(e.beta1) + ", beta2=" + to_text(e.beta2) + ")";
                        },
                    },
                    estimator);
}

std::string describe(const Direction& direction) {
  return std::visit(
      Overloaded{
          [](const Identity&) { return std::string("identity"); },
          [](const Sign&) { return std::string("sign"); },
          [](const Normalize& d) { return "normalize(" + std::string(to_string(d.scope)) + ")"; },
          [](const RowNormalize&) { return std::string("row-normalize"); },
          [](const Orthogonalize& d) {
            return d.method == "svd" ? std::string("msign(svd)")
                                     : "msign(" + d.method + ", " + std::to_string(d.steps) + " steps)";
          },
          [](const AdamScale& d) { return "adam(beta2=" + to_text(d.beta2) + ", epsilon=" + to_text(d.epsilon) + ")"; },
      },
      direction);
}

Geometry geometry_of(const Recipe& recipe) {
  return std::visit(Overloaded{
                        [](const Identity&) { return Geometry::euclidean; },
                        [](const Sign&) { return Geometry::sign; },
                        [](const Normalize&) { return Geometry::euclidean; },
                        [](const RowNormalize&) { return Geometry::row_wise; },
                        [](const Orthogonalize&) { return Geometry::spectral; },
                        [](const AdamScale&) { return Geometry::sign; },
                    },
                    recipe.direction);
}

void validate(const Recipe& recipe) {
  using namespace optimizers;
  Problems problems("recipe " + recipe.name);
  problems.check("learning_rate", recipe.learning_rate, kNonNegative);
  problems.check("decoupled_decay", recipe.decoupled_decay, kNonNegative);
  std::visit(Overloaded{
                 [](const Raw&) {},
                 [&](const Ema& e) { problems.check("beta", e.beta, kMomentum); },
                 [&](const HeavyBall& e) { problems.check("beta", e.beta, kMomentum); },
                 [&](const DoubleEma& e) {
                   problems.check("beta1", e.beta1, kMomentum);
                   problems.check("beta2", e.beta2, kMomentum);
                 },
             },
             recipe.estimator);
  if (const auto* msign = std::get_if<Orthogonalize>(&recipe.direction)) {
    const auto methods = polar_method_names();
    if (std::ranges::find(methods, msign->method) == methods.end()) {
      problems.add("method = " + msign->method + ", must be one of " + join(methods));
    }
    if (msign->steps < 1) problems.add("steps = " + std::to_string(msign->steps) + ", must be >= 1");
  }
  if (const auto* adam = std::get_if<AdamScale>(&recipe.direction)) {
    problems.check("beta2", adam->beta2, kMomentum);
    problems.check("epsilon", adam->epsilon, kPositive);
    const auto* ema = std::get_if<Ema>(&recipe.estimator);
    if (ema == nullptr || ema->nesterov) {
      problems.add("estimator = " + describe(recipe.estimator) + ", must be ema without nesterov under adam");
    }
  }
  problems.throw_if_any();
}

}  // namespace normdescent
