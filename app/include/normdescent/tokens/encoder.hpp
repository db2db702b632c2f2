// SPDX-License-Identifier: Apache-2.0
// Text to tokens and back.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

/// Encodes with one vocabulary. Immutable and shared between threads.
class Encoder {
 public:
  explicit Encoder(Vocabulary vocabulary);
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  [[nodiscard]] const Vocabulary& vocabulary() const;

  /// The tokens of `text`: each pre-token is cut into bytes, then the earliest merge that applies anywhere is done, at
  /// its leftmost place, until none applies. Any bytes are text; "<|endoftext|>" in it is ordinary text. The result
  /// does not depend on `threads`. Cost O(n) for words seen before, O(k log k) for a pre-token of k bytes.
  [[nodiscard]] std::vector<Token> encode(std::string_view text, int threads = 1) const;

  /// The bytes of the tokens, one after the other: decode(encode(text)) == text for every text.
  /// Throws std::out_of_range for an id that is not in the vocabulary.
  [[nodiscard]] std::string decode(std::span<const Token> tokens) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The definition, for tests and for reading: merges by looking at every pair again after every merge. O(k^2) a
/// pre-token.
[[nodiscard]] std::vector<Token> encode_reference(const Vocabulary& vocabulary, std::string_view text);

}  // namespace normdescent
