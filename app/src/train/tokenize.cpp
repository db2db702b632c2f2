// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/tokenize.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/data/text_files.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/mapped_file.hpp"
#include "normdescent/tokens/pretokens.hpp"
#include "normdescent/tokens/shard.hpp"
#include "normdescent/tokens/train_vocabulary.hpp"

namespace normdescent {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSliceBytes = std::size_t{64} << 20U;
constexpr std::size_t kLearnBytes = std::size_t{256} << 20U;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

bool is_text(const MappedFile& file) {
  const auto bytes = file.bytes();
  return !bytes.empty() && !looks_binary({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

struct Documents {
  std::string source;
  std::vector<fs::path> paths;  ///< text only, in order
  std::uint64_t bytes = 0;
};

Documents find_documents(const fs::path& data) {
  const fs::path root = data.empty() ? fs::path(kSystemHeaders) : data;
  Documents documents{.source = root.string(), .paths = {}};
  std::vector<fs::path> candidates{root};
  std::error_code error;
  if (!fs::exists(root, error)) {
    throw UserError("'" + root.string() + "' does not exist", "give a file or a folder of text");
  }
  if (fs::is_directory(root, error)) {
    candidates.clear();
    const FileFilter all = [](const fs::path&) { return true; };
    for (const auto& name : list_text_files(root, data.empty() ? FileFilter(is_header_file) : all)) {
      candidates.push_back(root / name);
    }
  }
  for (const auto& path : candidates) {
    const MappedFile file(path);
    if (!is_text(file)) continue;
    documents.bytes += file.bytes().size();
    documents.paths.push_back(path);
  }
  if (documents.paths.empty()) {
    throw UserError("there is no text in '" + root.string() + "'", "give a file or a folder of text");
  }
  return documents;
}

/// Where the validation part of a document begins: 0 for a validation file, its size for a training file, a safe cut
/// for the document that the last tenth of a few files' bytes begins in.
std::size_t validation_begin(const Documents& documents, std::size_t index, std::uint64_t bytes_before,
                             std::string_view text) {
  if (documents.paths.size() >= kFilesPerValidationFile) return is_validation_file(index) ? 0 : text.size();
  const std::uint64_t cut = documents.bytes - documents.bytes / 10;
  if (cut <= bytes_before) return 0;
  if (cut - bytes_before >= text.size()) return text.size();
  return safe_cut(text, cut - bytes_before);
}

}  // namespace

TokenManifest tokenize(const Encoder& encoder, const TokenizeOptions& options, const fs::path& out,
                       const std::stop_token& stop) {
  const Vocabulary& vocabulary = encoder.vocabulary();
  if (vocabulary.size() > kMaxShardToken + 1) {
    throw UserError("the tokenizer '" + vocabulary.name() + "' has " + std::to_string(vocabulary.size()) +
                        " tokens, a shard holds at most 65536",
                    "gpt2 has 50257");
  }
  const Documents documents = find_documents(options.data);
  ShardWriter training(out, "train", options.tokens_per_shard);
  ShardWriter validation(out, "val", options.tokens_per_shard);
  const auto encode = [&](std::string_view text, ShardWriter& shards) {
    if (text.empty()) return;
    if (const auto end_of_text = vocabulary.end_of_text()) shards.append({&*end_of_text, 1});
    for (std::size_t begin = 0; begin < text.size() && !stop.stop_requested();) {
      const std::size_t end = safe_cut(text, begin + kSliceBytes);
      shards.append(encoder.encode(text.substr(begin, end - begin), options.threads));
      begin = end;
    }
  };

  std::uint64_t done = 0;
  for (std::size_t i = 0; i < documents.paths.size() && !stop.stop_requested(); ++i) {
    const MappedFile file(documents.paths[i]);
    const std::string_view text = text_of(file);
    const std::size_t cut = validation_begin(documents, i, done, text);
    encode(text.substr(0, cut), training);
    encode(text.substr(cut), validation);
    done += text.size();
    if (options.on_progress) options.on_progress(static_cast<double>(done) / static_cast<double>(documents.bytes));
  }
  training.finish();
  validation.finish();

  TokenManifest manifest{.source = documents.source,
                         .tokenizer = vocabulary.name(),
                         .hash = vocabulary.hash(),
                         .vocabulary = static_cast<Index>(vocabulary.size()),
                         .documents = static_cast<std::int64_t>(documents.paths.size()),
                         .bytes = static_cast<std::int64_t>(done),
                         .training_tokens = training.tokens(),
                         .validation_tokens = validation.tokens()};
  if (stop.stop_requested()) return manifest;
  write_vocabulary(out / "tokenizer.tiktoken", vocabulary);
  write_text_atomically(out / "tokens.json", manifest.to_json());
  return manifest;
}

Vocabulary learn_vocabulary(const fs::path& data, Token size, const std::function<void(double)>& on_progress) {
  const Documents documents = find_documents(data);
  const double share = std::min(1.0, static_cast<double>(kLearnBytes) / static_cast<double>(documents.bytes));
  std::vector<MappedFile> files;
  std::vector<std::string_view> texts;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < documents.paths.size(); ++i) {
    files.emplace_back(documents.paths[i]);
    const std::string_view text = text_of(files.back());
    const std::string_view part = text.substr(0, validation_begin(documents, i, before, text));
    texts.push_back(part.substr(0, safe_cut(part, static_cast<std::size_t>(share * static_cast<double>(part.size())))));
    before += text.size();
  }
  return train_vocabulary(texts, {.size = size, .name = "bpe-" + std::to_string(size), .on_progress = on_progress});
}

}  // namespace normdescent
