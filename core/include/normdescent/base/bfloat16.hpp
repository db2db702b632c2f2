// SPDX-License-Identifier: Apache-2.0
// bfloat16: the upper half of a float32 (8 bits of significand, the range of float). A storage type: arithmetic happens
// in float.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace normdescent {

struct Bfloat16 {
  std::uint16_t bits = 0;
  friend bool operator==(const Bfloat16&, const Bfloat16&) = default;
};

/// Largest relative error of rounding a normal number to nearest: half a unit in the last of 8 bits.
inline constexpr double kBfloat16Rounding = 0x1p-8;

/// Exact.
[[nodiscard]] constexpr float to_float(Bfloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16U);
}

/// Round to nearest even. NaN becomes a quiet NaN: adding to its bits could turn it into a number.
[[nodiscard]] constexpr Bfloat16 to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  return {static_cast<std::uint16_t>(is_nan ? 0x7FC0U : rounded)};
}

/// to[i] = to_bfloat16(from[i]), vectorized, on one thread. The arrays must not overlap.
void round_to_nearest(std::span<const float> from, Bfloat16* to);
/// to[i] = to_float(from[i]), likewise.
void widen(std::span<const Bfloat16> from, float* to);

}  // namespace normdescent
