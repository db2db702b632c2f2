// SPDX-License-Identifier: Apache-2.0
// Sections that show measurements: each a place for a chart (report.js fills it by its id) and the same numbers as a
// table for those who cannot see or run it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace normdescent::report {

[[nodiscard]] std::string loss_curves(const nlohmann::json& result);
[[nodiscard]] std::string rate_sensitivity(const nlohmann::json& result);
[[nodiscard]] std::string noise_density(const nlohmann::json& result);
[[nodiscard]] std::string geometry(const nlohmann::json& result);

}  // namespace normdescent::report
