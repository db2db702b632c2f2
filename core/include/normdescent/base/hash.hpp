// SPDX-License-Identifier: Apache-2.0
// Hashes that tell contents apart. They resist no attacker.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace normdescent {

inline constexpr std::uint64_t kHashStart = 0xCBF29CE484222325U;

/// FNV-1a over 64-bit words (the last one padded with zeros), then the length. Chains: hash_bytes(b, hash_bytes(a)).
/// The same on every little-endian machine.
[[nodiscard]] std::uint64_t hash_bytes(std::span<const std::uint8_t> bytes, std::uint64_t hash = kHashStart);

/// 16 hexadecimal digits.
[[nodiscard]] std::string hash_text(std::uint64_t hash);

}  // namespace normdescent
