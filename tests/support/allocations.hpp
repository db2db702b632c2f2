// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace normdescent::test {

/// How often this process has called operator new. Linking allocations.cpp makes it count.
long allocation_count();

}  // namespace normdescent::test
