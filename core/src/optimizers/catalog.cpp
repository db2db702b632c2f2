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
      entry("row-normalized-sgd", "Row-normalized SGD", "W_i <- W_i - eta M_i / ||M_i||_2 for every row i",
            optimizers::row_normalized_sgd_fields(), row_normalized_sgd),
      entry("signsgd", "SignSGD", "x <- x - eta sign(g)", optimizers::signsgd_fields(), signsgd),
      entry("signum", "Signum", "x <- x - eta sign(m), m = beta m + (1 - beta) g", optimizers::signum_fields(), signum),
      entry("lion", "Lion", "x <- x - eta sign(beta1 m + (1 - beta1) g), then m = beta2 m + (1 - beta2) g",
            optimizers::lion_fields(), lion),
      entry("cautious-lion", "Cautious Lion",
            "Lion on the coordinates where u g > 0, eta over their share of the tensor", optimizers::lion_fields(),
            cautious_lion),
      entry("muon", "Muon", "W <- W - eta s(m, n) msign(M), M = beta M + (1 - beta) G; AdamW on the rest",
            optimizers::muon_fields(), muon),
      entry("muonlight", "Muonlight", "W <- W - eta s(m, n) msign(G + beta B), B = beta B + G; AdamW on the rest",
            optimizers::muonlight_fields(), muonlight),
      entry("adamw", "AdamW", "x <- x - eta m / (sqrt(v) + epsilon), m and v bias-corrected",
            optimizers::adamw_fields(), adamw),
      entry("adagrad", "AdaGrad", "x <- x - eta g / (b + delta), b^2 = b^2 + g^2", optimizers::adagrad_fields(),
            adagrad),
      entry("adagrad-norm", "AdaGrad-Norm", "x <- x - eta g / (b + delta), b^2 = b^2 + ||g||_2^2",
            optimizers::adagrad_norm_fields(), adagrad_norm),
      entry("mars-lion", "MARS-Lion",
            "x <- x - eta sign(m), m = beta m + (1 - beta) c, c = g + gamma beta/(1 - beta) (g - g_old)",
            optimizers::mars_lion_fields(), mars_lion),
      entry("mars-adamw", "MARS-AdamW", "AdamW on c = g + gamma beta1/(1 - beta1) (g - g_old)",
            optimizers::mars_adamw_fields(), mars_adamw),
      entry("scion", "Scion", "W <- W - eta rho D(M), D the oracle of each role's ball", optimizers::scion_fields(),
            scion),
      entry("scion-constrained", "Scion, constrained", "W <- (1 - eta) W - eta rho D(M): ||W|| stays within rho",
            optimizers::scion_constrained_fields(), scion_constrained),
      entry("lionmuon", "LionMuon",
            "every P-th step W <- W - eta s(m, n) msign(U), else W <- W - eta sign_rate sign(U)",
            optimizers::lionmuon_fields(), lionmuon),
      entry("asgo", "ASGO", "W <- W - eta s(m, n) V^(-1/2) M, V the average of G G^T; AdamW on the rest",
            optimizers::asgo_fields(), asgo),
      entry("shampoo", "Shampoo",
            "W <- W - eta L^(-1/4) M R^(-1/4) at AdamW's RMS, L, R the averages of G G^T, G^T G; AdamW on the rest",
            optimizers::shampoo_fields(), shampoo),
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
