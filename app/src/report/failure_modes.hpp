// SPDX-License-Identifier: Apache-2.0
// What went wrong in a race, named: divergence, plateaus, learning rates that work for one seed only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace normdescent::report {

/// A run is on a plateau if it ends more than this fraction above the best final loss of the race ...
inline constexpr double kPlateauGap = 0.10;
/// ... and improved by less than this fraction over the second half of its steps.
inline constexpr double kPlateauProgress = 0.01;
/// Seeds disagree at a learning rate if their final losses spread over more than this fraction of the smallest.
inline constexpr double kSeedSpread = 0.10;

/// One sentence each, as plain text, from the "measured" array of a result.
[[nodiscard]] std::vector<std::string> failure_modes(const nlohmann::json& measured);

}  // namespace normdescent::report
