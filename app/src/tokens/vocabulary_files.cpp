// SPDX-License-Identifier: Apache-2.0
// The file formats of byte-pair encodings, told apart by their content.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base64.hpp"
#include "byte_alphabet.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/json_count.hpp"
#include "normdescent/io/json_depth.hpp"
#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;
using tokens::from_base64;
using tokens::from_byte_alphabet;

/// The largest tokenizers in use have 20 MB.
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{256} << 20U;
constexpr const char* kFormats = "known are tiktoken's ranks, GPT-2's vocab.bpe and byte-level tokenizer.json files";

[[noreturn]] void refuse(const std::string& name, const std::string& defect) {
  throw UserError("'" + name + "' is not a tokenizer: " + defect, kFormats);
}

std::string_view trimmed_line(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

/// Calls use(line, number) for every line, numbered from 1.
template <class Use>
void for_each_line(std::string_view text, const Use& use) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    use(trimmed_line(text.substr(0, end)), number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string in_line(std::size_t number, const std::string& what) {
  return "line " + std::to_string(number) + ": " + what;
}

/// Token bytes by rank, filled in any order; every rank below the number of tokens must come once.
class Ranks {
 public:
  void add(std::string_view base64, std::uint64_t rank, const std::string& name, const std::string& where) {
    if (rank >= kMaxVocabulary) refuse(name, where + "rank " + std::to_string(rank) + " is too large");
    auto bytes = from_base64(base64);
    if (!bytes || bytes->empty()) refuse(name, where + "token is not base64");
    // Ranks may come in any order, but a file of n lines must not make room for more than a few times n.
    if (rank > 2 * (count_ + kSlack)) refuse(name, where + "rank " + std::to_string(rank) + " leaves a gap");
    if (tokens_.size() <= rank) tokens_.resize(rank + 1);
    if (!tokens_[rank].empty()) refuse(name, where + "rank " + std::to_string(rank) + " comes twice");
    tokens_[rank] = *std::move(bytes);
    ++count_;
  }
  [[nodiscard]] std::vector<std::string> take(const std::string& name) {
    if (count_ != tokens_.size()) refuse(name, "ranks leave a gap");
    return std::move(tokens_);
  }

 private:
  static constexpr std::uint64_t kSlack = 4096;
  std::vector<std::string> tokens_;
  std::uint64_t count_ = 0;
};

Vocabulary parse_ranks(std::string_view text, const std::string& name) {
  Ranks ranks;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.empty()) return;
    const std::size_t gap = line.find(' ');
    std::uint64_t rank = 0;
    const std::string_view digits = gap == std::string_view::npos ? "" : line.substr(gap + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
      refuse(name, in_line(number, "expected '<base64> <rank>'"));
    }
    ranks.add(line.substr(0, gap), rank, name, in_line(number, ""));
  });
  return Vocabulary::of_ranks(name, ranks.take(name), true);
}

/// Pairs of spelled tokens to merges; `id_of` knows the tokens so far.
struct SpelledMerges {
  std::vector<std::string> tokens;
  std::unordered_map<std::string, Token> ids;
  std::vector<Merge> merges;

  Token id(std::string_view spelled, const std::string& name, const std::string& where) const {
    const auto bytes = from_byte_alphabet(spelled);
    const auto known = bytes ? ids.find(*bytes) : ids.end();
    if (known == ids.end()) refuse(name, where + "'" + std::string(spelled.substr(0, 40)) + "' is not a token");
    return known->second;
  }
};

std::pair<std::string_view, std::string_view> split_merge(std::string_view line, const std::string& name,
                                                          const std::string& where) {
  const std::size_t gap = line.find(' ');
  if (gap == std::string_view::npos || gap == 0 || gap + 1 == line.size()) {
    refuse(name, where + "expected two tokens and a blank between them");
  }
  return {line.substr(0, gap), line.substr(gap + 1)};
}

