// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "normdescent/probe/report.hpp"

namespace normdescent::scoreboard_detail {

/// The reverse of ProbeReport::to_json, for all that predictions are made of.
[[nodiscard]] ProbeReport probe_from_json(const nlohmann::json& json);

/// The number at `key`; `missing` where it is null or not there.
[[nodiscard]] double number_at(const nlohmann::json& json, const char* key, double missing = 0.0);

}  // namespace normdescent::scoreboard_detail
