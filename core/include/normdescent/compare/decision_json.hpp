// SPDX-License-Identifier: Apache-2.0
// A decision as JSON: the keys of result.json that the Python package writes for the same.
#pragma once

#include <string>

#include "normdescent/compare/compare.hpp"
#include "normdescent/race/planned_race.hpp"

namespace normdescent {

/// One JSON document. What does not exist (a speed-up over something that diverged) is null.
[[nodiscard]] std::string decision_json(const PlannedRaceResult& result, const TaskDescription& task,
                                        const PlannerOptions& options);

}  // namespace normdescent
