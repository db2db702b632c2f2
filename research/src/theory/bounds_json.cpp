// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/bounds_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <variant>

namespace normdescent {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// null for what a double cannot hold: its log10 stands beside it.
OrderedJson number(double value) { return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr); }

OrderedJson bound_json(const Bound& bound) {
  return {{"samples", number(bound.value)},
          {"log10_samples", number(bound.log10_value)},
          {"source", bound.source},
          {"constants_are_ours", bound.constants_are_ours}};
}

OrderedJson upper_json(const Tuning& tuning) {
  OrderedJson json = {{"steps", number(tuning.run.steps)},
                      {"batch", number(tuning.run.batch)},
                      {"samples", number(tuning.samples)},
                      {"source", tuning.bound.source},
                      {"constants_are_ours", tuning.bound.constants_are_ours},
                      {"log10_samples", number(tuning.log10_samples)},
                      {"learning_rate", number(tuning.run.learning_rate)},
                      {"guaranteed", number(tuning.bound.value)}};
  if (const auto* average = std::get_if<ExponentialAverage>(&tuning.estimator)) json["beta"] = 1 - average->averaging;
  if (const auto* average = std::get_if<LionAverage>(&tuning.estimator)) {
    json["beta1"] = 1 - average->averaging1;
    json["beta2"] = 1 - average->averaging2;
  }
  return json;
}

}  // namespace

std::string to_json(const BoundsQuery& query, const BoundsReport& report) {
  OrderedJson json = {{"method", report.method},
                      {"stationarity", report.stationarity},
                      {"epsilon", query.epsilon},
                      {"upper", report.upper ? upper_json(*report.upper) : OrderedJson(nullptr)},
                      {"lower", report.lower ? bound_json(*report.lower) : OrderedJson(nullptr)},
                      {"wider_lower", OrderedJson::array()},
                      {"assumptions", OrderedJson::array()},
                      {"flags", OrderedJson::array()}};
  if (!report.upper_missing.empty()) json["upper_missing"] = report.upper_missing;
  if (!report.lower_missing.empty()) json["lower_missing"] = report.lower_missing;
  for (const auto& bound : report.wider_lower) json["wider_lower"].push_back(bound_json(bound));
  for (const auto& [tag, statement, checked] : report.assumptions)
    json["assumptions"].push_back({{"tag", tag}, {"statement", statement}, {"checked", checked}});
  for (const auto& [kind, threshold, text] : report.flags)
    json["flags"].push_back({{"kind", to_string(kind)}, {"threshold", number(threshold)}, {"text", text}});
  if (report.speedup_over_sgd)
    json["speedup_over_sgd"] = {{"deterministic", report.speedup_over_sgd->deterministic},
                                {"noise", report.speedup_over_sgd->noise},
                                {"at_epsilon", report.speedup_at_epsilon}};
  return json.dump();
}

}  // namespace normdescent
