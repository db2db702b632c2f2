// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstdint>
#include <limits>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/rules/executors.hpp"

namespace normdescent::rules {
namespace {

// NaN and infinity are the values whose magnitude bits reach those of infinity; integer maxima vectorize in any
// floating-point mode.
template <class Bits, class T>
NORMDESCENT_MULTIVERSION Bits largest_magnitude_bits(const T* x, std::size_t n) {
  constexpr Bits kMagnitude = std::numeric_limits<Bits>::max() >> 1U;
  Bits largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Bits bits = std::bit_cast<Bits>(x[i]) & kMagnitude;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

}  // namespace

bool all_finite(std::span<const float> x) {
  return largest_magnitude_bits<std::uint32_t>(x.data(), x.size()) <
         std::bit_cast<std::uint32_t>(std::numeric_limits<float>::infinity());
}

bool all_finite(std::span<const double> x) {
  return largest_magnitude_bits<std::uint64_t>(x.data(), x.size()) <
         std::bit_cast<std::uint64_t>(std::numeric_limits<double>::infinity());
}

}  // namespace normdescent::rules
