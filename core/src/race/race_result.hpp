// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "normdescent/race/race.hpp"

namespace normdescent {

/// A contestant's runs in order, what its search has chosen, its seconds a step and memory; no statistics yet.
[[nodiscard]] ContestantResult contestant_result(const Contestant& contestant, std::span<const RunRecord> records,
                                                 const RaceOptions& options);

/// Fills in everything that follows from the runs: stuck marks, means, speed-ups over reference and baselines, winner.
void complete_result(RaceResult& result, std::span<const std::string> baselines);

}  // namespace normdescent
