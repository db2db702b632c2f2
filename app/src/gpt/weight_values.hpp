// SPDX-License-Identifier: Apache-2.0
// Numbers of weight files as floats.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent::gpt {

/// IEEE binary16: exact.
[[nodiscard]] constexpr float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0x1FU) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13U));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (fraction << 13U));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;  // subnormal
  return sign == 0 ? magnitude : -magnitude;
}

/// Entry i of an array of dtype "F32", "F16" or "BF16" that need not be aligned.
[[nodiscard]] inline float value_at(std::string_view dtype, const std::byte* bytes, std::size_t i) {
  if (dtype == "F32") {
    float value = 0.0F;
    std::memcpy(&value, bytes + sizeof value * i, sizeof value);
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes + sizeof bits * i, sizeof bits);
  return dtype == "F16" ? half_to_float(bits) : to_float(Bfloat16{bits});
}

/// out (rows, cols) = in (cols, rows)^T
inline void transpose(std::span<const float> in, Index rows, Index cols, std::span<float> out) {
#pragma omp parallel for schedule(static)
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j)
      out[static_cast<std::size_t>(i * cols + j)] = in[static_cast<std::size_t>(j * rows + i)];
  }
}

}  // namespace normdescent::gpt
