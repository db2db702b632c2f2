// SPDX-License-Identifier: Apache-2.0
// What a weight file may say of its model before anybody believes it.
#pragma once

#include "normdescent/base/view.hpp"

namespace normdescent::gpt {

inline constexpr double kLayerNormEpsilon = 1e-5;  // the kernel's (loops.hpp)

// Far above every GPT-2, and small enough that no product of sizes overflows 64 bits.
inline constexpr Index kMaxLayers = 4096;
inline constexpr Index kMaxExtent = Index{1} << 22U;

}  // namespace normdescent::gpt
