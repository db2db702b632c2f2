// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/train_vocabulary.hpp"

#include <algorithm>
#include <queue>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "normdescent/tokens/pretokens.hpp"

namespace normdescent {
namespace {

constexpr Token kMinSize = 257;
constexpr Token kMaxSize = 65536;  // what a shard's 16 bits hold
constexpr std::int64_t kMinCount = 2;

using Pair = std::pair<Token, Token>;

struct PairHash {
  std::size_t operator()(const Pair& pair) const {
    return static_cast<std::size_t>(((std::uint64_t{pair.first} << 32U) | pair.second) * 0x9E3779B97F4A7C15U);
  }
};

/// A distinct pre-token as the tokens it consists of so far.
struct Word {
  std::vector<Token> tokens;
  std::int64_t count = 0;
};

struct PairUse {
  std::int64_t count = 0;
  std::vector<std::uint32_t> words;  ///< that hold the pair, or held it before a merge; one may stand there twice
};

/// An offer on the queue may be out of date; its count tells.
struct Offer {
  std::int64_t count;
  Pair pair;
  /// The most frequent pair on top, the smaller one among equals.
  bool operator<(const Offer& other) const { return count != other.count ? count < other.count : pair > other.pair; }
};

std::vector<Word> distinct_words(std::span<const std::string_view> texts) {
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (const std::string_view text : texts) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = pretoken_end(text, begin);
      ++counts[text.substr(begin, end - begin)];
      begin = end;
    }
  }
  std::vector<Word> words;
  words.reserve(counts.size());
  for (const auto& [text, count] : counts) {
    Word word{.tokens = {}, .count = count};
    for (const char c : text) word.tokens.push_back(static_cast<unsigned char>(c));
    words.push_back(std::move(word));
  }
  return words;
}

class Trainer {
 public:
  explicit Trainer(std::vector<Word> words) : words_(std::move(words)) {
    for (std::uint32_t w = 0; w < words_.size(); ++w) {
      const auto& tokens = words_[w].tokens;
      for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        PairUse& use = uses_[{tokens[i], tokens[i + 1]}];
        use.count += words_[w].count;
        use.words.push_back(w);
      }
    }
    for (const auto& [pair, use] : uses_) queue_.push({use.count, pair});
  }

  /// The pair to merge next, if one occurs often enough.
  bool best(Pair& pair) {
    while (!queue_.empty()) {
      const Offer offer = queue_.top();
      if (offer.count < kMinCount) return false;
      queue_.pop();
      const auto use = uses_.find(offer.pair);
      if (use == uses_.end() || use->second.count != offer.count)
        continue;  // out of date; the true count is queued too
      pair = offer.pair;
      return true;
    }
    return false;
  }

  void merge(const Pair& pair, Token merged) {
    const auto node = uses_.extract(pair);
    auto holders = node.mapped().words;
    std::ranges::sort(holders);
    holders.erase(std::unique(holders.begin(), holders.end()), holders.end());
    touched_.clear();
    for (const std::uint32_t w : holders) merge_in(w, pair, merged);
    std::ranges::sort(touched_);
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const Pair& changed : touched_) {
      const auto use = uses_.find(changed);
      if (use != uses_.end() && use->second.count > 0) queue_.push({use->second.count, changed});
    }
  }

 private:
  void merge_in(std::uint32_t w, const Pair& pair, Token merged) {
    auto& tokens = words_[w].tokens;
    const auto holds = [&](std::size_t i) { return tokens[i] == pair.first && tokens[i + 1] == pair.second; };
    bool any = false;
    for (std::size_t i = 0; i + 1 < tokens.size() && !any; ++i) any = holds(i);
    if (!any) return;
    // Counting the word out and in again keeps overlapping pairs ("aaa") exact without cases.
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const Pair old{tokens[i], tokens[i + 1]};
      if (const auto use = uses_.find(old); use != uses_.end()) {
        use->second.count -= words_[w].count;
        touched_.push_back(old);
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < tokens.size(); ++kept) {
      const bool merges = i + 1 < tokens.size() && holds(i);
      const Token next = merges ? merged : tokens[i];
      i += merges ? 2 : 1;
      tokens[kept] = next;
    }
    tokens.resize(kept);
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const Pair now{tokens[i], tokens[i + 1]};
      PairUse& use = uses_[now];
      use.count += words_[w].count;
      if (now.first == merged || now.second == merged) use.words.push_back(w);  // the others list the word already
      touched_.push_back(now);
    }
  }

  std::vector<Word> words_;
  std::unordered_map<Pair, PairUse, PairHash> uses_;
  std::priority_queue<Offer> queue_;
  std::vector<Pair> touched_;
};

}  // namespace

Vocabulary train_vocabulary(std::span<const std::string_view> texts, const TrainVocabularyOptions& options) {
  if (options.size < kMinSize || options.size > kMaxSize) {
    throw std::invalid_argument("size = " + std::to_string(options.size) + ", must be in [" + std::to_string(kMinSize) +
                                ", " + std::to_string(kMaxSize) + "]");
  }
  std::vector<std::string> tokens;
  std::unordered_map<std::string, Token> ids;
  for (int byte = 0; byte < 256; ++byte) {
    tokens.emplace_back(1, static_cast<char>(byte));
    ids.emplace(tokens.back(), static_cast<Token>(byte));
  }
  const Token ranked = options.size - 1;  // the last id is the end of text
  Trainer trainer(distinct_words(texts));
  Pair pair;
  while (tokens.size() < ranked && trainer.best(pair)) {
    // "ab" + "c" may come after "a" + "bc": the same bytes are the same token.
    const auto next = static_cast<Token>(tokens.size());
    const auto [known, is_new] = ids.emplace(tokens[pair.first] + tokens[pair.second], next);
    trainer.merge(pair, known->second);
    if (is_new) tokens.push_back(known->first);
    if (options.on_progress && is_new && next % 64 == 0) options.on_progress(static_cast<double>(next) / ranked);
  }
  return Vocabulary::of_ranks(options.name, std::move(tokens), true);
}

}  // namespace normdescent
