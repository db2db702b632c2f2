// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "normdescent/base/magnitude.hpp"
#include "normdescent/rules/executors.hpp"

namespace normdescent::rules {

bool all_finite(std::span<const float> x) { return std::isfinite(largest_magnitude(x)); }

bool all_finite(std::span<const double> x) { return std::isfinite(largest_magnitude(x)); }

}  // namespace normdescent::rules
