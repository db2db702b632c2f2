// SPDX-License-Identifier: Apache-2.0
// The sign that sign methods mean.
#pragma once

#include "normdescent/base/multiversion.hpp"

namespace normdescent::rules {

/// sign(x) in {-1, 0, 1}: 0 for +0, -0 and NaN. Not copysign: an exact zero must not become a step, or unused embedding
/// rows and the hard instances of the lab drift (theory X1). Branch-free, so loops over it vectorize.
template <class T>
NORMDESCENT_HOST_DEVICE constexpr T sign(T x) {
  return (x > T(0) ? T(1) : T(0)) - (x < T(0) ? T(1) : T(0));
}

}  // namespace normdescent::rules
