// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/train_vocabulary.hpp"

#include <algorithm>
#include <optional>
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

struct PairUse {
  std::int64_t count = 0;
  std::vector<std::uint32_t> places;  ///< where the pair begins, or began before a merge; a place may stand there twice
  bool is_touched = false;            ///< by the merge at hand
};

/// An offer on the queue may be out of date; its count tells.
struct Offer {
  std::int64_t count;
  Pair pair;
  /// The most frequent pair on top, the smaller one among equals.
  bool operator<(const Offer& other) const { return count != other.count ? count < other.count : pair > other.pair; }
};

/// The distinct pre-tokens and how often each occurs.
std::unordered_map<std::string_view, std::int64_t> count_words(std::span<const std::string_view> texts) {
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (const std::string_view text : texts) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = pretoken_end(text, begin);
      ++counts[text.substr(begin, end - begin)];
      begin = end;
    }
  }
  return counts;
}

/// All distinct words one after the other, a gap behind each. A token stands at the first and at the last of the bytes
/// that it covers, so both its neighbours are found in one step and a merge moves nothing: its cost is that of the
/// places where it happens, not of the words around them, and every merge makes a word shorter. Learning costs
/// O(n log n) for n bytes of distinct words, however long one of them is.
class Trainer {
 public:
  explicit Trainer(const std::unordered_map<std::string_view, std::int64_t>& counts) : lengths_(256, 1) {
    std::size_t total = 1;
    for (const auto& [word, count] : counts) total += word.size() + 1;
    if (total >= kGap) {
      throw std::length_error("text: " + std::to_string(total) + " bytes of distinct words, must be below " +
                              std::to_string(kGap));
    }
    slots_.reserve(total);
    slots_.push_back(kGap);
    for (const auto& [word, count] : counts) {
      begins_.push_back(static_cast<std::uint32_t>(slots_.size()));
      counts_.push_back(count);
      for (const char c : word) slots_.push_back(static_cast<unsigned char>(c));
      slots_.push_back(kGap);
    }
    is_begin_.assign(slots_.size(), true);
    for (std::size_t w = 0; w < begins_.size(); ++w) {
      for (std::uint32_t i = begins_[w]; slots_[i + 1] != kGap; ++i) {
        PairUse& use = uses_[{slots_[i], slots_[i + 1]}];
        use.count += counts_[w];
        use.places.push_back(i);
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
      if (lengths_[offer.pair.first] + lengths_[offer.pair.second] > kMaxTokenBytes) continue;
      pair = offer.pair;
      return true;
    }
    return false;
  }

  void merge(const Pair& pair, Token merged) {
    if (merged == lengths_.size()) lengths_.push_back(lengths_[pair.first] + lengths_[pair.second]);
    const auto node = uses_.extract(pair);
    auto places = node.mapped().places;
    std::ranges::sort(places);  // of overlapping places ("aaa") the leftmost is merged
    touched_.clear();
    for (const std::uint32_t place : places) merge_at(place, pair, merged);
    for (const Pair& changed : touched_) {
      const auto use = uses_.find(changed);
      use->second.is_touched = false;
      if (use->second.count > 0) {
        queue_.push({use->second.count, changed});
      } else {
        uses_.erase(use);  // wherever it began there is another pair now
      }
    }
  }

 private:
  static constexpr Token kGap = ~Token{0};

  /// `place` may be out of date or come twice: then the pair is not there any more.
  void merge_at(std::uint32_t place, const Pair& pair, Token merged) {
    const std::uint32_t second = place + lengths_[pair.first];
    if (!is_begin_[place] || slots_[place] != pair.first || slots_[second] != pair.second) return;
    const std::uint32_t after = second + lengths_[pair.second];
    const Token left = slots_[place - 1];
    const Token right = slots_[after];
    const auto word = std::ranges::upper_bound(begins_, place) - begins_.begin() - 1;
    const std::int64_t count = counts_[static_cast<std::size_t>(word)];
    if (left != kGap) change({left, pair.first}, -count);
    if (right != kGap) change({pair.second, right}, -count);
    is_begin_[second] = false;
    slots_[place] = merged;
    slots_[after - 1] = merged;
    if (left != kGap) change({left, merged}, count, place - lengths_[left]);
    if (right != kGap) change({merged, right}, count, place);
  }

  /// The pair that is being merged has left `uses_`, and no place of it is counted any more.
  void change(const Pair& pair, std::int64_t by, std::optional<std::uint32_t> new_place = {}) {
    if (!new_place && !uses_.contains(pair)) return;
    PairUse& use = uses_[pair];
    use.count += by;
    if (new_place) use.places.push_back(*new_place);
    if (!use.is_touched) touched_.push_back(pair);
    use.is_touched = true;
  }

  std::vector<std::uint32_t> lengths_;  ///< of the tokens, in bytes
  std::vector<Token> slots_;
  std::vector<bool> is_begin_;         ///< whether a token begins at a slot
  std::vector<std::uint32_t> begins_;  ///< of the words
  std::vector<std::int64_t> counts_;   ///< of the words
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
  Trainer trainer(count_words(texts));
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
