// SPDX-License-Identifier: Apache-2.0
// The tokens of words seen before. Most of a text is a few thousand words, so most pre-tokens are found here.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent::tokens {

/// Direct-mapped: a word may push out another, memory is fixed (1 MiB, within a core's second-level cache).
class WordCache {
 public:
  static constexpr std::size_t kMaxWord = 24;
  static constexpr std::size_t kMaxTokens = 8;

  struct alignas(64) Entry {
    std::array<std::uint64_t, 3> word{};  ///< padded with zeros
    std::array<Token, kMaxTokens> tokens{};
    std::uint8_t length = 0;  ///< of the word; 0: unused
    std::uint8_t count = 0;   ///< of the tokens
  };

  WordCache() : entries_(std::size_t{1} << kBits) {}

  /// The entry where `word` (1 to kMaxWord bytes) is or belongs. `found` says whether it is there; if not, the entry
  /// has been emptied and given the word, and the caller fills in the tokens.
  Entry& find(std::string_view word, bool& found) {
    std::array<std::uint64_t, 3> key{};
    std::memcpy(key.data(), word.data(), word.size());
    std::uint64_t hash = (key[0] ^ word.size()) * 0x9E3779B97F4A7C15U;
    hash = (hash ^ (hash >> 29U) ^ key[1]) * 0xBF58476D1CE4E5B9U;
    hash = (hash ^ (hash >> 32U) ^ key[2]) * 0x94D049BB133111EBU;
    Entry& entry = entries_[static_cast<std::size_t>(hash >> (64U - kBits))];
    found = entry.length == word.size() && entry.word == key;
    if (!found) {
      entry.word = key;
      entry.length = static_cast<std::uint8_t>(word.size());
      entry.count = 0;
    }
    return entry;
  }

 private:
  static constexpr unsigned kBits = 14;
  std::vector<Entry> entries_;
};

}  // namespace normdescent::tokens
