// SPDX-License-Identifier: Apache-2.0
// Rounding to bfloat16 up or down by chance, so that the mean is the number itself: steps far below half a unit of the
// last place add up, where rounding to nearest would lose every one of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "normdescent/base/bfloat16.hpp"

namespace normdescent {

/// The neighbour of x towards zero or, with probability (distance to it) / (distance of the neighbours), the one away
/// from zero: E = x exactly for uniform `bits`. Numbers of bfloat16 stay, NaN becomes a quiet NaN, finite numbers stay
/// finite (beyond the largest bfloat16 they become that).
[[nodiscard]] constexpr Bfloat16 round_stochastically(float x, std::uint16_t bits) {
  const auto pattern = std::bit_cast<std::uint32_t>(x);
  constexpr std::uint32_t kInfinite = 0x7F800000U;
  constexpr std::uint32_t kMagnitude = 0x7FFFFFFFU;
  const std::uint32_t rounded = pattern + bits;
  const bool is_too_large = (rounded & kMagnitude) >= kInfinite;  // and infinity itself
  const bool is_nan = (pattern & kMagnitude) > kInfinite;
  return {static_cast<std::uint16_t>(is_nan ? 0x7FC0U : (is_too_large ? pattern : rounded) >> 16U)};
}

/// The stream of a tensor of that name: its bits do not depend on what other tensors there are.
[[nodiscard]] std::uint64_t rounding_stream(const std::string& name);

/// The 16 bits for entry i of a tensor: a hash of i and of the first words of Philox with key `seed`, high counter
/// `stream`, low counter step 2^40 + i / 2^32.
[[nodiscard]] std::uint16_t rounding_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t step,
                                          std::uint64_t i);

/// rounding_bits of consecutive entries that share a key: as many as StochasticRounding::entries_from says.
class RoundingBits {
 public:
  RoundingBits() = default;
  /// Of entry k after the first. The upper half of a finalizer of two multiplications with full avalanche (Wellons'
  /// lowbias32), keyed twice so that two keys are not two places in one sequence. An eighth of a Philox draw an entry
  /// takes longer than the rest of an optimizer's step.
  constexpr std::uint16_t operator()(std::uint32_t k) const {
    std::uint32_t h = k + first_;
    h = (h ^ (h >> 16U)) * 0x7FEB352DU;
    h = (h ^ (h >> 15U) ^ second_) * 0x846CA68BU;
    return static_cast<std::uint16_t>(h >> 16U);
  }

 private:
  friend class StochasticRounding;
  constexpr RoundingBits(std::uint32_t first, std::uint32_t second) : first_(first), second_(second) {}

  std::uint32_t first_ = 0;  // entry + first word of the key
  std::uint32_t second_ = 0;
};

/// The same for many entries on one thread, a piece in the cache at a time: the Philox words are drawn once.
class StochasticRounding {
 public:
  StochasticRounding() = default;
  /// `entry`: where it will begin.
  StochasticRounding(std::uint64_t seed, std::uint64_t stream, std::uint64_t step, std::uint64_t entry = 0);

  /// out[k] = x[k] rounded as entry first + k.
  void round(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t first);

  /// Good for entries_from(first) entries.
  [[nodiscard]] RoundingBits bits_from(std::uint64_t first);
  [[nodiscard]] static constexpr std::uint64_t entries_from(std::uint64_t first) { return kEntries - first % kEntries; }

 private:
  static constexpr std::uint64_t kEntries = std::uint64_t{1} << 32U;  // that share a key

  void set_key_for(std::uint64_t entry);

  std::uint64_t seed_ = 0;
  std::uint64_t stream_ = 0;
  std::uint64_t step_ = 0;
  std::uint64_t key_block_ = 0;
  std::uint32_t first_word_ = 0;
  std::uint32_t second_word_ = 0;
};

/// out[i] = x[i] rounded stochastically; `out` has the size of x. The bits are a pure function of (seed, stream, step,
/// i), whatever the number of threads: rounding_bits.
void round_stochastically(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t seed, std::uint64_t stream,
                          std::uint64_t step);

}  // namespace normdescent
