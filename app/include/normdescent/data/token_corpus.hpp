// SPDX-License-Identifier: Apache-2.0
// What a language model is trained on: training and validation tokens, and where they came from.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "normdescent/base/view.hpp"
#include "normdescent/data/corpus.hpp"
#include "normdescent/tokens/encoder.hpp"
#include "normdescent/tokens/token_source.hpp"

namespace normdescent {

struct TokenCorpus {
  std::shared_ptr<const TokenSource> training;
  std::shared_ptr<const TokenSource> validation;
  Index vocabulary = 256;           ///< every token is below
  std::string tokenizer = "bytes";  ///< its name
  std::string tokenizer_hash{};     ///< Vocabulary::hash; empty: of bytes, or not known
  CorpusInfo info;

  /// Throws UserError unless both parts hold at least one window of `context` tokens and the token after it.
  void require_window(Index context) const;
};

/// Token = byte.
[[nodiscard]] std::shared_ptr<const TokenCorpus> byte_tokens(std::shared_ptr<const Corpus> corpus);
/// Both parts encoded. Throws UserError for a vocabulary above 65536.
[[nodiscard]] std::shared_ptr<const TokenCorpus> encode_corpus(const Corpus& corpus, const Encoder& encoder,
                                                               int threads = 1);

/// What `tokenize` says of a folder of shards, in its tokens.json.
struct TokenManifest {
  std::string source{};     ///< path of the text
  std::string tokenizer{};  ///< name
  std::string hash{};       ///< Vocabulary::hash
  Index vocabulary = 0;
  std::int64_t documents = 0;
  std::int64_t bytes = 0;
  std::int64_t training_tokens = 0;
  std::int64_t validation_tokens = 0;

  [[nodiscard]] std::string to_json() const;
};

/// Whether `path` is a folder with token shards (files *.bin) or one such file.
[[nodiscard]] bool holds_token_shards(const std::filesystem::path& path);
/// Opens the shards of a folder: names with a part val, valid, validation or eval are validation, the others training; a
/// part is a run of letters, so medieval_000.bin is training. Without tokens.json the tokens are taken for GPT-2's
/// (llm.c's files). All are read once: content_hash is that of the tokens. UserError for a missing part, a damaged shard
/// or manifest, a token that the vocabulary does not have.
[[nodiscard]] std::shared_ptr<const TokenCorpus> open_token_folder(const std::filesystem::path& folder);

}  // namespace normdescent
