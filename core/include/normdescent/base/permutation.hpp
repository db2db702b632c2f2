// SPDX-License-Identifier: Apache-2.0
// A random order of n things that needs no memory: position i of the order is computed from i alone.
#pragma once

#include <cstdint>

namespace normdescent {

/// The image of `index` in [0, n) under a pseudo-random permutation of {0, ..., n - 1} chosen by (seed, stream): a
/// Feistel network of Philox rounds on the next power of four, walked until it lands below n (at most four expected
/// rounds of it). n in [1, 2^62], index < n. Source: Luby & Rackoff 1988; cycle walking: Black & Rogaway 2002.
[[nodiscard]] std::uint64_t permuted(std::uint64_t index, std::uint64_t n, std::uint64_t seed, std::uint64_t stream);

}  // namespace normdescent
