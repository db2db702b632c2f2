// SPDX-License-Identifier: Apache-2.0
// What operator new has handed out in this process. Linking allocations.cpp makes it count.
#pragma once

#include <cstdint>

namespace normdescent::test {

/// False under the thread sanitizer, whose operator new is the only one: then nothing is counted.
bool counts_allocations();
long allocation_count();
std::int64_t heap_bytes();  ///< in use
std::int64_t heap_peak();   ///< the most in use since reset_heap_peak()
void reset_heap_peak();

}  // namespace normdescent::test
