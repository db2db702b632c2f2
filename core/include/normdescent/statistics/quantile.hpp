// SPDX-License-Identifier: Apache-2.0
// Order statistics.
#pragma once

#include <span>
#include <vector>

namespace normdescent {

/// The middle value, or the mean of the two in the middle; NaN if there are none, or one is NaN. O(n).
[[nodiscard]] double median(std::vector<double> values);

/// Linear between order statistics, `share` in [0, 1] (0.5: the median); NaN if there are none, one is NaN, or `share`
/// is outside. Values may be infinite: a run that never arrived.
[[nodiscard]] double quantile(std::span<const double> values, double share);

}  // namespace normdescent
