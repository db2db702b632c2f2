// SPDX-License-Identifier: Apache-2.0
// Standard errors by leaving out groups of samples.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace normdescent {

/// Groups of observations, of which one at a time is left out.
inline constexpr std::size_t kJackknifeGroups = 8;
inline constexpr std::size_t kNoGroup = ~std::size_t{0};  ///< None is left out.

/// From a statistic's values without each of n equal groups: ((n - 1) / n sum (x - mean)^2)^(1/2).
inline double jackknife_error(std::span<const double> deleted) {
  const auto n = static_cast<double>(deleted.size());
  double mean = 0.0;
  for (const double x : deleted) mean += x / n;
  double spread = 0.0;
  for (const double x : deleted) spread += (x - mean) * (x - mean);
  return std::sqrt(spread * (n - 1.0) / n);
}

}  // namespace normdescent
