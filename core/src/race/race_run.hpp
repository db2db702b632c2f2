// SPDX-License-Identifier: Apache-2.0
// One run of a race, as a function of (contestant, rate, seed) and nothing else.
#pragma once

#include <cstdint>
#include <stop_token>

#include "normdescent/race/race.hpp"

namespace normdescent {

/// What to run.
struct RaceRun {
  double learning_rate = 0.0;
  std::uint64_t seed = 0;  ///< of the initial values; the examples' stream is derived from it
  bool is_final = false;
  bool measures_noise = false;  ///< noise density at options.noise_points points of the curve
};

[[nodiscard]] RunRecord run_in_race(const Problem& problem, const Contestant& contestant, const RaceRun& run,
                                    const RaceOptions& options, const std::stop_token& stop);

}  // namespace normdescent
