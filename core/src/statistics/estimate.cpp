// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/estimate.hpp"

#include <cmath>

namespace normdescent {

double c4(std::int64_t count) {
  if (count < 2) return 0.0;
  // std::lgamma stores the sign in a global variable: a data race between runs that measure noise at the same time.
  int sign = 0;
  const double k = static_cast<double>(count);
  return std::sqrt(2.0 / (k - 1.0)) * std::exp(::lgamma_r(0.5 * k, &sign) - ::lgamma_r(0.5 * (k - 1.0), &sign));
}

}  // namespace normdescent
