// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/recipe.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "normdescent/rules/corrections.hpp"
#include "overloaded.hpp"

namespace normdescent {

using optimizers::Overloaded;

const char* to_string(GradientReference reference) {
  switch (reference) {
    case GradientReference::previous_point: return "previous-point";
    case GradientReference::previous_batch: return "previous-batch";
  }
  return "unknown";
}

const char* to_string(Start start) {
  switch (start) {
    case Start::zero: return "zero";
    case Start::first_gradient: return "first-gradient";
  }
  return "unknown";
}

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

const char* to_string(StateFormat format) {
  switch (format) {
    case StateFormat::full: return "full";
    case StateFormat::bfloat16: return "bfloat16";
    case StateFormat::bfloat16_stochastic: return "bfloat16-stochastic";
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

const char* to_string(PreconditionedSides sides) {
  switch (sides) {
    case PreconditionedSides::shorter: return "shorter";
    case PreconditionedSides::both: return "both";
  }
  return "unknown";
}

const char* to_string(Graft graft) {
  switch (graft) {
    case Graft::none: return "none";
    case Graft::sgd: return "sgd";
    case Graft::adamw_rms: return "adamw-rms";
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
  const Index all_rows = count * block_rows;
  return {.count = count, .rows = block_rows, .cols = all_rows == 0 ? 0 : parameter.size() / all_rows};
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

double correction_ratio(const Recipe& recipe) {
  const double beta = std::visit(Overloaded{
                                     [](const Raw&) { return 0.0; },
                                     [](const Ema& e) { return e.beta; },
                                     [](const HeavyBall& e) { return e.beta; },
                                     [](const DoubleEma&) { return 0.0; },
                                 },
                                 recipe.estimator);
  return std::visit(Overloaded{
                        [](const Uncorrected&) { return 0.0; },
                        [&](const Extrapolation&) { return rules::lookahead(beta); },
                        [&](const VarianceReduction& c) { return c.gamma * rules::lookahead(beta); },
                    },
                    recipe.correction);
}

bool looks_at_all_tensors(const Recipe& recipe) {
  return std::visit(Overloaded{
                        [](const Identity&) { return false; },
                        [](const Sign&) { return false; },
                        [](const Normalize& d) { return d.scope == Scope::global; },
                        [](const RowNormalize&) { return false; },
                        [](const ColumnNormalize&) { return false; },
                        [](const Orthogonalize&) { return false; },
                        [](const AdamScale&) { return false; },
                        [](const AdaGradScale&) { return false; },
                        [](const AdaGradNorm& d) { return d.scope == Scope::global; },
                        [](const Alternate&) { return false; },
                        [](const Shampoo&) { return false; },
                        [](const MapTensor&) { return false; },
                    },
                    recipe.direction);
}

bool needs_closure(const Recipe& recipe) {
  return std::visit(Overloaded{
                        [](const Uncorrected&) { return false; },
                        [](const Extrapolation&) { return true; },
                        [](const VarianceReduction& c) { return c.reference == GradientReference::previous_point; },
                    },
                    recipe.correction);
}

const Geometry& geometry_of(const Recipe& recipe) {
  using Result = const Geometry&;
  return std::visit(Overloaded{
                        [](const Identity&) -> Result { return geometries::euclidean(); },
                        [](const Sign&) -> Result { return geometries::sign(); },
                        [](const Normalize&) -> Result { return geometries::euclidean(); },
                        [](const RowNormalize&) -> Result { return geometries::row_wise(); },
                        [](const ColumnNormalize&) -> Result { return geometries::column_wise(); },
                        [](const Orthogonalize&) -> Result { return geometries::spectral(); },
                        [](const AdamScale&) -> Result { return geometries::sign(); },
                        [](const AdaGradScale&) -> Result { return geometries::sign(); },
                        [](const AdaGradNorm&) -> Result { return geometries::euclidean(); },
                        [](const Alternate&) -> Result { return geometries::spectral(); },
                        [](const Shampoo&) -> Result { return geometries::spectral(); },
                        [](const MapTensor& d) -> Result { return d.geometry; },
                    },
                    recipe.direction);
}

bool has_matrix_products(const Recipe& recipe) {
  return std::visit(Overloaded{
                        [](const Identity&) { return false; },
                        [](const Sign&) { return false; },
                        [](const Normalize&) { return false; },
                        [](const RowNormalize&) { return false; },
                        [](const ColumnNormalize&) { return false; },
                        [](const Orthogonalize&) { return true; },
                        [](const AdamScale&) { return false; },
                        [](const AdaGradScale&) { return false; },
                        [](const AdaGradNorm&) { return false; },
                        [](const Alternate&) { return true; },
                        [](const Shampoo&) { return true; },
                        [](const MapTensor& d) { return !d.geometry.is_of_coordinates(); },
                    },
                    recipe.direction);
}

}  // namespace normdescent
