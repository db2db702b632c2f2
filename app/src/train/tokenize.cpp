// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/tokenize.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/data/text_files.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/random_access_file.hpp"
#include "normdescent/tokens/pretokens.hpp"
#include "normdescent/tokens/shard.hpp"
#include "normdescent/tokens/train_vocabulary.hpp"

namespace normdescent {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSliceBytes = std::uint64_t{64} << 20U;
constexpr std::uint64_t kLearnBytes = std::uint64_t{256} << 20U;
/// How far behind the wanted place the validation part may begin for the sake of whole words.
constexpr std::uint64_t kWordBytes = std::uint64_t{64} << 10U;
constexpr std::size_t kLongestCharacter = 4;

std::string read_part(const RandomAccessFile& file, std::uint64_t begin, std::uint64_t end) {
  std::string text(end - begin, '\0');
  file.read(begin, std::as_writable_bytes(std::span(text)));
  return text;
}

std::string why_binary(const RandomAccessFile& file) {
  const std::string head = read_part(file, 0, std::min<std::uint64_t>(file.size(), kSniffedBytes));
  return normdescent::why_binary({reinterpret_cast<const std::uint8_t*>(head.data()), head.size()});
}

struct Document {
  fs::path path;
  std::uint64_t bytes = 0;
};

struct Documents {
  std::string source;
  std::vector<Document> list;  ///< text only, in order
  std::uint64_t bytes = 0;
};

[[noreturn]] void refuse_without_text(const fs::path& root, std::size_t skipped, const std::string& first_skipped) {
  throw UserError("there is no text in '" + root.string() + "'" +
                      (skipped == 0 ? "" : " (" + std::to_string(skipped) + " binary files skipped; " + first_skipped + ")"),
                  "give a file or a folder of text");
}

Documents find_documents(const fs::path& data) {
  const fs::path root = data.empty() ? fs::path(kSystemHeaders) : data;
  require_text_path(root);
  Documents documents{.source = root.string(), .list = {}};
  const auto add = [&](const fs::path& path, const RandomAccessFile& file) {
    documents.list.push_back({path, file.size()});
    documents.bytes += file.size();
  };
  if (!fs::is_directory(root)) {
    const RandomAccessFile file(root);
    if (file.size() == 0) throw UserError("'" + root.string() + "' is empty", "give a file or a folder of text");
    if (const std::string why = why_binary(file); !why.empty()) refuse_binary(root, why);
    add(root, file);
    return documents;
  }
  const FileFilter all = [](const fs::path&) { return true; };
  std::size_t skipped = 0;
  std::string first_skipped;
  for (const auto& name : list_text_files(root, data.empty() ? FileFilter(is_header_file) : all)) {
    const RandomAccessFile file(root / name);
    if (file.size() == 0) continue;
    if (const std::string why = why_binary(file); why.empty()) {
      add(root / name, file);
    } else if (skipped++ == 0) {
      first_skipped = name + ": " + why;
    }
  }
  if (documents.list.empty()) refuse_without_text(root, skipped, first_skipped);
  return documents;
}

/// The text of [begin, end) of a document in pieces of about a slice that are encoded as they would be in one.
void for_slices(const RandomAccessFile& file, std::uint64_t begin, std::uint64_t end,
                const std::function<bool(std::string_view)>& use) {
  while (begin < end) {
    // As much as it takes to find a cut: a word may be longer than a slice.
    for (std::uint64_t wanted = kSliceBytes;; wanted *= 2) {
      const std::uint64_t last = std::min(end, begin + wanted + kWordBytes);
      const std::string text = read_part(file, begin, last);
      const std::size_t cut = last == end && text.size() <= wanted ? text.size() : safe_cut(text, wanted);
      // What stands at the end of the piece may be the beginning of a character only.
      if (last < end && cut + kLongestCharacter > text.size()) continue;
      if (!use(std::string_view(text).substr(0, cut))) return;
      begin += cut;
      break;
    }
  }
}

/// Where the validation part of a document begins: 0 for a validation file, its size for a training file; of few files
/// the last tenth of all bytes is held out, from a cut between words on or, where there is none near, between
/// characters.
std::uint64_t validation_begin(const Documents& documents, std::size_t index, std::uint64_t bytes_before,
                               const RandomAccessFile& file) {
  const std::uint64_t size = documents.list[index].bytes;
  if (documents.list.size() >= kFilesPerValidationFile) return is_validation_file(index) ? 0 : size;
  const std::uint64_t cut = documents.bytes - documents.bytes / 10;
  if (cut <= bytes_before) return 0;
  if (cut - bytes_before >= size) return size;
  const std::uint64_t wanted = cut - bytes_before;
  const std::uint64_t begin = wanted - std::min<std::uint64_t>(wanted, kLongestCharacter);  // the character before decides, too
  const std::string near = read_part(file, begin, std::min(size, wanted + kWordBytes));
  const std::size_t word = safe_cut(near, wanted - begin);
  return begin + (word < near.size() ? word : character_begin(near, wanted - begin));
}

/// The file as it was when it was looked for.
RandomAccessFile open_document(const Document& document) {
  RandomAccessFile file(document.path);
  if (file.size() == document.bytes) return file;
  throw UserError("'" + document.path.string() + "' has " + std::to_string(file.size()) + " bytes, a moment ago " +
                      std::to_string(document.bytes),
                  "text must not change while it is read");
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
  if (documents.list.size() < kFilesPerValidationFile && documents.bytes < 10) {
    throw UserError("'" + documents.source + "' is too short: of its " + std::to_string(documents.bytes) +
                        " bytes no tenth can be held out for validation",
                    "give more text");
  }
  ShardWriter training(out, "train", options.tokens_per_shard);
  ShardWriter validation(out, "val", options.tokens_per_shard);
  const auto encode = [&](const RandomAccessFile& file, std::uint64_t begin, std::uint64_t end, ShardWriter& shards) {
    if (begin == end) return;
    if (const auto end_of_text = vocabulary.end_of_text()) shards.append({&*end_of_text, 1});
    for_slices(file, begin, end, [&](std::string_view text) {
      shards.append(encoder.encode(text, options.threads));
      return !stop.stop_requested();
    });
  };

  std::uint64_t done = 0;
  for (std::size_t i = 0; i < documents.list.size() && !stop.stop_requested(); ++i) {
    const RandomAccessFile file = open_document(documents.list[i]);
    const std::uint64_t cut = validation_begin(documents, i, done, file);
    encode(file, 0, cut, training);
    encode(file, cut, file.size(), validation);
    done += file.size();
    if (options.on_progress) options.on_progress(static_cast<double>(done) / static_cast<double>(documents.bytes));
  }
  training.finish();
  validation.finish();

  TokenManifest manifest{.source = documents.source,
                         .tokenizer = vocabulary.name(),
                         .hash = vocabulary.hash(),
                         .vocabulary = static_cast<Index>(vocabulary.size()),
                         .documents = static_cast<std::int64_t>(documents.list.size()),
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
  std::vector<std::string> parts;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < documents.list.size(); ++i) {
    const RandomAccessFile file = open_document(documents.list[i]);
    const std::uint64_t training = validation_begin(documents, i, before, file);
    before += file.size();
    std::string part = read_part(file, 0, static_cast<std::uint64_t>(share * static_cast<double>(training)));
    if (part.size() < training) part.resize(character_begin(part, part.size() - std::min(part.size(), kLongestCharacter)));
    parts.push_back(std::move(part));
  }
  const std::vector<std::string_view> texts(parts.begin(), parts.end());
  return train_vocabulary(texts, {.size = size, .name = "bpe-" + std::to_string(size), .on_progress = on_progress});
}

}  // namespace normdescent
