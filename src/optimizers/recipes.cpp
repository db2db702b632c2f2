// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/catalog.hpp"
#include "option_fields.hpp"

namespace normdescent {

using optimizers::validate;

namespace {

// Without momentum there is nothing to keep: a zero beta must not cost a buffer.
template <class Averaging>
Estimator momentum_or_raw(const Averaging& averaging) {
  return averaging.beta > 0.0 ? Estimator(averaging) : Estimator(Raw{});
}

OptimizerSpec uniform(const char* name, Recipe recipe) {
  recipe.name = name;
  return {.name = name, .routes = {}, .fallback = std::move(recipe)};
}

Recipe adamw_recipe(const AdamWOptions& options) {
  return {.name = "adamw",
          .estimator = Ema{.beta = options.beta1},
          .direction = AdamScale{.beta2 = options.beta2, .epsilon = options.epsilon},
          .learning_rate = options.learning_rate,
          .decoupled_decay = options.decoupled_decay};
}

OptimizerSpec matrix_optimizer(const char* name, const MuonOptions& options, Estimator estimator) {
  const Recipe matrix{
      .name = name,
      .estimator = estimator,
      .direction = Orthogonalize{.method = options.method, .steps = options.steps, .precision = options.precision},
      .learning_rate = options.learning_rate,
      .decoupled_decay = options.decoupled_decay,
      .shape_scale = options.shape_scale};
  Recipe rest = adamw_recipe(options.fallback);
  rest.learning_rate = options.learning_rate * options.fallback_rate;
  return {.name = name,
          .routes = {{.role = Role::matrix, .name_glob = "*", .recipe = matrix}},
          .fallback = std::move(rest)};
}

}  // namespace

OptimizerSpec sgd(const SgdOptions& options) {
  validate("sgd", options, optimizers::sgd_fields());
  return uniform("sgd", {.name = {},
                         .estimator = momentum_or_raw(HeavyBall{.beta = options.beta, .nesterov = options.nesterov}),
                         .direction = Identity{},
                         .learning_rate = options.learning_rate,
                         .decoupled_decay = options.decoupled_decay});
}

OptimizerSpec normalized_sgd(const NormalizedSgdOptions& options) {
  validate("normalized-sgd", options, optimizers::normalized_sgd_fields());
  return uniform("normalized-sgd", {.name = {},
                                    .estimator = momentum_or_raw(Ema{.beta = options.beta}),
                                    .direction = Normalize{.scope = options.scope},
                                    .learning_rate = options.learning_rate,
                                    .decoupled_decay = options.decoupled_decay});
}

OptimizerSpec signsgd(const SignSgdOptions& options) {
  validate("signsgd", options, optimizers::signsgd_fields());
  return uniform("signsgd", {.name = {},
                             .estimator = Raw{},
                             .direction = Sign{},
                             .learning_rate = options.learning_rate,
                             .decoupled_decay = options.decoupled_decay});
}

OptimizerSpec signum(const SignumOptions& options) {
  validate("signum", options, optimizers::signum_fields());
  return uniform("signum", {.name = {},
                            .estimator = Ema{.beta = options.beta},
                            .direction = Sign{},
                            .learning_rate = options.learning_rate,
                            .decoupled_decay = options.decoupled_decay});
}

OptimizerSpec lion(const LionOptions& options) {
  validate("lion", options, optimizers::lion_fields());
  return uniform("lion", {.name = {},
                          .estimator = DoubleEma{.beta1 = options.beta1, .beta2 = options.beta2},
                          .direction = Sign{},
                          .learning_rate = options.learning_rate,
                          .decoupled_decay = options.decoupled_decay});
}

OptimizerSpec adamw(const AdamWOptions& options) {
  validate("adamw", options, optimizers::adamw_fields());
  return uniform("adamw", adamw_recipe(options));
}

OptimizerSpec muon(const MuonOptions& options) {
  validate("muon", options, optimizers::muon_fields());
  return matrix_optimizer("muon", options, momentum_or_raw(Ema{.beta = options.beta, .nesterov = options.nesterov}));
}

OptimizerSpec muonlight(MuonOptions options) {
  validate("muonlight", options, optimizers::muonlight_fields());
  return matrix_optimizer("muonlight", options, momentum_or_raw(HeavyBall{.beta = options.beta, .nesterov = true}));
}

}  // namespace normdescent
