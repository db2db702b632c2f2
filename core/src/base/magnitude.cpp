// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/magnitude.hpp"

#include <bit>
#include <cstdint>
#include <limits>

#include "normdescent/base/multiversion.hpp"

namespace normdescent {
namespace {

template <class Bits, class T>
NORMDESCENT_MULTIVERSION Bits largest_bits(const T* x, std::size_t n) {
  constexpr Bits kMagnitude = std::numeric_limits<Bits>::max() >> 1U;
  Bits largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Bits bits = std::bit_cast<Bits>(x[i]) & kMagnitude;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

}  // namespace

float largest_magnitude(std::span<const float> x) {
  return std::bit_cast<float>(largest_bits<std::uint32_t>(x.data(), x.size()));
}

double largest_magnitude(std::span<const double> x) {
  return std::bit_cast<double>(largest_bits<std::uint64_t>(x.data(), x.size()));
}

}  // namespace normdescent
