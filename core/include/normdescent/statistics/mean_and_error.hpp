// SPDX-License-Identifier: Apache-2.0
// Mean and spread of independent repetitions.
#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "normdescent/statistics/estimate.hpp"

namespace normdescent {

/// Mean with its standard error, sqrt(s^2 / n); the error of fewer than two values is 0, not estimated. Where a value
/// is infinite (a run that diverged) so is the mean, and its error NaN.
inline Estimate mean_and_error(std::span<const double> values) {
  Estimate result;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) result.value += v;
  if (!values.empty()) result.value /= n;
  if (values.size() < 2) return result;
  double squares = 0.0;
  for (const double v : values) squares += (v - result.value) * (v - result.value);
  result.standard_error = std::sqrt(squares / (n * (n - 1.0)));
  return result;
}

/// Unbiased, s^2 = sum (x - mean)^2 / (n - 1); NaN for fewer than two values.
inline double sample_variance(std::span<const double> values) {
  if (values.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const double error = mean_and_error(values).standard_error;
  return error * error * static_cast<double>(values.size());
}

}  // namespace normdescent
