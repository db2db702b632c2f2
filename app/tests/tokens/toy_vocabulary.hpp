// SPDX-License-Identifier: Apache-2.0
// A small byte-pair encoding and texts that try everything pre-tokenization has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/tokens/train_vocabulary.hpp"

namespace normdescent {

/// Random words of letters of several scripts, digits, blanks, contractions and broken UTF-8.
inline std::string random_text(std::uint64_t seed, int pieces) {
  static const std::vector<std::string> kPieces{"the",
                                                "theme",
                                                "then",
                                                " ",
                                                "  ",
                                                "\n",
                                                "\n\n",
                                                "\t",
                                                "'s",
                                                "'ll",
                                                "don't",
                                                "3",
                                                "1415",
                                                "\u00e9t\u00e9",
                                                "\u4e2d\u6587",
                                                "\U0001F642",
                                                "\u00a0",
                                                "\u3000",
                                                "\u00bd",
                                                "_-_",
                                                "...",
                                                "<|endoftext|>",
                                                "'",
                                                "s",
                                                "re",
                                                "\u3002",
                                                "\u043f\u0440\u0438",
                                                "\xff",
                                                "\xe4\xb8",
                                                std::string(72, 'a'),
                                                std::string(1, '\0')};
  Philox random(seed);
  std::string text;
  for (int i = 0; i < pieces; ++i) text += kPieces[random.below(kPieces.size())];
  return text;
}

inline Vocabulary toy_vocabulary() {
  const std::string text = random_text(7, 4000);
  const std::vector<std::string_view> texts{text};
  return train_vocabulary(texts, {.size = 320, .name = "toy", .on_progress = {}});
}

}  // namespace normdescent
