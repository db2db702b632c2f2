// SPDX-License-Identifier: Apache-2.0
// Recipes in words, for explain() and for the fingerprint of saved states.
#include "domain.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/optimizers/recipe.hpp"
#include "overloaded.hpp"

namespace normdescent {

using optimizers::Overloaded;
using optimizers::to_text;

std::string describe(const Correction& correction) {
  return std::visit(Overloaded{
                        [](const Uncorrected&) { return std::string("none"); },
                        [](const Extrapolation&) { return std::string("extrapolation"); },
                        [](const VarianceReduction& c) {
                          return "variance-reduction(" + std::string(to_string(c.reference)) +
                                 ", gamma=" + to_text(c.gamma) + ")";
                        },
                    },
                    correction);
}

std::string describe(const Estimator& estimator) {
  const auto nesterov = [](bool on) { return on ? std::string(", nesterov") : std::string(); };
  return std::visit(
      Overloaded{
          [](const Raw&) { return std::string("raw"); },
          [&](const Ema& e) {
            const bool starts_at_zero = e.start == Start::zero;
            return "ema(beta=" + to_text(e.beta) + nesterov(e.nesterov) +
                   (starts_at_zero ? ")" : ", start=" + std::string(to_string(e.start)) + ")");
          },
          [&](const HeavyBall& e) { return "heavy-ball(beta=" + to_text(e.beta) + nesterov(e.nesterov) + ")"; },
          [](const DoubleEma& e) {
            return "double-ema(beta1=" + to_text(e.beta1) + ", beta2=" + to_text(e.beta2) + ")";
          },
      },
      estimator);
}

namespace {

std::string msign_text(const Orthogonalize& d) {
  if (d.method == "svd") return "msign(svd)";
  const std::string rounded = d.precision == ProductPrecision::bfloat16 ? ", bfloat16" : "";
  if (d.method == "resolvent") return "msign(resolvent" + rounded + ")";
  const int steps = d.steps == 0 ? default_polar_steps(d.method) : d.steps;
  return "msign(" + d.method + ", " + std::to_string(steps) + " steps" + rounded + ")";
}

std::string shampoo_text(const Shampoo& d) {
  std::string text = "shampoo(" + std::string(to_string(d.sides)) +
                     (d.sides == PreconditionedSides::both ? " sides, " : " side, ") +
                     (d.beta2 == 1.0 ? "sum" : "beta2=" + to_text(d.beta2)) + ", delta=" + to_text(d.delta) + " " +
                     to_string(d.damping) + ", blocks of " + std::to_string(d.block_size);
  if (d.interval > 1) text += ", roots every " + std::to_string(d.interval) + " steps";
  if (d.graft != Graft::none) text += ", graft=" + std::string(to_string(d.graft));
  return text + ")";
}

}  // namespace

std::string describe(const Direction& direction) {
  return std::visit(
      Overloaded{
          [](const Identity&) { return std::string("identity"); },
          [](const Sign&) { return std::string("sign"); },
          [](const Normalize& d) { return "normalize(" + std::string(to_string(d.scope)) + ")"; },
          [](const RowNormalize&) { return std::string("row-normalize"); },
          [](const ColumnNormalize&) { return std::string("column-normalize"); },
          [](const Orthogonalize& d) { return msign_text(d); },
          [](const AdamScale& d) { return "adam(beta2=" + to_text(d.beta2) + ", epsilon=" + to_text(d.epsilon) + ")"; },
          [](const AdaGradScale& d) { return "adagrad(delta=" + to_text(d.delta) + ")"; },
          [](const AdaGradNorm& d) {
            return "adagrad-norm(" + std::string(to_string(d.scope)) + ", delta=" + to_text(d.delta) + ")";
          },
          [](const Alternate& d) {
            return msign_text(d.msign) + " every " + std::to_string(d.period) + " steps, else sign at rate x " +
                   to_text(d.sign_rate);
          },
          [](const Shampoo& d) { return shampoo_text(d); },
          [](const MapTensor& d) { return d.name; },
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
  std::string text;
  if (recipe.decay_form == DecayForm::constrained) {
    text = "constrained(radius=" + to_text(recipe.radius) + ")";
  } else if (recipe.decoupled_decay > 0.0) {
    text = std::string(to_string(recipe.decay_form)) + "(" + to_text(recipe.decoupled_decay) + ")";
  }
  if (recipe.l2_penalty > 0.0) {
    text += (text.empty() ? "" : " + ") + std::string("l2-penalty(") + to_text(recipe.l2_penalty) + ")";
  }
  return text.empty() ? "none" : text;
}

}  // namespace normdescent
