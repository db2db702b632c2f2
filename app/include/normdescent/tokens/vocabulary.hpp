// SPDX-License-Identifier: Apache-2.0
// What a byte-pair encoding is made of: the bytes of every token and the order of merges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace normdescent {

using Token = std::uint32_t;

inline constexpr std::string_view kEndOfText = "<|endoftext|>";
/// Above this a file is not a tokenizer (the largest in use hold 200,000 tokens).
inline constexpr Token kMaxVocabulary = 1U << 20U;
/// A token longer than this is no token (those in use have a few hundred bytes, runs of blanks); the search for its
/// halves is quadratic in its length.
inline constexpr std::size_t kMaxTokenBytes = 1024;

/// Two neighbours that become one token. Merges of lower rank are done first.
struct Merge {
  Token left = 0;
  Token right = 0;
  Token merged = 0;
  Token rank = 0;
  friend bool operator==(const Merge&, const Merge&) = default;
};

/// An immutable byte-pair encoding (Sennrich et al. 2016, on bytes as in Radford et al. 2019).
class Vocabulary {
 public:
  /// Every byte is a token of its own, no merges, no end-of-text token: 256 tokens.
  [[nodiscard]] static Vocabulary of_bytes();
  /// `tokens[i]` are the bytes of token i; a pair of neighbours merges if its bytes together are a token, whose id
  /// is the rank (the rule of ranked vocabularies, tiktoken's files). `end_of_text` gets the id after the last, if
  /// asked for. Throws std::invalid_argument: a byte without token, a token twice or empty, too many tokens.
  [[nodiscard]] static Vocabulary of_ranks(std::string name, std::vector<std::string> tokens, bool end_of_text);
  /// The same with an explicit list of merges (vocab.bpe, tokenizer.json). `tokens` may hold the end-of-text token's
  /// text at `end_of_text`. Throws in addition for a merge whose parts do not make up `merged`.
  [[nodiscard]] static Vocabulary of_merges(std::string name, std::vector<std::string> tokens,
                                            std::vector<Merge> merges, std::optional<Token> end_of_text);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Number of ids, the end-of-text token included.
  [[nodiscard]] Token size() const { return static_cast<Token>(tokens_.size()); }
  [[nodiscard]] const std::string& bytes(Token token) const { return tokens_[token]; }
  /// By rank.
  [[nodiscard]] const std::vector<Merge>& merges() const { return merges_; }
  /// Token of a single byte.
  [[nodiscard]] Token of_byte(unsigned char byte) const { return byte_tokens_[byte]; }
  [[nodiscard]] std::optional<Token> end_of_text() const { return end_of_text_; }
  /// 16 hexadecimal digits over tokens and merges: shards say with it what they were made with.
  [[nodiscard]] std::string hash() const;

 private:
  Vocabulary(std::string name, std::vector<std::string> tokens, std::optional<Token> end_of_text);

  std::string name_;
  std::vector<std::string> tokens_;
  std::vector<Merge> merges_;
  std::vector<Token> byte_tokens_;
  std::optional<Token> end_of_text_;
};

/// Where the tokenizer is that a path names: the file itself, or tokenizer.json, vocab.bpe, merges.txt or
/// tokenizer.tiktoken in a folder (of Hugging Face, of `tokenize`). UserError for a folder with none of them.
[[nodiscard]] std::filesystem::path vocabulary_file(const std::filesystem::path& path);
/// Reads a tokenizer by its content: tiktoken's ranks ("<base64> <rank>" lines), GPT-2's vocab.bpe / merges.txt (whose
/// ids must be those of an encoder.json or vocab.json beside it), or a byte-level tokenizer.json of Hugging Face; a
/// folder by the file in it. UserError naming file and line or key for everything else; allocates at most a small
/// multiple of the file's size.
[[nodiscard]] Vocabulary read_vocabulary(const std::filesystem::path& path);
/// The same from text that is already there; `name` is what errors call it.
[[nodiscard]] Vocabulary parse_vocabulary(std::string_view text, const std::string& name);
/// Writes tiktoken's lines; reading them back gives the same encoding if the merges follow from the ranks (those of
/// train_vocabulary and of GPT-2 do). Throws UserError if the file cannot be written.
void write_vocabulary(const std::filesystem::path& path, const Vocabulary& vocabulary);

/// "bytes", "gpt2" (bundled when the build found its merges; UserError with a hint otherwise), or a path.
[[nodiscard]] Vocabulary find_vocabulary(const std::string& name_or_path);

}  // namespace normdescent