/// vocab.bpe: ids are GPT-2's: the bytes, then one token a merge, then the end of text.
Vocabulary parse_merges(std::string_view text, const std::string& name) {
  SpelledMerges all;
  for (const char byte : tokens::bytes_in_gpt2_order()) {
    all.ids.emplace(std::string(1, byte), static_cast<Token>(all.tokens.size()));
    all.tokens.emplace_back(1, byte);
  }
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.empty() || line.starts_with("#version")) return;
    const auto where = in_line(number, "");
    const auto [left, right] = split_merge(line, name, where);
    const auto merged = static_cast<Token>(all.tokens.size());
    const Merge merge{all.id(left, name, where), all.id(right, name, where), merged, merged};
    std::string bytes = all.tokens[merge.left] + all.tokens[merge.right];
    if (!all.ids.emplace(bytes, merged).second) refuse(name, where + "makes a token that exists");
    all.tokens.push_back(std::move(bytes));
    all.merges.push_back(merge);
  });
  const auto end_of_text = static_cast<Token>(all.tokens.size());
  all.tokens.emplace_back(kEndOfText);
  return Vocabulary::of_merges(name, std::move(all.tokens), std::move(all.merges), end_of_text);
}

Vocabulary parse_tokenizer_json(const Json& json, const std::string& name) {
  const Json& model = json.at("model");
  if (model.value("type", "BPE") != "BPE") refuse(name, "model.type is not BPE");
  const Json& vocab = model.at("vocab");
  SpelledMerges all;
  std::size_t size = vocab.size();
  if (json.contains("added_tokens")) size += json.at("added_tokens").size();
  if (size > kMaxVocabulary) refuse(name, "too many tokens");
  all.tokens.resize(size);
  const auto place = [&](Token id, std::string bytes) {
    if (id >= all.tokens.size()) refuse(name, "token ids leave a gap before " + std::to_string(id));
    if (!all.tokens[id].empty() && all.tokens[id] != bytes)
      refuse(name, "token id " + std::to_string(id) + " comes twice");
    all.tokens[id] = std::move(bytes);
  };
  std::optional<Token> end_of_text;
  if (json.contains("added_tokens")) {
    for (const Json& added : json.at("added_tokens")) {
      const auto id = json_count<Token>(added.at("id"), "a token id");
      const auto content = added.at("content").get<std::string>();
      place(id, content);
      if (content == kEndOfText) end_of_text = id;
    }
  }
  for (const auto& [spelled, id] : vocab.items()) {
    const auto token = json_count<Token>(id, "a token id");
    if (token < all.tokens.size() && all.tokens[token] == spelled) continue;  // an added token
    const auto bytes = from_byte_alphabet(spelled);
    if (!bytes) refuse(name, "'" + spelled.substr(0, 40) + "' is not spelled in GPT-2's byte alphabet");
    place(token, *bytes);
    all.ids.emplace(*bytes, token);
  }
  while (!all.tokens.empty() && all.tokens.back().empty()) all.tokens.pop_back();
  Token rank = 0;
  for (const Json& entry : model.at("merges")) {
    const std::string where = "merge " + std::to_string(rank) + ": ";
    std::string left;
    std::string right;
    if (entry.is_array() && entry.size() == 2) {  // newer files
      left = entry[0].get<std::string>();
      right = entry[1].get<std::string>();
    } else {
      const auto line = entry.get<std::string>();
      std::tie(left, right) = split_merge(line, name, where);
    }
    Merge merge{all.id(left, name, where), all.id(right, name, where), 0, rank};
    const auto merged = all.ids.find(all.tokens[merge.left] + all.tokens[merge.right]);
    if (merged == all.ids.end()) refuse(name, where + "the merged token has no id");
    merge.merged = merged->second;
    all.merges.push_back(merge);
    ++rank;
  }
  return Vocabulary::of_merges(name, std::move(all.tokens), std::move(all.merges), end_of_text);
}

}  // namespace

