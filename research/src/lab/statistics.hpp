// SPDX-License-Identifier: Apache-2.0
// The few statistics that experiments need.
#pragma once

#include <cstdint>
#include <span>

namespace normdescent::lab {

struct MeanEstimate {
  double mean = 0.0;
  double standard_error = 0.0;  ///< of the mean; 0 for a single value
};
[[nodiscard]] MeanEstimate mean_of(std::span<const double> values);

/// Linear interpolation between order statistics, q in [0, 1].
[[nodiscard]] double quantile(std::span<const double> values, double q);

/// Least squares y = intercept + slope x with the 95 % interval of the slope (Student t, n - 2 degrees of freedom).
struct LineFit {
  double slope = 0.0;
  double intercept = 0.0;
  double slope_low = 0.0;
  double slope_high = 0.0;
};
/// At least three points.
[[nodiscard]] LineFit fit_line(std::span<const double> x, std::span<const double> y);
/// The same on (log x, log y): the slope is a power law's exponent.
[[nodiscard]] LineFit fit_power(std::span<const double> x, std::span<const double> y);

/// Steps until the running mean (1/n) sum_{t < n} sums[t] / runs is at most `threshold`, where sums[t] is a quantity at
/// step t summed over `runs` trajectories; infinity if that is never so.
[[nodiscard]] double steps_until_mean(std::span<const double> sums, int runs, double threshold);

/// P(Bin(trials, probability) > count), summed in logarithms.
[[nodiscard]] double binomial_tail(std::int64_t trials, double probability, std::int64_t count);

}  // namespace normdescent::lab
