// SPDX-License-Identifier: Apache-2.0
// Text to a folder of token shards: the engine of the `tokenize` command.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>

#include "normdescent/data/token_corpus.hpp"
#include "normdescent/tokens/encoder.hpp"

namespace normdescent {

struct TokenizeOptions {
  std::filesystem::path data;  ///< file or folder of text; empty: the headers of this machine
  std::int64_t tokens_per_shard = 100'000'000;
  int threads = 1;
  /// Called with the share of bytes done.
  std::function<void(double)> on_progress;
};

/// Writes train_NNNNNN.bin, val_NNNNNN.bin, tokenizer.tiktoken and tokens.json into the existing folder `out`.
///
/// A file is a document; each begins with the end-of-text token, if the vocabulary has one. Files, order and held-out
/// part as load_corpus, but cut between words where one ends within 64 KiB, and without its cap: files may be larger
/// than memory. Encoded in slices of 64 MiB at cuts that leave the tokens as they would be in one piece. Memory: a few
/// slices and one shard. Throws UserError as load_corpus, for text without a part to hold out, for a vocabulary above
/// 65536, and when a file cannot be written or changes while it is read; stops between slices, leaving complete shards
/// without tokens.json, and returns what was done.
TokenManifest tokenize(const Encoder& encoder, const TokenizeOptions& options, const std::filesystem::path& out,
                       const std::stop_token& stop = {});

/// Learns a vocabulary of `size` tokens from the training part of the same files. Text above 256 MiB is sampled: the
/// first bytes of every file in equal shares.
[[nodiscard]] Vocabulary learn_vocabulary(const std::filesystem::path& data, Token size,
                                          const std::function<void(double)>& on_progress = {});

}  // namespace normdescent
