// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/quantile.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace normdescent {

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*std::max_element(values.begin(), middle) + *middle);
}

}  // namespace normdescent
