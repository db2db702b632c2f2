// SPDX-License-Identifier: Apache-2.0
// Bulk counter-based random numbers: the function of base/philox.hpp, many counters at a time. A number is a pure
// function of (seed, stream, position), so results depend neither on threads nor on the instruction set nor on how a
// range is cut into calls.
//
// Layout: a group is 16 counters and gives 64 words; word 64 g + 16 j + i is word j of counter 16 g + i. Positions
// count words and start at multiples of 64 (kRandomGroup); any length may be asked for.
#pragma once

#include <cstdint>
#include <span>

namespace normdescent::lab {

inline constexpr std::uint64_t kRandomGroup = 64;

/// The numbers of one purpose: key = seed, high counter = stream.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;

  /// An independent stream for each pair of small integers (distinct for all purposes < 2^24, indices < 2^40).
  [[nodiscard]] static constexpr RandomStream of(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index) {
    return {seed, (purpose << 40U) | index};
  }
};

/// Words `position` .. of the stream. Throws std::invalid_argument if position is no multiple of kRandomGroup (so do
/// all below).
void fill_words(RandomStream stream, std::uint64_t position, std::span<std::uint32_t> out);

/// Uniform in the open interval (0, 1): (word + 1/2) 2^-32, exact in double.
void fill_uniform(RandomStream stream, std::uint64_t position, std::span<double> out);

/// Standard normals, one word each: Box-Muller on the word pairs (0, 1) and (2, 3) of a counter. The radius has 40
/// uniform bits (8 of them from the angle's word), the angle 24, so that tails reach 7.5 sigma and P(|z| > 6) is right
/// to a fraction of a per cent; each value is within kNormalRelativeError of the exact Box-Muller of the same bits,
/// relative to the radius.
void fill_normal(RandomStream stream, std::uint64_t position, std::span<float> out);

/// The transform of fill_normal alone: whole groups of words (a multiple of 64) to as many normals.
void normals_from_words(std::span<const std::uint32_t> words, std::span<float> out);

inline constexpr double kNormalRelativeError = 4e-7;  ///< measured 2.4e-7 over 2^24 values and all extreme words

}  // namespace normdescent::lab
