// SPDX-License-Identifier: Apache-2.0
// The optimizers themselves over a share of the steps: what momentum-free pilots cannot tell.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "normdescent/compare/evidence.hpp"

namespace normdescent {

struct ShortRace {
  std::vector<ShortRun> runs;  ///< in the order of the contestants
  bool was_stopped = false;
};

/// A ladder of rates over options.ladder_steps(), one seed each; then two rates over options.short_steps(), half a
/// decade apart around what the ladder's best rate becomes at that length. The better of the two is the short run.
[[nodiscard]] ShortRace run_short_race(const Problem& problem, std::span<const Contestant> contestants,
                                       const EvidenceOptions& options, const EvidenceProgress& progress,
                                       const std::stop_token& stop);

/// The contestants at the rates where pilots of their geometry ended; the others as they are.
[[nodiscard]] std::vector<Contestant> centred_by_pilots(std::span<const Contestant> contestants,
                                                        const ProbeReport& probe);

/// The best rate of a run of `to` steps, from that of a run of `from` steps: rate (to / from)^-a.
[[nodiscard]] double rate_at_length(const Contestant& contestant, double rate, std::int64_t from, std::int64_t to);

[[nodiscard]] Contestant with_rate(const Contestant& contestant, double rate);

}  // namespace normdescent
