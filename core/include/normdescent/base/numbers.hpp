// SPDX-License-Identifier: Apache-2.0
// The two doubles that stand for what is no number.
#pragma once

#include <limits>

namespace normdescent {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();  ///< Not measured, or not defined.
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace normdescent
