// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 for 16 counters at a time. g++ and clang do not find the 32 x 32 -> 64 bit product of vector lanes by
// themselves (they emit three products and shifts, 4x slower), so this one loop is written with intrinsics.
#pragma once

#include <cstdint>

namespace normdescent::lab {

/// Words of `groups` groups from group `group`, by the best code for this machine.
void philox_groups(std::uint64_t key, std::uint64_t stream, std::uint64_t group, std::uint64_t groups,
                   std::uint32_t* out);

}  // namespace normdescent::lab
