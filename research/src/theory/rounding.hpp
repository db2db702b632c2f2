// SPDX-License-Identifier: Apache-2.0
// Whole step and batch counts from real formulas.
#pragma once

#include <algorithm>
#include <cmath>

#include "magnitude.hpp"

namespace normdescent::theory {

/// The next whole number, at least 1. The relative guard keeps a quotient that is whole up to round-off from going one
/// further; it is worth 1e-12 of the bound.
[[nodiscard]] inline double whole_up(double value) { return std::max(1.0, std::ceil(value * (1.0 - 1e-12))); }

constexpr double kExactDoubles = 0x1p53;

/// The same where it still changes anything; beyond 2^53 a count is its magnitude.
[[nodiscard]] inline Magnitude whole_up(Magnitude count) {
  return count.value() < kExactDoubles ? Magnitude(whole_up(count.value())) : count;
}

/// A whole magnitude as a whole double: exp(log n) alone may be the neighbour below n.
[[nodiscard]] inline double whole_value(Magnitude whole) {
  return whole.value() < kExactDoubles ? std::round(whole.value()) : whole.value();
}

}  // namespace normdescent::theory
