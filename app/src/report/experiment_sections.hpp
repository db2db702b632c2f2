// SPDX-License-Identifier: Apache-2.0
// Sections for the result of a lab experiment: its claim and checks, and its charts as SVG, which need no script.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace normdescent::report {

/// Claim, and every check with its value and what was expected; empty without "checks".
[[nodiscard]] std::string experiment_checks(const nlohmann::json& result);

/// One figure for each of "charts": {"title", "x_label", "y_label", "log_x", "log_y", "series": [{"name", "x", "y",
/// "low", "high"}]}. Points that are not finite (or not positive on a log axis) are left out.
[[nodiscard]] std::string experiment_charts(const nlohmann::json& result);

}  // namespace normdescent::report
