// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/bfloat16.hpp"

#include <cstddef>

#include "normdescent/base/multiversion.hpp"

namespace normdescent {
namespace {

NORMDESCENT_MULTIVERSION void round_all(const float* __restrict from, Bfloat16* __restrict to, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = to_bfloat16(from[i]);
}

NORMDESCENT_MULTIVERSION void widen_all(const Bfloat16* __restrict from, float* __restrict to, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = to_float(from[i]);
}

}  // namespace

void round_to_nearest(std::span<const float> from, Bfloat16* to) { round_all(from.data(), to, from.size()); }
void widen(std::span<const Bfloat16> from, float* to) { widen_all(from.data(), to, from.size()); }

}  // namespace normdescent
