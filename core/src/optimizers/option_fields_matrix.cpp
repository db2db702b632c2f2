// SPDX-License-Identifier: Apache-2.0
// Options of the optimizers that treat matrices in a way of their own.
#include "option_fields.hpp"
#include "option_makers.hpp"

namespace normdescent::optimizers {
namespace {

Field<ScionOptions> ball(std::string name, ScionBall ScionOptions::*option) {
  using enum ScionBall;
  return named<ScionOptions, ScionBall>(
      std::move(name), {spectral, sign, rows, columns},
      "norm whose ball the step goes across", [option](auto& o) -> auto& { return o.*option; });
}

Field<ScionOptions> radius(std::string name, double ScionOptions::*option) {
  return number<ScionOptions>(
      std::move(name), kNonNegative, "radius rho of that ball", [option](auto& o) -> auto& { return o.*option; });
}

template <class Options>
void drop(Fields<Options>& fields, std::string_view name) {
  std::erase_if(fields, [name](const auto& field) { return field.name == name; });
}

// AdamW's own options: what all parameters share is set once, learning_rate through fallback_rate.
Fields<AdamWOptions> fallback_fields() {
  Fields<AdamWOptions> fields = adamw_fields();
  drop(fields, "learning_rate");
  for (const auto& shared : common_fields()) drop(fields, shared.name);
  return fields;
}

const Fields<PreconditionerOptions>& preconditioner_fields() {
  using O = PreconditionerOptions;
  static const Fields<O> fields{
      number<O>(
          "beta2", kUnit, "average of G G^T and G^T G, unbiased; 1: their sum",
          [](auto& o) -> auto& { return o.beta2; }),
      number<O>(
          "delta", kPositive, "added to eigenvalues before the root, see damping",
          [](auto& o) -> auto& { return o.delta; }),
      named<O, Damping>(
          "damping", {Damping::relative, Damping::absolute}, "delta times the largest eigenvalue, or delta itself",
          [](auto& o) -> auto& { return o.damping; }),
      whole_number<O>(
          "interval", 1, 1000, "steps from one computation of the roots to the next",
          [](auto& o) -> auto& { return o.interval; }),
      whole_number<O>(
          "block_size", 1, 65536, "longer sides are cut into blocks of this length",
          [](auto& o) -> auto& { return o.block_size; }),
      named<O, Graft>(
          "graft", {Graft::none, Graft::sgd, Graft::adamw_rms},
          "norm of a matrix's step before scale and radius: its own, the estimate's, or 0.2 sqrt(m n)",
          [](auto& o) -> auto& { return o.graft; }),
  };
  return fields;
}

// Options of an optimizer for matrices with AdamW on the rest; `direction` are those of its direction.
template <class Options>
Fields<Options> matrix_fields(Fields<Options> direction) {
  Fields<Options> all{learning_rate<Options>(), beta<Options>("beta", "momentum"), nesterov<Options>()};
  all.insert(all.end(), direction.begin(), direction.end());
  all.push_back(shape_scale<Options>());
  all.push_back(number<Options>(
      "radius", kNonNegative, "further factor on a matrix's step", [](auto& o) -> auto& { return o.radius; }));
  all.push_back(decoupled_decay<Options>());
  all.push_back(number<Options>(
      "fallback_rate", kNonNegative, "learning rate of AdamW on the other parameters over learning_rate",
      [](auto& o) -> auto& { return o.fallback_rate; }));
  add_nested(
      all, fallback_fields(), "fallback_", ", of AdamW on the other parameters",
      [](auto& o) -> auto& { return o.fallback; });
  return with_shared<Options>(std::move(all));
}

template <class Options>
Fields<Options> preconditioned_fields() {
  Fields<Options> direction;
  add_nested(
      direction, preconditioner_fields(), "", "", [](auto& o) -> auto& { return o.preconditioner; });
  return matrix_fields<Options>(std::move(direction));
}

}  // namespace

const Fields<MuonOptions>& muon_fields() {
  using O = MuonOptions;
  static const Fields<O> fields = matrix_fields<O>({method<O>(), steps<O>(), precision<O>()});
  return fields;
}

const Fields<AsgoOptions>& asgo_fields() {
  static const Fields<AsgoOptions> fields = preconditioned_fields<AsgoOptions>();
  return fields;
}

const Fields<ShampooOptions>& shampoo_fields() {
  static const Fields<ShampooOptions> fields = preconditioned_fields<ShampooOptions>();
  return fields;
}

const Fields<MuonOptions>& muonlight_fields() {
  static const Fields<MuonOptions> fields = [] {
    Fields<MuonOptions> all = muon_fields();
    for (const char* fixed : {"nesterov", "momentum_form", "start"}) drop(all, fixed);
    return all;
  }();
  return fields;
}

const Fields<ScionOptions>& scion_fields() {
  using O = ScionOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta<O>("beta", "momentum; 1 - alpha"),
      ball("matrix_ball", &O::matrix_ball),
      radius("matrix_radius", &O::matrix_radius),
      ball("embedding_ball", &O::embedding_ball),
      radius("embedding_radius", &O::embedding_radius),
      ball("head_ball", &O::head_ball),
      radius("head_radius", &O::head_radius),
      radius("vector_radius", &O::vector_radius),
      method<O>(),
      steps<O>(),
      precision<O>(),
      decoupled_decay<O>(),
  });
  return fields;
}

const Fields<ScionOptions>& scion_constrained_fields() {
  static const Fields<ScionOptions> fields = [] {
    Fields<ScionOptions> all = scion_fields();
    for (const char* absent : {"learning_rate", "decoupled_decay", "decay_form"}) drop(all, absent);
    all.insert(all.begin(), number<ScionOptions>(
                                "learning_rate", {.low = 0.0, .high = 1.0}, "eta in x <- (1 - eta) x - eta rho D",
                                [](auto& o) -> auto& { return o.learning_rate; }));
    return all;
  }();
  return fields;
}

const Fields<LionMuonOptions>& lionmuon_fields() {
  using O = LionMuonOptions;
  static const Fields<O> fields = with_shared<O>({
      learning_rate<O>(),
      beta1<O>("weight of the old momentum inside the direction"),
      beta2<O>("momentum, m <- beta2 m + (1 - beta2) g"),
      whole_number<O>(
          "period", 1, 1000, "every period-th step of a matrix is msign, the others are sign",
          [](auto& o) -> auto& { return o.period; }),
      number<O>(
          "sign_rate", kNonNegative, "learning rate of sign steps over learning_rate",
          [](auto& o) -> auto& { return o.sign_rate; }),
      method<O>(),
      steps<O>(),
      precision<O>(),
      shape_scale<O>(),
      decoupled_decay<O>(),
  });
  return fields;
}

}  // namespace normdescent::optimizers
