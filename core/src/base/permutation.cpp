// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/permutation.hpp"

#include <bit>

#include "normdescent/base/philox.hpp"

namespace normdescent {

std::uint64_t permuted(std::uint64_t index, std::uint64_t n, std::uint64_t seed, std::uint64_t stream) {
  if (n <= 1) return 0;
  // Halves of equal width, so that the network is the same function in both directions.
  const auto half = static_cast<unsigned>((std::bit_width(n - 1) + 1) / 2);
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  constexpr std::uint64_t kRounds = 6;  // four are enough for large n; small n need more to mix
  do {
    std::uint64_t left = index >> half;
    std::uint64_t right = index & mask;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const auto word = philox4x32(seed, right << 3U | round, stream);
      const std::uint64_t next = left ^ (((std::uint64_t{word[1]} << 32U) | word[0]) & mask);
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= n);
  return index;
}

}  // namespace normdescent
