// SPDX-License-Identifier: Apache-2.0
// An experiment confirms or refutes a claim of the theory: it runs trajectories, writes down rows, and checks them
// against expected values. It knows nothing of files and terminals; results go out as JSON, CSV and charts.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace normdescent::lab {

/// One statement that can fail. `expected` is the demand in words and numbers: ">= 0.1 (theory L1)".
struct Check {
  std::string name;
  bool passed = false;
  double value = 0.0;
  std::string expected;
};

[[nodiscard]] Check check_at_least(std::string name, double value, double bound);
[[nodiscard]] Check check_at_most(std::string name, double value, double bound);
/// low <= value <= high; NaN fails, as above.
[[nodiscard]] Check check_between(std::string name, double value, double low, double high);
[[nodiscard]] Check check_near(std::string name, double value, double expected, double tolerance);

using Field = std::variant<std::int64_t, double, std::string>;
/// Named fields in the order of the table's columns.
using Row = std::vector<std::pair<std::string, Field>>;

/// A curve of a chart; `low` and `high` (empty, or as long as x) draw a band.
struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> low;
  std::vector<double> high;
};
struct Chart {
  std::string title;
  std::string x_label;
  std::string y_label;
  bool log_x = false;
  bool log_y = false;
  std::vector<Series> series;
};

struct ExperimentResult {
  std::string name;
  std::string claim;
  Row parameters;
  std::vector<Row> rows;
  std::vector<Check> checks;
  std::vector<Chart> charts;

  [[nodiscard]] bool passed() const;
};

struct ExperimentOptions {
  double scale = 1.0;      ///< multiplies the work (trajectories, range); 1 takes at most a minute on two cores
  std::uint64_t seed = 1;  ///< rows depend on it and not on `threads`
  int threads = 1;
};

struct ExperimentInfo {
  std::string name;
  std::string claim;  ///< one sentence, with the tags of docs/theory
  std::function<ExperimentResult(const ExperimentOptions&)> run;
};

/// All experiments, in the order of docs/lab.
[[nodiscard]] std::span<const ExperimentInfo> experiment_catalog();
/// nullptr if there is none of that name.
[[nodiscard]] const ExperimentInfo* find_experiment(std::string_view name);
/// Runs one. Throws std::invalid_argument for an unknown name (with the nearest one), scale outside [0.01, 1000] or
/// threads < 1.
[[nodiscard]] ExperimentResult run_experiment(std::string_view name, const ExperimentOptions& options);

/// {"experiment", "parameters", "rows", "checks": [{"name", "passed", "value", "expected"}], "claim", "charts"}.
/// Numbers that are not finite become null.
[[nodiscard]] std::string to_json(const ExperimentResult& result);
/// Header line and one line a row (the union of the rows' columns, in order of appearance). RFC 4180.
[[nodiscard]] std::string to_csv(const ExperimentResult& result);

}  // namespace normdescent::lab
