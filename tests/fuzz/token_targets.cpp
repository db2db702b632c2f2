// SPDX-License-Identifier: Apache-2.0
// Token shards and tokenizer files.
#include <algorithm>

#include "fuzz/scratch.hpp"
#include "fuzz/target.hpp"
#include "normdescent/data/token_corpus.hpp"
#include "normdescent/tokens/encoder.hpp"
#include "normdescent/tokens/pretokens.hpp"
#include "normdescent/tokens/shard.hpp"
#include "normdescent/tokens/token_source.hpp"
#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent::fuzz {

/// A token shard, opened and read through.
void read_shard(std::string_view input) {
  let_read({{"tokens.bin", input}}, [](const std::filesystem::path& folder) {
    const auto source = open_shards({folder / "tokens.bin"});
    std::vector<std::int64_t> tokens(static_cast<std::size_t>(source->size()));
    source->copy(0, tokens);
    if (std::ranges::any_of(tokens, [](std::int64_t token) { return token < 0 || token > kMaxShardToken; }))
      found("a token outside of its range");
  });
}

/// A folder of shards: tokens.json, then a training shard, then a validation shard.
void read_token_folder(std::string_view input) {
  const auto manifest = take_part(input);
  const auto training = take_part(input);
  let_read({{"tokens.json", manifest}, {"train_000000.bin", training}, {"val_000000.bin", input}},
           [](const std::filesystem::path& folder) {
             const auto corpus = open_token_folder(folder);
             if (corpus->vocabulary < 1) found("a vocabulary without tokens");
             corpus->require_window(8);
           });
}

/// Tokenizer files of every format (told apart by content): the tokenizer that comes out encodes the file itself, whole
/// or in two parts.
void read_tokenizer(std::string_view input) {
  constexpr std::size_t kTextBytes = 2000;
  allow_user_error([&] {
    const Encoder encoder(parse_vocabulary(input, "input"));
    const std::string_view text = input.substr(0, kTextBytes);
    const auto whole = encoder.encode(text);
    if (encoder.decode(whole) != text) found("decode(encode(text)) is another text");
    const std::size_t cut = safe_cut(text, text.size() / 2);
    auto parts = encoder.encode(text.substr(0, cut));
    const auto rest = encoder.encode(text.substr(cut));
    parts.insert(parts.end(), rest.begin(), rest.end());
    if (parts != whole) found("text encoded in two parts has other tokens");
  });
}

}  // namespace normdescent::fuzz
