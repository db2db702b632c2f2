// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "domain.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/optimizers/recipe.hpp"
#include "overloaded.hpp"

namespace normdescent {
namespace {

using optimizers::kMomentum;
using optimizers::kNonNegative;
using optimizers::kPositive;
using optimizers::kUnit;
using optimizers::Overloaded;
using optimizers::Problems;
using optimizers::to_text;

void check_step(const Recipe& recipe, Problems& problems) {
  problems.check("learning_rate", recipe.learning_rate, kNonNegative);
  problems.check("decoupled_decay", recipe.decoupled_decay, kNonNegative);
  problems.check("l2_penalty", recipe.l2_penalty, kNonNegative);
  problems.check("clip_norm", recipe.clip_norm, kNonNegative);
  problems.check("radius", recipe.radius, kNonNegative);
  if (recipe.decay_form != DecayForm::constrained) return;
  problems.check("learning_rate", recipe.learning_rate, {.low = 0.0, .high = 1.0});
  if (recipe.decoupled_decay != 0.0) {
    problems.add("decoupled_decay = " + to_text(recipe.decoupled_decay) + ", must be 0 in the constrained form");
  }
}

void check_estimator(const Recipe& recipe, Problems& problems) {
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
  if (std::holds_alternative<Uncorrected>(recipe.correction)) return;
  if (!std::holds_alternative<Ema>(recipe.estimator) && !std::holds_alternative<HeavyBall>(recipe.estimator)) {
    problems.add("estimator = " + describe(recipe.estimator) + ", must be ema or heavy-ball after " +
                 describe(recipe.correction));
  }
  if (const auto* reduction = std::get_if<VarianceReduction>(&recipe.correction)) {
    problems.check("gamma", reduction->gamma, kNonNegative);
  }
}

void check_msign(const Orthogonalize& msign, Problems& problems) {
  const auto methods = polar_method_names();
  if (std::ranges::find(methods, msign.method) == methods.end()) {
    problems.add("method = " + msign.method + ", must be one of " + optimizers::join(methods));
  }
  if (msign.steps < 0) problems.add("steps = " + std::to_string(msign.steps) + ", must be >= 0");
  if (msign.method == "svd" && msign.precision != ProductPrecision::full) {
    problems.add(std::string("precision = ") + to_string(msign.precision) + ", must be full for method svd");
  }
}

void check_layout(const Recipe& recipe, Problems& problems) {
  const std::string row_blocks = "row_blocks = " + std::to_string(recipe.layout.row_blocks);
  if (recipe.layout.row_blocks < 1) problems.add(row_blocks + ", must be >= 1");
  if (recipe.layout.row_blocks > 1 && recipe.orientation == Orientation::in_out) {
    problems.add(row_blocks + ", must be 1 for orientation in-out, whose blocks of outputs are columns");
  }
}

void check_direction(const Recipe& recipe, Problems& problems) {
  std::visit(Overloaded{
                 [](const Identity&) {},
                 [](const Sign&) {},
                 [](const Normalize&) {},
                 [](const RowNormalize&) {},
                 [](const ColumnNormalize&) {},
                 [&](const Orthogonalize& d) { check_msign(d, problems); },
                 [&](const AdamScale& d) {
                   problems.check("beta2", d.beta2, kMomentum);
                   problems.check("epsilon", d.epsilon, kPositive);
                   const auto* ema = std::get_if<Ema>(&recipe.estimator);
                   if (ema == nullptr || ema->nesterov || ema->start != Start::zero) {
                     problems.add("estimator = " + describe(recipe.estimator) +
                                  ", must be ema without nesterov, started at zero, under adam");
                   }
                 },
                 [&](const AdaGradScale& d) { problems.check("delta", d.delta, kPositive); },
                 [&](const AdaGradNorm& d) { problems.check("delta", d.delta, kPositive); },
                 [&](const Alternate& d) {
                   check_msign(d.msign, problems);
                   if (d.period < 1) problems.add("period = " + std::to_string(d.period) + ", must be >= 1");
                   problems.check("sign_rate", d.sign_rate, kNonNegative);
                 },
                 [&](const Shampoo& d) {
                   problems.check("beta2", d.beta2, kUnit);
                   problems.check("delta", d.delta, kPositive);
                   if (d.interval < 1) problems.add("interval = " + std::to_string(d.interval) + ", must be >= 1");
                   if (d.block_size < 1)
                     problems.add("block_size = " + std::to_string(d.block_size) + ", must be >= 1");
                 },
                 [&](const MapTensor& d) {
                   if (d.name.empty()) problems.add("name of a tensor map = (empty), must say which");
                   if (d.map == nullptr) problems.add("map = nullptr, must be a tensor map");
                 },
             },
             recipe.direction);
}

}  // namespace

void validate(const Recipe& recipe) {
  Problems problems("recipe " + recipe.name);
  check_step(recipe, problems);
  check_estimator(recipe, problems);
  check_direction(recipe, problems);
  check_layout(recipe, problems);
  problems.throw_if_any();
}

}  // namespace normdescent
