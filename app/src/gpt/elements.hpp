// SPDX-License-Identifier: Apache-2.0
// What the loops of the kernel do to one element: S is float or Bfloat16, arithmetic is float.
#pragma once

#include <bit>
#include <cstdint>

#include "normdescent/base/bfloat16.hpp"

namespace normdescent::gpt {

inline float load(float x) { return x; }
inline float load(Bfloat16 x) { return to_float(x); }
inline void store(float x, float& to) { to = x; }
inline void store(float x, Bfloat16& to) { to = to_bfloat16(x); }

/// exp(x) by x = n ln 2 + r and the degree-6 Taylor polynomial, |r| <= ln(2)/2: truncation below 1.7e-7 relative, about
/// one rounding. Clamped to [-87, 88], where the result is a normal number. NaN stays NaN.
inline float exponential(float x) {
  constexpr float kRound = 12582912.0F;  // 1.5 2^23: adding it rounds to an integer
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts
  float p = 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  // The low bits of `shifted` hold n in two's complement.
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) + 127U) << 23U;
  return p * std::bit_cast<float>(power);
}

}  // namespace normdescent::gpt
