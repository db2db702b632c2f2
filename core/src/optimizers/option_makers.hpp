// SPDX-License-Identifier: Apache-2.0
// Makers of the fields that several optimizers have. In all of them `at` maps an options object to a reference to the
// option.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "normdescent/linalg/polar.hpp"
#include "option_fields.hpp"

namespace normdescent::optimizers {

template <class N>
bool parse_number(std::string_view text, N& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

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

// A choice among the values of an enumeration that has to_string.
template <class Options, class Value, class At>
Field<Options> named(std::string name, std::vector<Value> values, std::string meaning, At at) {
  return choice<Options, Value>(
      std::move(name), std::move(values), std::move(meaning),
      [](Value value) { return std::string_view(to_string(value)); }, at);
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

template <class Options>
Field<Options> gamma() {
  return number<Options>(
      "gamma", kNonNegative, "strength of the correction: c = g + gamma beta/(1 - beta) (g - g_old)",
      [](auto& o) -> auto& { return o.gamma; });
}

template <class Options>
Field<Options> scope(std::string meaning) {
  return named<Options, Scope>(
      "scope", {Scope::global, Scope::per_tensor}, std::move(meaning), [](auto& o) -> auto& { return o.scope; });
}

template <class Options>
Field<Options> method() {
  return choice<Options, std::string>(
      "method", polar_method_names(),
      "how msign is computed: halley is closer to it, resolvent faster, svd exact and slow",
      [](const std::string& name) -> const std::string& { return name; }, [](auto& o) -> auto& { return o.method; });
}

template <class Options>
Field<Options> steps() {
  return whole_number<Options>(
      "steps", 0, 100, "iterations of msign; 0 takes the method's own number, svd and resolvent take none",
      [](auto& o) -> auto& { return o.steps; });
}

template <class Options>
Field<Options> precision() {
  return named<Options, ProductPrecision>(
      "precision", {ProductPrecision::full, ProductPrecision::bfloat16},
      "operands of msign's large products; bfloat16 is for float32 parameters and not for svd",
      [](auto& o) -> auto& { return o.precision; });
}

template <class Options>
Field<Options> shape_scale() {
  using enum ShapeScale;
  return named<Options, ShapeScale>(
      "shape_scale",
      {none, sqrt_max_one, match_adamw_rms, sqrt_out_over_in, sqrt_max, one_over_in, sqrt_out, one_over_sqrt_in},
      "factor s(m, n) on an m x n matrix's step", [](auto& o) -> auto& { return o.shape_scale; });
}

/// Options of a struct inside the options struct. `prefix` keeps names apart; `suffix` ends the meanings.
template <class Options, class Inner, class At>
void add_nested(Fields<Options>& all, const Fields<Inner>& inner, const std::string& prefix, const std::string& suffix,
                At at) {
  for (const auto& f : inner) {
    all.push_back({.name = prefix + f.name,
                   .domain = f.domain,
                   .meaning = f.meaning + suffix,
                   .text = [f, at](const Options& o) { return f.text(at(o)); },
                   .is_valid = [f, at](const Options& o) { return f.is_valid(at(o)); },
                   .parse = [f, at](Options& o, std::string_view text) { return f.parse(at(o), text); }});
  }
}

/// An optimizer's own options, then how it averages, if it lets choose, then what all have.
template <class Options>
Fields<Options> with_shared(Fields<Options> own) {
  if constexpr (requires(Options o) { o.average; }) {
    add_nested(
        own, average_fields(), "", "", [](auto& o) -> auto& { return o.average; });
  }
  add_nested(
      own, common_fields(), "", "", [](auto& o) -> auto& { return o.common; });
  return own;
}

}  // namespace normdescent::optimizers
