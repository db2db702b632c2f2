// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "normdescent/race/race.hpp"

namespace normdescent {

/// Fills everything that follows from the records: means, errors, stuck runs, speed-ups, winner.
/// Expects names, chosen rates, search and final records and was_stopped.
void complete_result(RaceResult& result);

}  // namespace normdescent
