// SPDX-License-Identifier: Apache-2.0
#include "merge.hpp"

#include <algorithm>

namespace normdescent::tokens {
namespace {

/// Up to here a scan for the lowest rank is faster than a heap.
constexpr std::size_t kShort = 48;
constexpr std::uint32_t kEnd = ~std::uint32_t{0};

}  // namespace

void Merger::merge(std::string_view pretoken, std::vector<Token>& out) {
  if (pretoken.size() <= kShort) {
    merge_short(pretoken, out);
  } else {
    merge_long(pretoken, out);
  }
}

void Merger::merge_short(std::string_view pretoken, std::vector<Token>& out) {
  tokens_.clear();
  for (const char c : pretoken) tokens_.push_back(vocabulary_.of_byte(static_cast<unsigned char>(c)));
  // ranks_[i]: of the pair (i, i + 1)
  ranks_.assign(tokens_.size(), kNoMerge);
  for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) ranks_[i] = pairs_.find(tokens_[i], tokens_[i + 1]).rank;
  for (;;) {
    const auto lowest = std::min_element(ranks_.begin(), ranks_.end());
    if (lowest == ranks_.end() || *lowest == kNoMerge) break;
    const auto i = static_cast<std::size_t>(lowest - ranks_.begin());
    tokens_[i] = pairs_.find(tokens_[i], tokens_[i + 1]).merged;
    tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    ranks_.erase(ranks_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    ranks_[i] = i + 1 < tokens_.size() ? pairs_.find(tokens_[i], tokens_[i + 1]).rank : kNoMerge;
    if (i > 0) ranks_[i - 1] = pairs_.find(tokens_[i - 1], tokens_[i]).rank;
  }
  out.insert(out.end(), tokens_.begin(), tokens_.end());
}

// Offers the pair that begins at `position` to the heap, if it merges.
void Merger::offer(std::uint32_t position) {
  if (position == kEnd || links_[position].next == kEnd) return;
  const Token left = links_[position].token;
  const Token right = links_[links_[position].next].token;
  const Token rank = pairs_.find(left, right).rank;
  if (rank == kNoMerge) return;
  heap_.push_back({rank, position, left, right});
  std::push_heap(heap_.begin(), heap_.end());
}

void Merger::merge_long(std::string_view pretoken, std::vector<Token>& out) {
  links_.clear();
  heap_.clear();
  const auto count = static_cast<std::uint32_t>(pretoken.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    links_.push_back({vocabulary_.of_byte(static_cast<unsigned char>(pretoken[i])), i == 0 ? kEnd : i - 1,
                      i + 1 == count ? kEnd : i + 1});
  }
  for (std::uint32_t i = 0; i < count; ++i) offer(i);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Candidate best = heap_.back();
    heap_.pop_back();
    Link& link = links_[best.position];
    // A merge leaves older offers of its parts behind. A position that was merged away has token kNoMerge.
    if (link.token != best.left || link.next == kEnd || links_[link.next].token != best.right) continue;
    link.token = pairs_.find(best.left, best.right).merged;
    Link& removed = links_[link.next];
    removed.token = kNoMerge;
    link.next = removed.next;
    if (link.next != kEnd) links_[link.next].previous = best.position;
    offer(best.position);
    offer(link.previous);
  }
  for (std::uint32_t i = 0; i != kEnd; i = links_[i].next) out.push_back(links_[i].token);
}

}  // namespace normdescent::tokens
