// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/catalog.hpp"
#include "option_fields.hpp"

namespace normdescent {

using optimizers::validate;

namespace {

// Without momentum there is nothing to keep: a zero beta must not cost a buffer.
Estimator average(double beta, bool nesterov, const AverageOptions& options) {
  if (beta == 0.0) return Raw{};
  if (options.momentum_form == MomentumForm::heavy_ball) return HeavyBall{.beta = beta, .nesterov = nesterov};
  return Ema{.beta = beta, .nesterov = nesterov, .start = options.start};
}

Correction correction(const AverageOptions& options) {
  switch (options.correction) {
    case CorrectionKind::none: return Uncorrected{};
    case CorrectionKind::extrapolation: return Extrapolation{};
    case CorrectionKind::variance_reduction:
      return VarianceReduction{.reference = GradientReference::previous_point, .gamma = options.gamma};
    case CorrectionKind::mars:
      return VarianceReduction{.reference = GradientReference::previous_batch, .gamma = options.gamma};
  }
  return Uncorrected{};
}

void share(Recipe& recipe, const CommonOptions& common) {
  if (recipe.decay_form == DecayForm::decoupled) recipe.decay_form = common.decay_form;
  recipe.maximize = common.maximize;
  recipe.l2_penalty = common.l2_penalty;
  recipe.clip_norm = common.clip_tensor_norm;
  recipe.state_format = common.state_format;
  // An optimizer that knows how one of its tensors is stored says so in the recipe.
  if (recipe.orientation == Orientation::out_in) recipe.orientation = common.orientation;
}

OptimizerSpec shared(OptimizerSpec spec, const CommonOptions& common) {
  for (auto& route : spec.routes) share(route.recipe, common);
  share(spec.fallback, common);
  spec.clip_norm = common.clip_norm;
  spec.on_nonfinite = common.on_nonfinite;
  spec.bfloat16_rounding = common.bfloat16_rounding;
  spec.rounding_seed = common.rounding_seed;
  return spec;
}

OptimizerSpec uniform(const char* name, Recipe recipe, const CommonOptions& common) {
  recipe.name = name;
  return shared({.name = name, .routes = {}, .fallback = std::move(recipe)}, common);
}

Recipe adamw_recipe(const AdamWOptions& options) {
  return {.name = "adamw",
          .estimator = Ema{.beta = options.beta1},
          .direction = AdamScale{.beta2 = options.beta2, .epsilon = options.epsilon},
          .learning_rate = options.learning_rate,
          .decoupled_decay = options.decoupled_decay};
}

// `direction` on matrices, AdamW on the rest. Options are MuonOptions, AsgoOptions or ShampooOptions.
template <class Options>
OptimizerSpec matrix_optimizer(const char* name, const Options& options, Direction direction) {
  const Recipe matrix{.name = name,
                      .correction = correction(options.average),
                      .estimator = average(options.beta, options.nesterov, options.average),
                      .direction = std::move(direction),
                      .learning_rate = options.learning_rate,
                      .decoupled_decay = options.decoupled_decay,
                      .radius = options.radius,
                      .shape_scale = options.shape_scale};
  Recipe rest = adamw_recipe(options.fallback);
  rest.learning_rate = options.learning_rate * options.fallback_rate;
  return shared({.name = name,
                 .routes = {{.role = Role::matrix, .name_glob = "*", .recipe = matrix}},
                 .fallback = std::move(rest)},
                options.common);
}

Direction msign_of(const MuonOptions& options) {
  return Orthogonalize{.method = options.method, .steps = options.steps, .precision = options.precision};
}

Direction shampoo_of(PreconditionedSides sides, const PreconditionerOptions& options) {
  return Shampoo{.sides = sides,
                 .beta2 = options.beta2,
                 .delta = options.delta,
                 .damping = options.damping,
                 .interval = options.interval,
                 .block_size = options.block_size,
                 .graft = options.graft};
}

// The direction and the scale of an oracle of Scion.
void set_ball(Recipe& recipe, ScionBall ball, const ScionOptions& options) {
  switch (ball) {
    case ScionBall::spectral:
      recipe.direction =
          Orthogonalize{.method = options.method, .steps = options.steps, .precision = options.precision};
      recipe.shape_scale = ShapeScale::sqrt_out_over_in;
      return;
    case ScionBall::sign:
      recipe.direction = Sign{};
      recipe.shape_scale = ShapeScale::one_over_in;
      return;
    case ScionBall::rows:
      recipe.direction = RowNormalize{};
      recipe.shape_scale = ShapeScale::one_over_sqrt_in;
      return;
    case ScionBall::columns:
      recipe.direction = ColumnNormalize{};
      recipe.shape_scale = ShapeScale::sqrt_out;
      return;
  }
}

OptimizerSpec scion_of(const char* name, const ScionOptions& options, DecayForm form) {
  const auto recipe = [&](const char* role, ScionBall ball, double radius) {
    Recipe r{.name = std::string(name) + "-" + role,
             .correction = correction(options.average),
             .estimator = average(options.beta, false, options.average),
             .learning_rate = options.learning_rate,
             .decoupled_decay = form == DecayForm::constrained ? 0.0 : options.decoupled_decay,
             .decay_form = form,
             .radius = radius};
    set_ball(r, ball, options);
    return r;
  };
  Recipe embedding = recipe("embedding", options.embedding_ball, options.embedding_radius);
  embedding.orientation = Orientation::in_out;
  return shared({.name = name,
                 .routes = {{.role = Role::matrix,
                             .name_glob = "*",
                             .recipe = recipe("matrix", options.matrix_ball, options.matrix_radius)},
                            {.role = Role::embedding, .name_glob = "*", .recipe = embedding},
                            {.role = Role::head,
                             .name_glob = "*",
                             .recipe = recipe("head", options.head_ball, options.head_radius)}},
                 .fallback = recipe("vector", ScionBall::sign, options.vector_radius)},
                options.common);
}

}  // namespace

OptimizerSpec sgd(const SgdOptions& options) {
  validate("sgd", options, optimizers::sgd_fields());
  return uniform("sgd",
                 {.name = {},
                  .correction = correction(options.average),
                  .estimator = average(options.beta, options.nesterov, options.average),
                  .direction = Identity{},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec normalized_sgd(const NormalizedSgdOptions& options) {
  validate("normalized-sgd", options, optimizers::normalized_sgd_fields());
  return uniform("normalized-sgd",
                 {.name = {},
                  .correction = correction(options.average),
                  .estimator = average(options.beta, options.nesterov, options.average),
                  .direction = Normalize{.scope = options.scope},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec row_normalized_sgd(const RowNormalizedSgdOptions& options) {
  validate("row-normalized-sgd", options, optimizers::row_normalized_sgd_fields());
  return uniform("row-normalized-sgd",
                 {.name = {},
                  .correction = correction(options.average),
                  .estimator = average(options.beta, options.nesterov, options.average),
                  .direction = options.axis == Axis::rows ? Direction(RowNormalize{}) : Direction(ColumnNormalize{}),
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec signsgd(const SignSgdOptions& options) {
  validate("signsgd", options, optimizers::signsgd_fields());
  return uniform("signsgd",
                 {.name = {},
                  .estimator = Raw{},
                  .direction = Sign{},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec signum(const SignumOptions& options) {
  validate("signum", options, optimizers::signum_fields());
  return uniform("signum",
                 {.name = {},
                  .correction = correction(options.average),
                  .estimator = average(options.beta, options.nesterov, options.average),
                  .direction = Sign{},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec lion(const LionOptions& options) {
  validate("lion", options, optimizers::lion_fields());
  return uniform("lion",
                 {.name = {},
                  .estimator = DoubleEma{.beta1 = options.beta1, .beta2 = options.beta2},
                  .direction = Sign{},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

namespace {

// Two passes over the tensor: how many coordinates agree, then the step.
class CautiousSign final : public TensorMap {
 public:
  void apply(const TensorMapTask<float>& task) const override { apply_to(task); }
  void apply(const TensorMapTask<double>& task) const override { apply_to(task); }

 private:
  static constexpr double kLeastMean = 1e-3;

  template <class T>
  static void apply_to(const TensorMapTask<T>& task) {
    const Index n = task.u.size();
    const T* const u = task.u.data;
    const T* const g = task.g.data;
    // Products of tiny numbers are 0; signs are not.
    const auto sign = [](T x) { return static_cast<int>(x > T{0}) - static_cast<int>(x < T{0}); };
    Index agreeing = 0;
    for (Index i = 0; i < n; ++i) agreeing += sign(u[i]) * sign(g[i]) > 0 ? 1 : 0;
    const double mean = static_cast<double>(agreeing) / static_cast<double>(n);
    const T length = static_cast<T>(1.0 / std::max(mean, kLeastMean));
    for (Index i = 0; i < n; ++i) {
      const int s = sign(u[i]);
      task.out.data[i] = s * sign(g[i]) > 0 ? static_cast<T>(s) * length : T{0};
    }
  }
};

}  // namespace

OptimizerSpec cautious_lion(const LionOptions& options) {
  validate("cautious-lion", options, optimizers::lion_fields());
  OptimizerSpec spec = lion(options);
  spec.name = spec.fallback.name = "cautious-lion";
  spec.fallback.direction =
      MapTensor{.name = "cautious-sign", .geometry = geometries::sign(), .map = std::make_shared<CautiousSign>()};
  return spec;
}

OptimizerSpec adamw(const AdamWOptions& options) {
  validate("adamw", options, optimizers::adamw_fields());
  return uniform("adamw", adamw_recipe(options), options.common);
}

OptimizerSpec adagrad(const AdaGradOptions& options) {
  validate("adagrad", options, optimizers::adagrad_fields());
  return uniform("adagrad",
                 {.name = {},
                  .estimator = average(options.beta, false, {}),
                  .direction = AdaGradScale{.delta = options.delta},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec adagrad_norm(const AdaGradNormOptions& options) {
  validate("adagrad-norm", options, optimizers::adagrad_norm_fields());
  return uniform("adagrad-norm",
                 {.name = {},
                  .estimator = average(options.beta, false, {}),
                  .direction = AdaGradNorm{.scope = options.scope, .delta = options.delta},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec mars_lion(const MarsLionOptions& options) {
  validate("mars-lion", options, optimizers::mars_lion_fields());
  return uniform("mars-lion",
                 {.name = {},
                  .correction = correction({.correction = CorrectionKind::mars, .gamma = options.gamma}),
                  .estimator = Ema{.beta = options.beta},
                  .direction = Sign{},
                  .learning_rate = options.learning_rate,
                  .decoupled_decay = options.decoupled_decay},
                 options.common);
}

OptimizerSpec mars_adamw(const MarsAdamWOptions& options) {
  validate("mars-adamw", options, optimizers::mars_adamw_fields());
  Recipe recipe = adamw_recipe({.learning_rate = options.learning_rate,
                                .beta1 = options.beta1,
                                .beta2 = options.beta2,
                                .epsilon = options.epsilon,
                                .decoupled_decay = options.decoupled_decay});
  recipe.correction = correction({.correction = CorrectionKind::mars, .gamma = options.gamma});
  return uniform("mars-adamw", std::move(recipe), options.common);
}

OptimizerSpec muon(const MuonOptions& options) {
  validate("muon", options, optimizers::muon_fields());
  return matrix_optimizer("muon", options, msign_of(options));
}

OptimizerSpec muonlight(MuonOptions options) {
  validate("muonlight", options, optimizers::muonlight_fields());
  options.nesterov = true;
  options.average.momentum_form = MomentumForm::heavy_ball;
  return matrix_optimizer("muonlight", options, msign_of(options));
}

OptimizerSpec scion(const ScionOptions& options) {
  validate("scion", options, optimizers::scion_fields());
  return scion_of("scion", options, DecayForm::decoupled);
}

OptimizerSpec scion_constrained(const ScionOptions& options) {
  validate("scion-constrained", options, optimizers::scion_constrained_fields());
  return scion_of("scion-constrained", options, DecayForm::constrained);
}

OptimizerSpec asgo(const AsgoOptions& options) {
  validate("asgo", options, optimizers::asgo_fields());
  return matrix_optimizer("asgo", options, shampoo_of(PreconditionedSides::shorter, options.preconditioner));
}

OptimizerSpec shampoo(const ShampooOptions& options) {
  validate("shampoo", options, optimizers::shampoo_fields());
  return matrix_optimizer("shampoo", options, shampoo_of(PreconditionedSides::both, options.preconditioner));
}

OptimizerSpec lionmuon(const LionMuonOptions& options) {
  validate("lionmuon", options, optimizers::lionmuon_fields());
  const Orthogonalize msign{.method = options.method, .steps = options.steps, .precision = options.precision};
  const Recipe matrix{.name = "lionmuon",
                      .estimator = DoubleEma{.beta1 = options.beta1, .beta2 = options.beta2},
                      .direction = Alternate{.msign = msign, .period = options.period, .sign_rate = options.sign_rate},
                      .learning_rate = options.learning_rate,
                      .decoupled_decay = options.decoupled_decay,
                      .shape_scale = options.shape_scale};
  Recipe rest = matrix;
  rest.name = "lion";
  rest.direction = Sign{};
  rest.learning_rate = options.learning_rate * options.sign_rate;
  rest.shape_scale = ShapeScale::none;
  return shared(
      {.name = "lionmuon", .routes = {{.role = Role::matrix, .name_glob = "*", .recipe = matrix}}, .fallback = rest},
      options.common);
}

}  // namespace normdescent
