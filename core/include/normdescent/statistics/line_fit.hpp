// SPDX-License-Identifier: Apache-2.0
// Straight lines through points, and power laws as lines in logarithms.
#pragma once

#include <span>

namespace normdescent {

/// Least squares y = intercept + slope x with the 95% interval of the slope (Student t, n - 2 degrees of freedom).
struct LineFit {
  double slope = 0.0;
  double intercept = 0.0;
  double slope_low = 0.0;
  double slope_high = 0.0;
};
/// Throws std::invalid_argument for fewer than three points or lengths that differ.
[[nodiscard]] LineFit fit_line(std::span<const double> x, std::span<const double> y);
/// The same on (log x, log y): the slope is a power law's exponent.
[[nodiscard]] LineFit fit_power(std::span<const double> x, std::span<const double> y);

}  // namespace normdescent
