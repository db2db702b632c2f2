// SPDX-License-Identifier: Apache-2.0
#include "normdescent/io/crc32c.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace normdescent {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The definition: one bit at a time.
std::uint32_t reference(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

TEST(Crc32c, HasThePublishedValues) {
  // RFC 3720, section B.4, and the check value of the catalogue of CRCs.
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0})), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xFF})), 0x62A8AB43U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, AgreesWithTheDefinitionAndChainsAtEveryLength) {
  std::vector<std::byte> bytes(67);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i + 3 * i);
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const auto whole = std::span(bytes).first(n);
    EXPECT_EQ(crc32c(whole), reference(whole)) << n;
    for (std::size_t cut = 0; cut <= n; cut += 5)
      EXPECT_EQ(crc32c(whole.subspan(cut), crc32c(whole.first(cut))), reference(whole)) << n << ' ' << cut;
  }
}

}  // namespace
}  // namespace normdescent
