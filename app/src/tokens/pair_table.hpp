// SPDX-License-Identifier: Apache-2.0
// Looks up what a pair of neighbouring tokens merges into: the innermost loop of encoding.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent::tokens {

/// Rank of a pair that does not merge.
inline constexpr Token kNoMerge = ~Token{0};

/// Open addressing at most half full: one probe for most pairs.
class PairTable {
 public:
  struct Entry {
    std::uint64_t pair = kEmpty;
    Token merged = 0;
    Token rank = kNoMerge;
  };

  explicit PairTable(const std::vector<Merge>& merges)
      : entries_(std::bit_ceil(2 * merges.size() + 2)), shift_(64 - std::countr_zero(entries_.size())) {
    for (const Merge& merge : merges) {
      Entry& entry = entries_[slot(merge.left, merge.right)];
      // A pair listed twice keeps its lowest rank; merges come by rank.
      if (entry.pair == kEmpty) entry = {key(merge.left, merge.right), merge.merged, merge.rank};
    }
  }

  /// The entry of the pair; its rank is kNoMerge if the two do not merge.
  [[nodiscard]] const Entry& find(Token left, Token right) const { return entries_[slot(left, right)]; }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  static std::uint64_t key(Token left, Token right) { return (std::uint64_t{left} << 32U) | right; }

  [[nodiscard]] std::size_t slot(Token left, Token right) const {
    const std::uint64_t wanted = key(left, right);
    const std::size_t mask = entries_.size() - 1;
    auto i = static_cast<std::size_t>((wanted * 0x9E3779B97F4A7C15U) >> static_cast<unsigned>(shift_));
    while (entries_[i].pair != wanted && entries_[i].pair != kEmpty) i = (i + 1) & mask;
    return i;
  }

  std::vector<Entry> entries_;
  int shift_;
};

}  // namespace normdescent::tokens
