// SPDX-License-Identifier: Apache-2.0
// Order statistics.
#pragma once

#include <vector>

namespace normdescent {

/// The middle value, or the mean of the two in the middle; NaN if there are none. O(n).
[[nodiscard]] double median(std::vector<double> values);

}  // namespace normdescent
