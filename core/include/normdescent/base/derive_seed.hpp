// SPDX-License-Identifier: Apache-2.0
// One seed for a job, and a seed of its own for each use of randomness inside it.
#pragma once

#include <cstdint>

#include "normdescent/base/philox.hpp"

namespace normdescent {

/// What a derived seed is for. The numbers are part of what makes results repeatable: append, never renumber.
enum class Purpose : std::uint32_t {
  probe = 1,       ///< the point and the examples that are measured
  pilot = 2,       ///< the probe's short runs
  short_run = 3,   ///< small copies of a run, with a schedule of their own
  search_run = 4,  ///< full-length runs that look for a learning rate
  final_run = 5,   ///< runs that are compared; no other purpose shares their seeds
  noise = 6,       ///< examples of measurements along a run
  examples = 7,    ///< order of the training examples
  decision = 8,    ///< draws from what is believed
};

/// A function of (seed, purpose, index) and nothing else; below 2^32, because NumPy's generators take no more.
[[nodiscard]] inline std::uint64_t derive_seed(std::uint64_t seed, Purpose purpose, std::uint64_t index = 0) {
  return philox4x32(seed, index, static_cast<std::uint64_t>(purpose))[0];
}

}  // namespace normdescent