Vocabulary parse_vocabulary(std::string_view text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  try {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) refuse(name, "it is empty");
    if (text[first] == '{') {
      if (json_nests_too_deep(text)) refuse(name, "the JSON nests too deep");
      const Json json = Json::parse(text);
      if (json.contains("model")) return parse_tokenizer_json(json, name);
      refuse(name, "the JSON has no 'model'");
    }
    // Ranks end in a number, merges in a token.
    const std::string_view line = trimmed_line(text.substr(first, text.find('\n', first) - first));
    const bool has_ranks = line.size() > 2 && line.find(' ') != std::string_view::npos && line.back() >= '0' &&
                           line.back() <= '9' && from_base64(line.substr(0, line.find(' ')));
    return has_ranks ? parse_ranks(text, name) : parse_merges(text, name);
  } catch (const Json::exception& error) {
    refuse(name, error.what());
  } catch (const std::invalid_argument& error) {
    refuse(name, error.what());
  }
}

std::filesystem::path vocabulary_file(const std::filesystem::path& path) {
  std::error_code unknown;
  if (!std::filesystem::is_directory(path, unknown)) return path;
  for (const char* name : {"tokenizer.json", "vocab.bpe", "merges.txt", "tokenizer.tiktoken"}) {
    if (std::filesystem::exists(path / name, unknown)) return path / name;
  }
  throw UserError("'" + path.string() + "' holds no tokenizer: neither tokenizer.json nor vocab.bpe, merges.txt or tokenizer.tiktoken",
                  "name a folder of Hugging Face's, or the file");
}

namespace {

/// The list of ids beside a list of merges: those that follow from the merges are GPT-2's, others are another model's.
void require_ids(const Vocabulary& vocabulary, const std::filesystem::path& path) {
  const std::string text = read_text(path);
  if (json_nests_too_deep(text)) refuse(path.string(), "the JSON nests too deep");
  const Json ids = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!ids.is_object()) refuse(path.string(), "it is not a JSON object");
  for (const auto& [spelled, id] : ids.items()) {
    const auto bytes = spelled == kEndOfText ? std::optional(spelled) : from_byte_alphabet(spelled);
    const bool is_known = bytes && id.is_number_unsigned() && id.get<std::uint64_t>() < vocabulary.size();
    if (is_known && vocabulary.bytes(static_cast<Token>(id.get<std::uint64_t>())) == *bytes) continue;
    throw UserError("'" + path.string() + "' numbers its tokens in another way than GPT-2: '" + spelled.substr(0, 40) + "'",
                    "its tokenizer.json says what vocab.json and merges.txt do not; "
                    "AutoTokenizer.from_pretrained(X).save_pretrained(X) of transformers writes it");
  }
}

}  // namespace

Vocabulary read_vocabulary(const std::filesystem::path& path) {
  const auto file = vocabulary_file(path);
  std::error_code unknown;
  if (const auto bytes = std::filesystem::file_size(file, unknown); !unknown && bytes > kMaxFileBytes) {
    refuse(file.string(), "it has " + std::to_string(bytes) + " bytes");
  }
  Vocabulary vocabulary = parse_vocabulary(read_text(file), file.string());
  if (file.filename() == "vocab.bpe" || file.filename() == "merges.txt") {
    for (const char* name : {"encoder.json", "vocab.json"}) {
      if (std::filesystem::exists(file.parent_path() / name, unknown)) require_ids(vocabulary, file.parent_path() / name);
    }
  }
  return vocabulary;
}

void write_vocabulary(const std::filesystem::path& path, const Vocabulary& vocabulary) {
  std::string text;
  for (Token token = 0; token < vocabulary.size(); ++token) {
    if (token == vocabulary.end_of_text()) continue;
    text += tokens::to_base64(vocabulary.bytes(token)) + " " + std::to_string(token) + "\n";
  }
  write_text_atomically(path, text);
}

}  // namespace normdescent
