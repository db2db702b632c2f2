// SPDX-License-Identifier: Apache-2.0
// Small matrices transposed in registers, in the vector extensions that g++ and clang share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace normdescent {

/// to(i, j) = from(j, i) for 4 x 4 entries of 4 bytes each (a float, two Bfloat16); rows are so many bytes apart.
inline void transpose_4x4(const void* from, std::ptrdiff_t from_row, void* to, std::ptrdiff_t to_row) {
  using Four = std::int32_t __attribute__((vector_size(16)));
  const auto read = [&](int row) {
    Four x;
    std::memcpy(&x, static_cast<const std::byte*>(from) + row * from_row, sizeof x);
    return x;
  };
  const auto write = [&](int row, Four x) { std::memcpy(static_cast<std::byte*>(to) + row * to_row, &x, sizeof x); };
  const Four a = read(0);
  const Four b = read(1);
  const Four c = read(2);
  const Four d = read(3);
  const Four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  write(0, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  write(1, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  write(2, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  write(3, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

}  // namespace normdescent
