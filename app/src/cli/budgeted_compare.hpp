// SPDX-License-Identifier: Apache-2.0
// compare for a fraction of a run: what the policy knows, weighed against small copies of the run.
#pragma once

#include <optional>
#include <string>

#include "normdescent/compare/compare.hpp"
#include "normdescent/train/run_folder.hpp"
#include "problem_task.hpp"
#include "session.hpp"

namespace normdescent::cli {

/// Runs that a text allows: "0.25", "0.25 run", "3 runs"; empty for "all", the full race. UserError for others.
[[nodiscard]] std::optional<double> parse_budget(const std::string& text);

/// Races within `budget` runs, prints the choice or its JSON, and writes result.json; returns an exit code.
int run_budgeted_compare(double budget, const ProblemTask& task, const CompareOptions& options, const RunFolder& folder,
                         bool json, Session& session);

}  // namespace normdescent::cli
