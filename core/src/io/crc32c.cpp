// SPDX-License-Identifier: Apache-2.0
// Eight bytes at a time from eight tables ("slicing by 8", Kounavis and Berry 2005).
#include "normdescent/io/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace normdescent {

namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;  // x^32 + x^28 + ... + 1 with its bits reversed
constexpr std::size_t kSlice = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlice>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kSlice; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
  static_assert(std::endian::native == std::endian::little);
  std::uint32_t state = ~crc;
  for (; bytes.size() >= kSlice; bytes = bytes.subspan(kSlice)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), kSlice);
    word ^= state;
    state = 0;
    for (std::size_t k = 0; k < kSlice; ++k) state ^= kTables[kSlice - 1 - k][(word >> (8 * k)) & 0xFFU];
  }
  for (const std::byte byte : bytes)
    state = (state >> 8U) ^ kTables[0][(state ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU];
  return ~state;
}

}  // namespace normdescent
