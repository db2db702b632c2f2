// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/hash.hpp"

#include <algorithm>
#include <cstring>

namespace normdescent {

std::uint64_t hash_bytes(std::span<const std::uint8_t> bytes, std::uint64_t hash) {
  constexpr std::uint64_t kPrime = 0x100000001B3U;
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
    mix(word);
  }
  mix(bytes.size());
  return hash;
}

std::string hash_text(std::uint64_t hash) {
  std::string digits(16, '0');
  for (std::size_t i = 0; i < 16; ++i) digits[15 - i] = "0123456789abcdef"[(hash >> (4 * i)) & 15U];
  return digits;
}

}  // namespace normdescent
