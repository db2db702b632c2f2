// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/encoder.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "merge.hpp"
#include "normdescent/tokens/pretokens.hpp"
#include "pair_table.hpp"
#include "word_cache.hpp"

namespace normdescent {
namespace {

/// Text of one unit of parallel work.
constexpr std::size_t kPartBytes = std::size_t{1} << 20U;

}  // namespace

struct Encoder::Impl {
  explicit Impl(Vocabulary vocabulary_) : vocabulary(std::move(vocabulary_)), pairs(vocabulary.merges()) {}

  Vocabulary vocabulary;
  tokens::PairTable pairs;

  /// What one thread keeps between parts.
  struct Worker {
    explicit Worker(const Impl& impl) : merger(impl.vocabulary, impl.pairs) {}
    tokens::Merger merger;
    tokens::WordCache words;
  };

  void encode_part(std::string_view text, Worker& worker, std::vector<Token>& out) const {
    if (vocabulary.merges().empty()) {
      for (const char c : text) out.push_back(vocabulary.of_byte(static_cast<unsigned char>(c)));
      return;
    }
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = pretoken_end(text, begin);
      const std::string_view pretoken = text.substr(begin, end - begin);
      begin = end;
      if (pretoken.size() > tokens::WordCache::kMaxWord) {
        worker.merger.merge(pretoken, out);
        continue;
      }
      bool found = false;
      auto& word = worker.words.find(pretoken, found);
      if (found) {
        out.insert(out.end(), word.tokens.begin(), word.tokens.begin() + word.count);
        continue;
      }
      const std::size_t first = out.size();
      worker.merger.merge(pretoken, out);
      const std::size_t count = out.size() - first;
      if (count > tokens::WordCache::kMaxTokens) {
        word.length = 0;  // does not fit
        continue;
      }
      std::copy(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), word.tokens.begin());
      word.count = static_cast<std::uint8_t>(count);
    }
  }
};

Encoder::Encoder(Vocabulary vocabulary) : impl_(std::make_unique<Impl>(std::move(vocabulary))) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

const Vocabulary& Encoder::vocabulary() const { return impl_->vocabulary; }

std::vector<Token> Encoder::encode(std::string_view text, int threads) const {
  std::vector<std::size_t> cuts{0};
  while (cuts.back() < text.size()) cuts.push_back(safe_cut(text, cuts.back() + kPartBytes));
  const auto parts = static_cast<std::int64_t>(cuts.size()) - 1;
  std::vector<std::vector<Token>> encoded(static_cast<std::size_t>(parts));
#pragma omp parallel num_threads(threads) if (threads > 1 && parts > 1)
  {
    Impl::Worker worker(*impl_);
#pragma omp for schedule(dynamic)
    for (std::int64_t i = 0; i < parts; ++i) {
      const auto part = static_cast<std::size_t>(i);
      impl_->encode_part(text.substr(cuts[part], cuts[part + 1] - cuts[part]), worker, encoded[part]);
    }
  }
  if (parts == 1) return std::move(encoded.front());
  std::vector<Token> out;
  std::size_t total = 0;
  for (const auto& part : encoded) total += part.size();
  out.reserve(total);
  for (const auto& part : encoded) out.insert(out.end(), part.begin(), part.end());
  return out;
}

std::string Encoder::decode(std::span<const Token> tokens) const {
  std::string text;
  for (const Token token : tokens) {
    if (token >= impl_->vocabulary.size()) {
      throw std::out_of_range("token = " + std::to_string(token) + ", must be below " +
                              std::to_string(impl_->vocabulary.size()));
    }
    text += impl_->vocabulary.bytes(token);
  }
  return text;
}

std::vector<Token> encode_reference(const Vocabulary& vocabulary, std::string_view text) {
  std::vector<Token> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = pretoken_end(text, begin);
    std::vector<Token> word;
    for (const char c : text.substr(begin, end - begin)) {
      word.push_back(vocabulary.of_byte(static_cast<unsigned char>(c)));
    }
    begin = end;
    for (;;) {
      const Merge* best = nullptr;
      std::size_t place = 0;
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        for (const Merge& merge : vocabulary.merges()) {
          const bool applies = merge.left == word[i] && merge.right == word[i + 1];
          if (applies && (best == nullptr || merge.rank < best->rank)) {
            best = &merge;
            place = i;
          }
        }
      }
      if (best == nullptr) break;
      word[place] = best->merged;
      word.erase(word.begin() + static_cast<std::ptrdiff_t>(place) + 1);
    }
    out.insert(out.end(), word.begin(), word.end());
  }
  return out;
}

}  // namespace normdescent
