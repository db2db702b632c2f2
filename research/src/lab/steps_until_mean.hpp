// SPDX-License-Identifier: Apache-2.0
// When the running mean of a quantity, averaged over trajectories, has come down to a threshold.
#pragma once

#include <limits>
#include <span>

namespace normdescent::lab {

/// Steps until (1/n) sum_{t < n} sums[t] / runs is at most `threshold`, where sums[t] is a quantity at step t summed
/// over `runs` trajectories; infinity if that is never so.
[[nodiscard]] inline double steps_until_mean(std::span<const double> sums, int runs, double threshold) {
  double sum = 0.0;
  for (std::size_t t = 0; t < sums.size(); ++t) {
    sum += sums[t] / runs;
    if (sum <= threshold * static_cast<double>(t + 1)) return static_cast<double>(t + 1);
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace normdescent::lab
