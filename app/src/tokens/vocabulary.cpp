// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/vocabulary.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "normdescent/base/hash.hpp"

namespace normdescent {
namespace {

constexpr Token kNone = ~Token{0};

std::string at(Token token) { return "token " + std::to_string(token) + ": "; }

}  // namespace

Vocabulary::Vocabulary(std::string name, std::vector<std::string> tokens, std::optional<Token> end_of_text)
    : name_(std::move(name)), tokens_(std::move(tokens)), byte_tokens_(256, kNone), end_of_text_(end_of_text) {
  if (tokens_.size() > kMaxVocabulary) {
    throw std::invalid_argument("tokens = " + std::to_string(tokens_.size()) + ", must be at most " +
                                std::to_string(kMaxVocabulary));
  }
  if (end_of_text_ && *end_of_text_ >= tokens_.size()) {
    throw std::invalid_argument("end_of_text = " + std::to_string(*end_of_text_) + ", must be below " +
                                std::to_string(tokens_.size()));
  }
  for (Token token = 0; token < size(); ++token) {
    const std::string& bytes = tokens_[token];
    if (bytes.empty() || bytes.size() > kMaxTokenBytes) {
      throw std::invalid_argument(at(token) + std::to_string(bytes.size()) + " bytes, must be in [1, " +
                                  std::to_string(kMaxTokenBytes) + "]");
    }
    if (bytes.size() == 1 && token != end_of_text_) byte_tokens_[static_cast<unsigned char>(bytes[0])] = token;
  }
  const auto missing = std::ranges::find(byte_tokens_, kNone);
  if (missing != byte_tokens_.end()) {
    throw std::invalid_argument("no token for the byte " + std::to_string(missing - byte_tokens_.begin()) +
                                ", there must be one for each of the 256");
  }
}

Vocabulary Vocabulary::of_bytes() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  return {"bytes", std::move(tokens), std::nullopt};
}

Vocabulary Vocabulary::of_ranks(std::string name, std::vector<std::string> tokens, bool end_of_text) {
  const auto ranked = static_cast<Token>(tokens.size());
  if (end_of_text) tokens.emplace_back(kEndOfText);
  Vocabulary result(std::move(name), std::move(tokens), end_of_text ? std::optional(ranked) : std::nullopt);

  std::unordered_map<std::string_view, Token> ids;
  ids.reserve(ranked);
  for (Token token = 0; token < ranked; ++token) {
    if (!ids.emplace(result.tokens_[token], token).second) {
      throw std::invalid_argument(at(token) + "the same bytes as token " +
                                  std::to_string(ids.at(result.tokens_[token])));
    }
  }
  for (Token token = 0; token < ranked; ++token) {
    const std::string_view bytes = result.tokens_[token];
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const auto left = ids.find(bytes.substr(0, cut));
      if (left == ids.end()) continue;
      const auto right = ids.find(bytes.substr(cut));
      if (right != ids.end()) result.merges_.push_back({left->second, right->second, token, token});
    }
  }
  return result;
}

Vocabulary Vocabulary::of_merges(std::string name, std::vector<std::string> tokens, std::vector<Merge> merges,
                                 std::optional<Token> end_of_text) {
  Vocabulary result(std::move(name), std::move(tokens), end_of_text);
  for (const Merge& merge : merges) {
    const bool exists = std::max({merge.left, merge.right, merge.merged}) < result.size();
    if (!exists || result.bytes(merge.left) + result.bytes(merge.right) != result.bytes(merge.merged)) {
      throw std::invalid_argument("merge of " + std::to_string(merge.left) + " and " + std::to_string(merge.right) +
                                  ": must give the bytes of token " + std::to_string(merge.merged));
    }
  }
  result.merges_ = std::move(merges);
  std::ranges::stable_sort(result.merges_, {}, &Merge::rank);
  return result;
}

std::string Vocabulary::hash() const {
  std::uint64_t hash = kHashStart;
  for (const auto& token : tokens_) {
    hash = hash_bytes({reinterpret_cast<const std::uint8_t*>(token.data()), token.size()}, hash);
  }
  static_assert(sizeof(Merge) == 4 * sizeof(Token), "hashed as plain bytes");
  hash = hash_bytes({reinterpret_cast<const std::uint8_t*>(merges_.data()), merges_.size() * sizeof(Merge)}, hash);
  return hash_text(hash);
}

}  // namespace normdescent
