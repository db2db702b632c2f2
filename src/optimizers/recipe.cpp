// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/recipe.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

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
    case ShapeScale::sqrt_max: return "sqrt-max";
    case ShapeScale::one_over_in: return "one-over-in";
    case ShapeScale::sqrt_out: return "sqrt-out";
    case ShapeScale::one_over_sqrt_in: return "one-over-sqrt-in";
  }
  return "unknown";
}

const char* to_string(Orientation orientation) {
  switch (orientation) {
    case Orientation::out_in: return "out-in";
    case Orientation::in_out: return "in-out";
  }
  return "unknown";
}

const char* to_string(DecayForm form) {
  switch (form) {
    case DecayForm::decoupled: return "decoupled";
    case DecayForm::scaled: return "scaled";
    case DecayForm::squared: return "squared";
    case DecayForm::constrained: return "constrained";
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

double shape_scale(ShapeScale scale, Index fan_out, Index fan_in) {
  const auto m = static_cast<double>(fan_out);
  const auto n = static_cast<double>(fan_in);
  switch (scale) {
    case ShapeScale::none: return 1.0;
    case ShapeScale::sqrt_max_one: return std::sqrt(std::max(1.0, m / n));
    case ShapeScale::match_adamw_rms: return 0.2 * std::sqrt(std::max(m, n));
    case ShapeScale::sqrt_out_over_in: return std::sqrt(m / n);
    case ShapeScale::sqrt_max: return std::sqrt(std::max(m, n));
    case ShapeScale::one_over_in: return 1.0 / n;
    case ShapeScale::sqrt_out: return std::sqrt(m);
    case ShapeScale::one_over_sqrt_in: return 1.0 / std::sqrt(n);
  }
  return 1.0;
}

MatrixShape matrix_shape(const MatrixLayout& layout, const ParameterInfo& parameter) {
  const auto refuse = [&](const std::string& what) {
    throw std::invalid_argument("parameter " + parameter.name + ": " + what);
  };
  const std::size_t first = layout.is_stacked ? 1 : 0;
  if (layout.is_stacked && parameter.shape.size() < 3) {
    refuse(std::to_string(parameter.shape.size()) + " dimensions, must be at least 3 for a stack of matrices");
  }
  const Index rows = parameter.shape.empty() ? 1 : parameter.shape[first];
  if (layout.row_blocks < 1 || rows % layout.row_blocks != 0) {
    refuse("row_blocks = " + std::to_string(layout.row_blocks) + ", must divide the " + std::to_string(rows) + " rows");
  }
  const Index count = (layout.is_stacked ? parameter.shape.front() : 1) * layout.row_blocks;
  const Index block_rows = rows / layout.row_blocks;
  return {.count = count, .rows = block_rows, .cols = parameter.size() / (count * block_rows)};
}

double shape_scale(const Recipe& recipe, const ParameterInfo& parameter) {
  const MatrixShape matrix = matrix_shape(recipe.layout, parameter);
  return recipe.orientation == Orientation::out_in ? shape_scale(recipe.shape_scale, matrix.rows, matrix.cols)
                                                   : shape_scale(recipe.shape_scale, matrix.cols, matrix.rows);
}

double step_scale(const Recipe& recipe, const ParameterInfo& parameter) {
  return recipe.radius * shape_scale(recipe, parameter);
}

double effective_decay(const Recipe& recipe, const ParameterInfo& parameter, double learning_rate) {
  switch (recipe.decay_form) {
    case DecayForm::decoupled: return recipe.decoupled_decay;
    case DecayForm::scaled: return recipe.decoupled_decay * step_scale(recipe, parameter);
    case DecayForm::squared: return recipe.decoupled_decay * learning_rate;
    case DecayForm::constrained: return 1.0;
  }
  return 0.0;
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
            if (d.method == "svd") return std::string("msign(svd)");
            const int steps = d.steps == 0 ? default_polar_steps(d.method) : d.steps;
            const bool is_rounded = d.precision == ProductPrecision::bfloat16;
            return "msign(" + d.method + ", " + std::to_string(steps) + (is_rounded ? " steps, bfloat16)" : " steps)");
          },
          [](const AdamScale& d) { return "adam(beta2=" + to_text(d.beta2) + ", epsilon=" + to_text(d.epsilon) + ")"; },
      },
      direction);
}

std::string describe(const MatrixLayout& layout, const ParameterInfo& parameter) {
  const MatrixShape matrix = matrix_shape(layout, parameter);
  if (matrix.count == 1) return {};
  return " on " + std::to_string(matrix.count) + " matrices of (" + std::to_string(matrix.rows) + ", " +
         std::to_string(matrix.cols) + ")";
}

std::string describe_decay(const Recipe& recipe) {
  if (recipe.decay_form == DecayForm::constrained) return "constrained(radius=" + to_text(recipe.radius) + ")";
  if (recipe.decoupled_decay == 0.0) return "none";
  return std::string(to_string(recipe.decay_form)) + "(" + to_text(recipe.decoupled_decay) + ")";
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
  problems.check("radius", recipe.radius, kNonNegative);
  if (recipe.decay_form == DecayForm::constrained) {
    problems.check("learning_rate", recipe.learning_rate, {.low = 0.0, .high = 1.0});
    if (recipe.decoupled_decay != 0.0) {
      problems.add("decoupled_decay = " + to_text(recipe.decoupled_decay) + ", must be 0 in the constrained form");
    }
  }
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
    if (msign->steps < 0) problems.add("steps = " + std::to_string(msign->steps) + ", must be >= 0");
    if (msign->method == "svd" && msign->precision != ProductPrecision::full) {
      problems.add(std::string("precision = ") + to_string(msign->precision) + ", must be full for method svd");
    }
  }
  if (recipe.layout.row_blocks < 1) {
    problems.add("row_blocks = " + std::to_string(recipe.layout.row_blocks) + ", must be >= 1");
  }
  if (recipe.layout.row_blocks > 1 && recipe.orientation == Orientation::in_out) {
    problems.add("row_blocks = " + std::to_string(recipe.layout.row_blocks) +
                 ", must be 1 for orientation in-out, whose blocks of outputs are columns");
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
