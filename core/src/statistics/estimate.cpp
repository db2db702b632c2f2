// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/estimate.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

namespace normdescent {

double c4(std::int64_t count) {
  if (count < 2) return 0.0;
  const double nu = static_cast<double>(count) - 1.0;
  // Not std::lgamma, which stores the sign in a global variable: a data race between runs that measure noise at once.
  return std::sqrt(2.0 / nu) / boost::math::tgamma_delta_ratio(0.5 * nu, 0.5);
}

}  // namespace normdescent
