// SPDX-License-Identifier: Apache-2.0
// The scoreboard as files: for programs, for people, and as the table that the library ships.
#pragma once

#include <span>
#include <string>

#include "normdescent/scoreboard/judge.hpp"

namespace normdescent {

/// One JSON object: what judge_scoreboard found, every number of it. NaN is null.
[[nodiscard]] std::string scoreboard_json(const ScoreboardResult& result, std::span<const ProblemRecord> records);

/// Markdown: predictors, calibration, learning rates, budgets, a row for each problem. `command` and `date` say where
/// it comes from.
[[nodiscard]] std::string scoreboard_markdown(const ScoreboardResult& result, std::span<const ProblemRecord> records,
                                              const std::string& command, const std::string& date);

/// The C++ source of shipped_examples(): src/predict/shipped_examples.cpp.
[[nodiscard]] std::string examples_source(std::span<const Example> examples);

}  // namespace normdescent
