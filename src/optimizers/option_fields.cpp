// SPDX-License-Identifier: Apache-2.0
#include "option_fields.hpp"

#include <algorithm>
#include <charconv>
#include <type_traits>
#include <utility>

#include "normdescent/linalg/polar.hpp"

namespace normdescent::optimizers {
namespace {

template <class N>
bool parse_number(std::string_view text, N& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// In all makers `at` maps an options object to a reference to the option.
template <class Options, class At>
Field<Options> number(std::string name, Domain domain, std::string meaning, At at) {
  return {.name = std::move(name),
          .domain = "in " + domain.text(),
          .meaning = std::move(meaning),
          .text = [at](const Options& o) { return to_text(at(o)); },
          .is_valid = [at, domain](const Options& o) { return domain.contains(at(o)); },
          .parse = [at](Options& o, std::string_view text) { return parse_number(text, at(o)); }};
}

template <class Options, class At>
Field<Options> whole_number(std::string name, int low, int high, std::string meaning, At at) {
  return {.name = std::move(name),
          .domain = "a whole number in [" + std::to_string(low) + ", " + std::to_string(high) + "]",
          .meaning = std::move(meaning),
          .text = [at](const Options& o) { return std::to_string(at(o)); },
          .is_valid = [at, low, high](const Options& o) { return low <= at(o) && at(o) <= high; },
          .parse = [at](Options& o, std::string_view text) { return parse_number(text, at(o)); }};
}

// One of several values; `to_name` gives the text of each.
template <class Options, class Value, class ToName, class At>
Field<Options> choice(std::string name, std::vector<Value> values, std::string meaning, ToName to_name, At at) {
  std::vector<std::string> names;
  for (const Value& value : values) names.emplace_back(to_name(value));
  return {.name = std::move(name),
          .domain = "one of " + join(names),
          .meaning = std::move(meaning),
          .text = [at, to_name](const Options& o) { return std::string(to_name(at(o))); },
          .is_valid = [at, values](const Options& o) { return std::ranges::find(values, at(o)) != values.end(); },
          .parse =
              [at, values, to_name](Options& o, std::string_view text) {
                const auto named =
                    std::ranges::find_if(values, [&](const Value& value) { return to_name(value) == text; });
                if (named != values.end()) at(o) = *named;
                return named != values.end();
              }};
}

template <class Options, class At>
Field<Options> flag(std::string name, std::string meaning, At at) {
  return choice<Options, bool>(
      std::move(name), {true, false}, std::move(meaning),
      [](bool on) { return std::string_view(on ? "true" : "false"); }, at);
}

template <class Options>
Field<Options> learning_rate() {
  return number<Options>(
      "learning_rate", kNonNegative, "step size eta at the peak of the schedule",
      [](auto& o) -> auto& { return o.learning_rate; });
}

template <class Options>
Field<Options> decoupled_decay() {
  return number<Options>(
      "decoupled_decay", kNonNegative, "lambda in x <- (1 - eta lambda) x",
      [](auto& o) -> auto& { return o.decoupled_decay; });
}

template <class Options>
Field<Options> beta(std::string name, std::string meaning) {
  return number<Options>(
      std::move(name), kMomentum, std::move(meaning), [](auto& o) -> auto& { return o.beta; });
}

template <class Options>
Field<Options> beta1(std::string meaning) {
  return number<Options>(
      "beta1", kMomentum, std::move(meaning), [](auto& o) -> auto& { return o.beta1; });
}

template <class Options>
Field<Options> beta2(std::string meaning) {
  return number<Options>(
      "beta2", kMomentum, std::move(meaning), [](auto& o) -> auto& { return o.beta2; });
}

template <class Options>
Field<Options> nesterov() {
  return flag<Options>(
      "nesterov", "look one momentum step ahead", [](auto& o) -> auto& { return o.nesterov; });
}

// AdamW's options as those of a matrix optimizer's fallback.
Fields<MuonOptions> fallback_fields() {
  Fields<MuonOptions> fields;
  for (const auto& f : adamw_fields()) {
    if (f.name == "learning_rate") continue;  // fallback_rate replaces it
    fields.push_back({.name = "fallback_" + f.name,
                      .domain = f.domain,
                      .meaning = f.meaning + ", of AdamW on the other parameters",
                      .text = [f](const MuonOptions& o) { return f.text(o.fallback); },
                      .is_valid = [f](const MuonOptions& o) { return f.is_valid(o.fallback); },
                      .parse = [f](MuonOptions& o, std::string_view text) { return f.parse(o.fallback, text); }});
  }
  return fields;
}

}  // namespace

const Fields<SgdOptions>& sgd_fields() {
  using O = SgdOptions;
  static const Fields<O> fields{
      learning_rate<O>(),
      beta<O>("beta", "momentum, heavy ball b <- beta b + g"),
      nesterov<O>(),
      decoupled_decay<O>(),
  };
  return fields;
}

const Fields<NormalizedSgdOptions>& normalized_sgd_fields() {
  using O = NormalizedSgdOptions;
  static const Fields<O> fields{
      learning_rate<O>(),
      beta<O>("beta", "momentum, m <- beta m + (1 - beta) g, before normalizing"),
      choice<O, Scope>(
          "scope", {Scope::global, Scope::per_tensor}, "what has norm 1: all parameters together, or each tensor",
          [](Scope scope) { return std::string_view(to_string(scope)); }, [](auto& o) -> auto& { return o.scope; }),
      decoupled_decay<O>(),
  };
  return fields;
}

const Fields<SignSgdOptions>& signsgd_fields() {
  using O = SignSgdOptions;
  static const Fields<O> fields{learning_rate<O>(), decoupled_decay<O>()};
  return fields;
}

const Fields<SignumOptions>& signum_fields() {
  using O = SignumOptions;
  static const Fields<O> fields{
      learning_rate<O>(),
      beta<O>("beta", "momentum, m <- beta m + (1 - beta) g"),
      decoupled_decay<O>(),
  };
  return fields;
}

const Fields<LionOptions>& lion_fields() {
  using O = LionOptions;
  static const Fields<O> fields{
      learning_rate<O>(),
      beta1<O>("weight of the old momentum inside the sign"),
      beta2<O>("momentum, m <- beta2 m + (1 - beta2) g"),
      decoupled_decay<O>(),
  };
  return fields;
}

const Fields<AdamWOptions>& adamw_fields() {
  using O = AdamWOptions;
  static const Fields<O> fields{
      learning_rate<O>(),
      beta1<O>("first moment, m <- beta1 m + (1 - beta1) g"),
      beta2<O>("second moment, v <- beta2 v + (1 - beta2) g^2"),
      number<O>(
          "epsilon", kPositive, "added to the root of the second moment", [](auto& o) -> auto& { return o.epsilon; }),
      decoupled_decay<O>(),
  };
  return fields;
}

const Fields<MuonOptions>& muon_fields() {
  using O = MuonOptions;
  static const Fields<O> fields = [] {
    Fields<O> all{
        learning_rate<O>(),
        beta<O>("beta", "momentum"),
        nesterov<O>(),
        choice<O, std::string>(
            "method", polar_method_names(), "how msign is computed; svd is exact and slow",
            [](const std::string& method) -> const std::string& { return method; },
            [](auto& o) -> auto& { return o.method; }),
        whole_number<O>(
            "steps", 0, 100, "iterations of msign; 0 takes the method's own number, svd takes none",
            [](auto& o) -> auto& { return o.steps; }),
        choice<O, ProductPrecision>(
            "precision", {ProductPrecision::full, ProductPrecision::bfloat16},
            "operands of msign's large products; bfloat16 is for float32 parameters and not for svd",
            [](ProductPrecision precision) { return std::string_view(to_string(precision)); },
            [](auto& o) -> auto& { return o.precision; }),
        choice<O, ShapeScale>(
            "shape_scale",
            {ShapeScale::none, ShapeScale::sqrt_max_one, ShapeScale::match_adamw_rms, ShapeScale::sqrt_out_over_in,
             ShapeScale::sqrt_max, ShapeScale::one_over_in, ShapeScale::sqrt_out, ShapeScale::one_over_sqrt_in},
            "factor s(m, n) on an m x n matrix's step",
            [](ShapeScale scale) { return std::string_view(to_string(scale)); },
            [](auto& o) -> auto& { return o.shape_scale; }),
        decoupled_decay<O>(),
        number<O>(
            "fallback_rate", kNonNegative, "learning rate of AdamW on the other parameters over learning_rate",
            [](auto& o) -> auto& { return o.fallback_rate; }),
    };
    for (auto& field : fallback_fields()) all.push_back(std::move(field));
    return all;
  }();
  return fields;
}

const Fields<MuonOptions>& muonlight_fields() {
  static const Fields<MuonOptions> fields = [] {
    Fields<MuonOptions> all = muon_fields();
    std::erase_if(all, [](const auto& field) { return field.name == "nesterov"; });
    return all;
  }();
  return fields;
}

}  // namespace normdescent::optimizers
