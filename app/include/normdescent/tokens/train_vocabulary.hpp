// SPDX-License-Identifier: Apache-2.0
// Learning a byte-pair encoding from text.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

struct TrainVocabularyOptions {
  Token size = 4096;  ///< ids in all, end-of-text included; in [257, 65536]
  std::string name = "bpe";
  /// Called with the share of merges done, now and then.
  std::function<void(double)> on_progress;
};

/// Starts from the 256 bytes and adds, again and again, the most frequent pair of neighbouring tokens within GPT-2's
/// pre-tokens; the pair with the smaller (left, right) wins among equals, so the result depends on the text alone. No
/// token has more than kMaxTokenBytes. Ends early when no pair occurs twice. Source: Sennrich, Haddow & Birch 2016, Algorithm 1, on bytes.
/// Cost O(n log n) for n bytes of distinct words, whatever their lengths; memory about 16 n bytes.
/// Throws std::invalid_argument for a size outside its domain, std::length_error for 4 GiB of distinct words.
[[nodiscard]] Vocabulary train_vocabulary(std::span<const std::string_view> texts,
                                          const TrainVocabularyOptions& options = {});

}  // namespace normdescent
