// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving_point.hpp"
#include "normdescent/probe/pilot.hpp"

namespace normdescent::probe_detail {

/// run_pilot for a caller that keeps the start already: one copy of the parameters less. The parameters end where the
/// best run did.
[[nodiscard]] PilotRun run_pilot_from(MovingPoint& start, Objective& objective, const PilotKind& kind,
                                      const PilotOptions& options, BatchSource batches, const Batch& judge,
                                      const std::stop_token& stop);

}  // namespace normdescent::probe_detail
