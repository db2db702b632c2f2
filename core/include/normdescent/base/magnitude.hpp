// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace normdescent {

/// max_i |x_i|; 0 for an empty range; infinity or NaN if there is one, NaN before infinity. One vectorized read of x on
/// one thread: magnitudes compare like the integers of their bits, with infinity above all numbers and NaN above
/// infinity.
[[nodiscard]] float largest_magnitude(std::span<const float> x);
[[nodiscard]] double largest_magnitude(std::span<const double> x);

}  // namespace normdescent
