// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace normdescent {

/// Writes all bytes to a file descriptor, over short writes and interruptions. 0, or the errno of the failure.
[[nodiscard]] int write_all(int descriptor, std::span<const std::byte> bytes);

}  // namespace normdescent
