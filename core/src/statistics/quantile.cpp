// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/quantile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace normdescent {

namespace {

// NaN has no place in an order: sorting with it is undefined, and may read outside of the array.
template <class Values>
bool has_order(const Values& values) {
  return !values.empty() && std::ranges::none_of(values, [](double value) { return std::isnan(value); });
}

}  // namespace

double median(std::vector<double> values) {
  if (!has_order(values)) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

double quantile(std::span<const double> values, double share) {
  if (!has_order(values) || !(share >= 0.0 && share <= 1.0)) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double rest = place - static_cast<double>(below);
  if (rest == 0.0) return sorted[below];  // its neighbour may be infinite
  return sorted[below] + rest * (sorted[below + 1] - sorted[below]);
}

}  // namespace normdescent
