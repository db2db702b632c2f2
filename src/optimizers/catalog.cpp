// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/catalog.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include "normdescent/base/nearest_name.hpp"
#include "option_fields.hpp"

namespace normdescent {
namespace {

using TextOptions = std::map<std::string, std::string>;

struct Entry {
  OptimizerInfo info;
  std::function<OptimizerSpec(const TextOptions&)> make;
};

std::vector<std::string> names_of(const auto& named) {
  std::vector<std::string> names;
  for (const auto& item : named) names.push_back(item.name);
  return names;
}

// "; did you mean b?" or nothing, then the whole list.
std::string suggestion(std::string_view typed, const std::vector<std::string>& known) {
  std::string text;
  if (const auto nearest = nearest_name(typed, known)) text += "; did you mean " + *nearest + "?";
  text += " (known:";
  for (const auto& name : known) text += " " + name;
  return text + ")";
}

template <class Options>
Options parse_options(const std::string& optimizer, const optimizers::Fields<Options>& fields,
                      const TextOptions& texts) {
  Options options;
  optimizers::Problems problems(optimizer);
  for (const auto& [name, text] : texts) {
    const auto field = std::ranges::find_if(fields, [&key = name](const auto& f) { return f.name == key; });
    if (field == fields.end()) {
      problems.add("no option " + name + suggestion(name, names_of(fields)));
    } else if (!field->parse(options, text)) {
      problems.add(name + " = " + text + ", must be " + field->domain);
    }
  }
  problems.throw_if_any();
  return options;
}

template <class Options, class Build>
Entry entry(std::string name, std::string title, std::string summary, const optimizers::Fields<Options>& fields,
            Build build) {
  const Options defaults;
  const OptimizerSpec spec = build(defaults);
  const Recipe& main = spec.routes.empty() ? spec.fallback : spec.routes.front().recipe;
  Entry result;
  result.info = {.name = name,
                 .title = std::move(title),
                 .summary = std::move(summary),
                 .geometry = geometry_of(main),
                 .default_learning_rate = defaults.learning_rate,
                 .options = {}};
  for (const auto& field : fields) {
    result.info.options.push_back(
        {.name = field.name, .default_value = field.text(defaults), .domain = field.domain, .meaning = field.meaning});
  }
  result.make = [name = std::move(name), &fields, build](const TextOptions& texts) {
    return build(parse_options(name, fields, texts));
  };
  return result;
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all{
      entry("sgd", "SGD", "x <- x - eta b, b = beta b + g", optimizers::sgd_fields(), sgd),
      entry("normalized-sgd", "Normalized SGD", "x <- x - eta m / ||m||_2", optimizers::normalized_sgd_fields(),
            normalized_sgd),
      entry("signsgd", "SignSGD", "x <- x - eta sign(g)", optimizers::signsgd_fields(), signsgd),
      entry("signum", "Signum", "x <- x - eta sign(m), m = beta m + (1 - beta) g", optimizers::signum_fields(), signum),
      entry("lion", "Lion", "x <- x - eta sign(beta1 m + (1 - beta1) g), then m = beta2 m + (1 - beta2) g",
            optimizers::lion_fields(), lion),
      entry("muon", "Muon", "W <- W - eta s(m, n) msign(M), M = beta M + (1 - beta) G; AdamW on the rest",
            optimizers::muon_fields(), muon),
      entry("muonlight", "Muonlight", "W <- W - eta s(m, n) msign(G + beta B), B = beta B + G; AdamW on the rest",
            optimizers::muonlight_fields(), muonlight),
      entry("adamw", "AdamW", "x <- x - eta m / (sqrt(v) + epsilon), m and v bias-corrected",
            optimizers::adamw_fields(), adamw),
  };
  return all;
}

}  // namespace

std::span<const OptimizerInfo> optimizer_catalog() {
  static const std::vector<OptimizerInfo> infos = [] {
    std::vector<OptimizerInfo> all;
    for (const Entry& e : entries()) all.push_back(e.info);
    return all;
  }();
  return infos;
}

const OptimizerInfo* find_optimizer(std::string_view name) {
  const auto catalog = optimizer_catalog();
  const auto found = std::ranges::find_if(catalog, [&](const auto& info) { return info.name == name; });
  return found == catalog.end() ? nullptr : &*found;
}

OptimizerSpec make_optimizer(std::string_view name, const std::map<std::string, std::string>& options) {
  const auto& all = entries();
  const auto found = std::ranges::find_if(all, [&](const Entry& e) { return e.info.name == name; });
  if (found == all.end()) {
    throw std::invalid_argument("no optimizer " + std::string(name) + suggestion(name, names_of(optimizer_catalog())));
  }
  return found->make(options);
}

}  // namespace normdescent
