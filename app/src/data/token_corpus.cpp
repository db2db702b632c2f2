// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/token_corpus.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/json_count.hpp"
#include "normdescent/io/json_depth.hpp"
#include "normdescent/tokens/shard.hpp"
#include "normdescent/tokens/shard_scan.hpp"

namespace normdescent {

namespace fs = std::filesystem;

namespace {

constexpr const char* kManifest = "tokens.json";
constexpr Index kGptTwoVocabulary = 50257;

std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<fs::path> shards_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".bin") paths.push_back(entry.path());
  }
  if (error) throw UserError("cannot list '" + folder.string() + "': " + error.message());
  std::ranges::sort(paths);
  return paths;
}

/// Whether a part of the name says so: "fineweb_val_000000.bin", not "medieval_000000.bin". Parts are runs of letters.
bool is_validation_shard(const std::string& name) {
  static constexpr std::array<std::string_view, 4> kWords{"val", "valid", "validation", "eval"};
  std::string part;
  for (const char c : name + ".") {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    if (is_letter) {
      part += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    if (std::ranges::find(kWords, part) != kWords.end()) return true;
    part.clear();
  }
  return false;
}

TokenManifest read_manifest(const fs::path& path) {
  const std::string text = read_text(path);
  if (json_nests_too_deep(text))
    throw UserError("'" + path.string() + "' is damaged: it nests too deep", "run tokenize again");
  try {
    const auto json = nlohmann::json::parse(text);
    TokenManifest manifest{
        .source = bytes_of_utf8_text(json.at("source").get<std::string>()),
        .tokenizer = bytes_of_utf8_text(json.at("tokenizer").get<std::string>()),
        .hash = json.at("hash").get<std::string>(),
        .vocabulary = json_count<Index>(json.at("vocabulary"), "vocabulary"),
        .documents = json_count<std::int64_t>(json.at("documents"), "documents"),
        .bytes = json_count<std::int64_t>(json.at("bytes"), "bytes"),
        .training_tokens = json_count<std::int64_t>(json.at("training_tokens"), "training_tokens"),
        .validation_tokens = json_count<std::int64_t>(json.at("validation_tokens"), "validation_tokens")};
    if (manifest.vocabulary < 1 || manifest.vocabulary > Index{kMaxShardToken} + 1) {
      throw UserError("'" + path.string() + "': vocabulary = " + std::to_string(manifest.vocabulary) +
                      ", must be in [1, 65536]");
    }
    return manifest;
  } catch (const nlohmann::json::exception& error) {
    throw UserError("'" + path.string() + "' is damaged: " + error.what(), "run tokenize again");
  }
}

}  // namespace

void TokenCorpus::require_window(Index context) const {
  const auto check = [&](const char* part, std::uint64_t tokens) {
    if (tokens > static_cast<std::uint64_t>(context)) return;
    throw UserError("'" + info.source + "' is too short: its " + part + " part has " + std::to_string(tokens) +
                        (tokenizer == "bytes" ? " bytes" : " tokens") + ", one window of the model needs " +
                        std::to_string(context + 1),
                    "give more text (a tenth of it is held out for validation) or a smaller context");
  };
  check("training", training->size());
  check("validation", validation->size());
}

std::shared_ptr<const TokenCorpus> byte_tokens(std::shared_ptr<const Corpus> corpus) {
  return std::make_shared<const TokenCorpus>(TokenCorpus{.training = make_byte_source(corpus->training(), corpus),
                                                         .validation = make_byte_source(corpus->validation(), corpus),
                                                         .info = corpus->info()});
}

std::shared_ptr<const TokenCorpus> encode_corpus(const Corpus& corpus, const Encoder& encoder, int threads) {
  const Vocabulary& vocabulary = encoder.vocabulary();
  if (vocabulary.size() > kMaxShardToken + 1) {
    throw UserError("the tokenizer '" + vocabulary.name() + "' has " + std::to_string(vocabulary.size()) +
                        " tokens, at most 65536 are supported",
                    "gpt2 has 50257");
  }
  return std::make_shared<const TokenCorpus>(
      TokenCorpus{.training = make_token_source(encoder.encode(as_text(corpus.training()), threads)),
                  .validation = make_token_source(encoder.encode(as_text(corpus.validation()), threads)),
                  .vocabulary = static_cast<Index>(vocabulary.size()),
                  .tokenizer = vocabulary.name(),
                  .tokenizer_hash = vocabulary.hash(),
                  .info = corpus.info()});
}

std::string TokenManifest::to_json() const {
  const nlohmann::ordered_json json = {{"source", utf8_text(source)},
                                       {"tokenizer", utf8_text(tokenizer)},
                                       {"hash", hash},
                                       {"vocabulary", vocabulary},
                                       {"documents", documents},
                                       {"bytes", bytes},
                                       {"training_tokens", training_tokens},
                                       {"validation_tokens", validation_tokens}};
  return json.dump(2) + "\n";
}

bool holds_token_shards(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return !shards_in(path).empty();
  return path.extension() == ".bin";
}

std::shared_ptr<const TokenCorpus> open_token_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw UserError(
        "'" + folder.string() + "' is one shard; training needs a folder with training and validation shards",
        "name the folder that it is in");
  }
  std::vector<fs::path> training;
  std::vector<fs::path> validation;
  for (const auto& path : shards_in(folder)) {
    (is_validation_shard(path.filename().string()) ? validation : training).push_back(path);
  }
  if (training.empty() || validation.empty()) {
    throw UserError("'" + folder.string() + "' has no " + (training.empty() ? "training" : "validation") + " shards",
                    "validation shards have val, valid, validation or eval as a part of their names, as in web_val_000.bin; "
                    "normdescent tokenize makes both");
  }
  TokenCorpus corpus{.training = open_shards(training), .validation = open_shards(validation), .info = {}};
  corpus.info.source = folder.string();
  corpus.info.files = static_cast<std::int64_t>(training.size() + validation.size());
  corpus.info.training_bytes = static_cast<std::int64_t>(corpus.training->size() * sizeof(std::uint16_t));
  corpus.info.validation_bytes = static_cast<std::int64_t>(corpus.validation->size() * sizeof(std::uint16_t));
  corpus.tokenizer = "gpt2";
  corpus.vocabulary = kGptTwoVocabulary;
  if (fs::exists(folder / kManifest, error)) {
    const TokenManifest manifest = read_manifest(folder / kManifest);
    corpus.tokenizer = manifest.tokenizer;
    corpus.tokenizer_hash = manifest.hash;
    corpus.vocabulary = manifest.vocabulary;
    corpus.info.source = manifest.source + " (" + folder.string() + ")";
  }
  // The tokens themselves, not what is said of them: shards that moved are the same data, others of the same size are
  // not.
  const std::uint64_t hash = scan_shards(training, corpus.vocabulary, kHashStart);
  corpus.info.content_hash = hash_text(scan_shards(validation, corpus.vocabulary, hash_bytes({}, hash)));
  return std::make_shared<const TokenCorpus>(std::move(corpus));
}

}  // namespace normdescent
