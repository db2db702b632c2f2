// SPDX-License-Identifier: Apache-2.0
// What the operating system says about memory.
#pragma once

#include <cstdint>
#include <optional>

namespace normdescent {

/// Bytes that can be allocated without swapping (MemAvailable); empty where the system does not say.
[[nodiscard]] std::optional<std::uint64_t> available_memory();
/// Bytes of memory that this process occupies now (VmRSS); empty where the system does not say.
[[nodiscard]] std::optional<std::uint64_t> resident_memory();
/// Most bytes of memory that this process has occupied so far (VmHWM); empty where the system does not say.
[[nodiscard]] std::optional<std::uint64_t> peak_memory();

}  // namespace normdescent
