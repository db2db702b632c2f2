// SPDX-License-Identifier: Apache-2.0
// Options of the optimizers with one recipe for all parameters, and those that all share.
#include "option_fields.hpp"

#include "option_makers.hpp"

namespace normdescent::optimizers {
namespace {

template <class Options>
Field<Options> epsilon() {
  return number<Options>(
      "epsilon", kPositive, "added to the root of the second moment", [](auto& o) -> auto& { return o.epsilon; });
}

template <class Options>
Field<Options> delta() {
  return number<Options>(
      "delta", kPositive, "added to b before dividing by it", [](auto& o) -> auto& { return o.delta; });
}

}  // namespace

const Fields<CommonOptions>& common_fields() {
  using O = CommonOptions;
  static const Fields<O> fields{
      named<O, DecayForm>(
          "decay_form", {DecayForm::decoupled, DecayForm::scaled, DecayForm::squared},
          "decay by eta lambda, by eta lambda times the step's scale, or by eta^2 lambda",
          [](auto& o) -> auto& { return o.decay_form; }),
      flag<O>(
          "maximize", "g <- -g before anything else: climb instead of descend",
          [](auto& o) -> auto& { return o.maximize; }),
      number<O>(
          "l2_penalty", kNonNegative, "g <- g + l2_penalty x before an estimator sees it: coupled, not a decay",
          [](auto& o) -> auto& { return o.l2_penalty; }),
      number<O>(
          "clip_norm", kNonNegative, "l2 norm that all gradients together may have; 0: any",
          [](auto& o) -> auto& { return o.clip_norm; }),
      number<O>(
          "clip_tensor_norm", kNonNegative, "l2 norm that the gradient of each tensor may have; 0: any",
          [](auto& o) -> auto& { return o.clip_tensor_norm; }),
      named<O, Orientation>(
          "orientation", {Orientation::out_in, Orientation::in_out},
          "how weights are stored: rows are outputs or inputs", [](auto& o) -> auto& { return o.orientation; }),
      named<O, NonFinitePolicy>(
          "on_nonfinite", {NonFinitePolicy::skip, NonFinitePolicy::stop},
          "a gradient with NaN or infinity changes nothing and is skipped, or ends the run",
          [](auto& o) -> auto& { return o.on_nonfinite; }),
      named<O, Bfloat16Rounding>(
          "bfloat16_rounding", {Bfloat16Rounding::master, Bfloat16Rounding::stochastic},
          "how bfloat16 parameters keep small steps: a float copy, or rounding up or down at random",
          [](auto& o) -> auto& { return o.bfloat16_rounding; }),
      whole_number<O>(
          "rounding_seed", 0, 2147483647, "seed of stochastic rounding",
          [](auto& o) -> auto& { return o.rounding_seed; }),
      named<O, StateFormat>(
          "state_format", {StateFormat::full, StateFormat::bfloat16, StateFormat::bfloat16_stochastic},
          "what momentum and second moment are kept in: the parameters' type, or half of it, rounded to nearest or at "
          "random",
          [](auto& o) -> auto& { return o.state_format; }),
  };
  return fields;
}

const Fields<AverageOptions>& average_fields() {
  using O = AverageOptions;
  static const Fields<O> fields{
      named<O, MomentumForm>(
          "momentum_form", {MomentumForm::ema, MomentumForm::heavy_ball},
          "m <- beta m + (1 - beta) g, or b <- beta b + g", [](auto& o) -> auto& { return o.momentum_form; }),
      named<O, Start>(
          "start", {Start::zero, Start::first_gradient}, "what the EMA starts from",
          [](auto& o) -> auto& { return o.start; }),
      named<O, CorrectionKind>(
          "correction",
          {CorrectionKind::none, CorrectionKind::extrapolation, CorrectionKind::variance_reduction,
           CorrectionKind::mars},
          "what is averaged: g; g at the point extrapolated (needs a closure); g corrected by its difference to the "
          "previous point (closure) or to the previous batch",
          [](auto& o) -> auto& { return o.correction; }),
      gamma<O>(),
  };
  return fields;
}

const Fields<SgdOptions>& sgd_fields() {
  using O = SgdOptions;
  static const Fields<O> fields =
      with_shared<O>({learning_rate<O>(), beta<O>("beta", "momentum"), nesterov<O>(), decoupled_decay<O>()});
  return fields;
}

const Fields<NormalizedSgdOptions>& normalized_sgd_fields() {
  using O = NormalizedSgdOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta<O>("beta", "momentum, before normalizing"),
      nesterov<O>(),
      scope<O>("what has norm 1: all parameters together, or each tensor"),
      decoupled_decay<O>(),
  });
  return fields;
}

const Fields<RowNormalizedSgdOptions>& row_normalized_sgd_fields() {
  using O = RowNormalizedSgdOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta<O>("beta", "momentum, before normalizing"),
      nesterov<O>(),
      named<O, Axis>(
          "axis", {Axis::rows, Axis::columns}, "what has norm 1: the weights of an output, or those of an input",
          [](auto& o) -> auto& { return o.axis; }),
      decoupled_decay<O>(),
  });
  return fields;
}

const Fields<SignSgdOptions>& signsgd_fields() {
  using O = SignSgdOptions;
  static const Fields<O> fields = with_shared<O>({learning_rate<O>(), decoupled_decay<O>()});
  return fields;
}

const Fields<SignumOptions>& signum_fields() {
  using O = SignumOptions;
  static const Fields<O> fields =
      with_shared<O>({learning_rate<O>(), beta<O>("beta", "momentum"), nesterov<O>(), decoupled_decay<O>()});
  return fields;
}

const Fields<LionOptions>& lion_fields() {
  using O = LionOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta1<O>("weight of the old momentum inside the sign"),
      beta2<O>("momentum, m <- beta2 m + (1 - beta2) g"),
      decoupled_decay<O>(),
  });
  return fields;
}

const Fields<AdamWOptions>& adamw_fields() {
  using O = AdamWOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta1<O>("first moment, m <- beta1 m + (1 - beta1) g"),
      beta2<O>("second moment, v <- beta2 v + (1 - beta2) g^2"),
      epsilon<O>(),
      decoupled_decay<O>(),
  });
  return fields;
}

const Fields<AdaGradOptions>& adagrad_fields() {
  using O = AdaGradOptions;
  static const Fields<O> fields = with_shared<O>(
      {learning_rate<O>(), beta<O>("beta", "momentum, above the fraction"), delta<O>(), decoupled_decay<O>()});
  return fields;
}

const Fields<AdaGradNormOptions>& adagrad_norm_fields() {
  using O = AdaGradNormOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta<O>("beta", "momentum, above the fraction"),
      delta<O>(),
      scope<O>("whose gradients b counts: those of all parameters, or of each tensor"),
      decoupled_decay<O>(),
  });
  return fields;
}

const Fields<MarsLionOptions>& mars_lion_fields() {
  using O = MarsLionOptions;
  static const Fields<O> fields = with_shared<O>(
      {learning_rate<O>(), beta<O>("beta", "momentum of corrected gradients"), gamma<O>(), decoupled_decay<O>()});
  return fields;
}

const Fields<MarsAdamWOptions>& mars_adamw_fields() {
  using O = MarsAdamWOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta1<O>("first moment, m <- beta1 m + (1 - beta1) c"),
      beta2<O>("second moment, v <- beta2 v + (1 - beta2) c^2"),
      epsilon<O>(),
      gamma<O>(),
      decoupled_decay<O>(),
  });
  return fields;
}

}  // namespace normdescent::optimizers
