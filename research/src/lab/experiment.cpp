// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/experiment.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "experiments.hpp"
#include "normdescent/base/nearest_name.hpp"

namespace normdescent::lab {

namespace {

using OrderedJson = nlohmann::ordered_json;

/// Shortest text that reads back as the same double.
std::string number(double value) {
  if (std::isnan(value)) return "nan";  // without the sign bit, which differs between machines
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

/// Six digits: demands are read by people.
std::string demand(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 6).ptr;
  return {text.data(), end};
}

OrderedJson finite_or_null(double value) { return std::isfinite(value) ? OrderedJson(value) : OrderedJson(nullptr); }

OrderedJson to_json(const Row& row) {
  OrderedJson out = OrderedJson::object();
  for (const auto& [name, field] : row) {
    if (const auto* real = std::get_if<double>(&field)) {
      out[name] = finite_or_null(*real);
    } else if (const auto* integer = std::get_if<std::int64_t>(&field)) {
      out[name] = *integer;
    } else {
      out[name] = std::get<std::string>(field);
    }
  }
  return out;
}

OrderedJson to_json(const std::vector<double>& values) {
  OrderedJson out = OrderedJson::array();
  for (const double v : values) out.push_back(finite_or_null(v));
  return out;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
  return out;
}

std::string csv_cell(const Field& field) {
  if (const auto* real = std::get_if<double>(&field)) return number(*real);
  if (const auto* integer = std::get_if<std::int64_t>(&field)) return std::to_string(*integer);
  return csv_cell(std::get<std::string>(field));
}

}  // namespace

Check check_at_least(std::string name, double value, double bound) {
  return {std::move(name), value >= bound, value, ">= " + demand(bound)};
}

Check check_at_most(std::string name, double value, double bound) {
  return {std::move(name), value <= bound, value, "<= " + demand(bound)};
}

Check check_between(std::string name, double value, double low, double high) {
  return {std::move(name), value >= low && value <= high, value, "in [" + demand(low) + ", " + demand(high) + "]"};
}

Check check_near(std::string name, double value, double expected, double tolerance) {
  return {std::move(name), std::abs(value - expected) <= tolerance, value,
          demand(expected) + " +- " + demand(tolerance)};
}

bool ExperimentResult::passed() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& c) { return c.passed; });
}

std::span<const ExperimentInfo> experiment_catalog() {
  static const std::vector<ExperimentInfo> catalog = make_experiments();
  return catalog;
}

const ExperimentInfo* find_experiment(std::string_view name) {
  const auto catalog = experiment_catalog();
  const auto found = std::find_if(catalog.begin(), catalog.end(), [&](const auto& info) { return info.name == name; });
  return found == catalog.end() ? nullptr : &*found;
}

ExperimentResult run_experiment(std::string_view name, const ExperimentOptions& options) {
  const ExperimentInfo* info = find_experiment(name);
  if (info == nullptr) {
    std::vector<std::string> names;
    for (const auto& known : experiment_catalog()) names.push_back(known.name);
    const auto nearest = nearest_name(name, names);
    throw std::invalid_argument("experiment = " + std::string(name) + ", must be a name that `lab list` shows" +
                                (nearest ? "; did you mean " + *nearest + "?" : ""));
  }
  if (!(options.scale >= 0.01 && options.scale <= 1000.0)) {
    throw std::invalid_argument("scale = " + number(options.scale) + ", must be in [0.01, 1000]");
  }
  if (options.threads < 1) {
    throw std::invalid_argument("threads = " + std::to_string(options.threads) + ", must be >= 1");
  }
  ExperimentResult result = info->run(options);
  result.name = info->name;
  result.claim = info->claim;
  return result;
}

std::string to_json(const ExperimentResult& result) {
  OrderedJson out;
  out["experiment"] = result.name;
  out["claim"] = result.claim;
  out["parameters"] = to_json(result.parameters);
  out["rows"] = OrderedJson::array();
  for (const auto& row : result.rows) out["rows"].push_back(to_json(row));
  out["checks"] = OrderedJson::array();
  for (const auto& check : result.checks) {
    out["checks"].push_back({{"name", check.name},
                             {"passed", check.passed},
                             {"value", finite_or_null(check.value)},
                             {"expected", check.expected}});
  }
  out["charts"] = OrderedJson::array();
  for (const auto& chart : result.charts) {
    OrderedJson series = OrderedJson::array();
    for (const auto& s : chart.series) {
      OrderedJson one{{"name", s.name}, {"x", to_json(s.x)}, {"y", to_json(s.y)}};
      if (!s.low.empty()) {
        one["low"] = to_json(s.low);
        one["high"] = to_json(s.high);
      }
      series.push_back(std::move(one));
    }
    out["charts"].push_back({{"title", chart.title},
                             {"x_label", chart.x_label},
                             {"y_label", chart.y_label},
                             {"log_x", chart.log_x},
                             {"log_y", chart.log_y},
                             {"series", std::move(series)}});
  }
  return out.dump(2) + "\n";
}

std::string to_csv(const ExperimentResult& result) {
  std::vector<std::string> columns;
  for (const auto& row : result.rows) {
    for (const auto& [name, field] : row) {
      if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
    }
  }
  std::string out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out += ',';
    out += csv_cell(columns[i]);
  }
  out += '\n';
  for (const auto& row : result.rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out += ',';
      const auto found = std::find_if(row.begin(), row.end(), [&](const auto& f) { return f.first == columns[i]; });
      if (found != row.end()) out += csv_cell(found->second);
    }
    out += '\n';
  }
  return out;
}

}  // namespace normdescent::lab
