// SPDX-License-Identifier: Apache-2.0
// Values that a series takes again and again: exact zeros of sparse gradients, points of a lattice.
#pragma once

#include <cstddef>
#include <vector>

namespace normdescent {

/// A value repeats if it is more than this share of its series and there more than kRepeats times: in bfloat16, which
/// has 128 values an octave, some values of 64 samples meet by chance.
inline constexpr double kRepeatedShare = 1.0 / 16.0;
inline constexpr std::size_t kRepeats = 3;

/// The values that repeat, ascending. No value of `values` is NaN.
[[nodiscard]] std::vector<double> repeated_values(std::vector<double> values);

}  // namespace normdescent
