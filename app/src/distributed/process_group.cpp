// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/process_group.hpp"

#include <algorithm>
#include <cstring>

namespace normdescent {

namespace {

void require_blocks(std::size_t size, std::size_t blocks, const char* operation) {
  if (size % blocks == 0) return;
  throw std::invalid_argument(std::string(operation) + ": " + std::to_string(size) + " bytes, must be a multiple of " +
                              std::to_string(blocks) + ", the number of ranks");
}

void require_equal(std::size_t size, std::size_t wanted, const char* operation) {
  if (size == wanted) return;
  throw std::invalid_argument(std::string(operation) + ": room for " + std::to_string(size) + " bytes, must be " +
                              std::to_string(wanted));
}

/// Ranks that `rank` hands the message on to in a binomial tree: rank + 2^i (counted from the root), as long as lower
/// bits are unset.
std::uint64_t tree_children(int rank, int root, int size) {
  const int place = (rank - root + size) % size;
  std::uint64_t children = 0;
  for (int stride = 1; place + stride < size && place % (2 * stride) == 0; stride *= 2) ++children;
  return children;
}

}  // namespace

void ProcessGroup::count(std::uint64_t bytes) {
  ++traffic_.operations;
  traffic_.bytes += bytes;
}

void ProcessGroup::all_reduce(std::span<float> values) {
  if (size_ == 1 || values.empty()) return;
  const auto others = static_cast<std::uint64_t>(size_ - 1);
  count(2 * others * values.size_bytes() / static_cast<std::uint64_t>(size_));
  do_all_reduce(values);
}

void ProcessGroup::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  require_equal(all.size(), mine.size() * static_cast<std::size_t>(size_), "all_gather");
  if (mine.empty()) return;
  if (size_ == 1) {
    std::ranges::copy(mine, all.begin());
    return;
  }
  count(static_cast<std::uint64_t>(size_ - 1) * mine.size());
  do_all_gather(mine, all);
}

void ProcessGroup::all_to_all(std::span<const std::byte> mine, std::span<std::byte> theirs) {
  const auto ranks = static_cast<std::size_t>(size_);
  require_blocks(mine.size(), ranks, "all_to_all");
  require_equal(theirs.size(), mine.size(), "all_to_all");
  if (mine.empty()) return;
  if (size_ == 1) {
    std::ranges::copy(mine, theirs.begin());
    return;
  }
  count((ranks - 1) * mine.size() / ranks);
  do_all_to_all(mine, theirs);
}

void ProcessGroup::broadcast(std::span<std::byte> bytes, int root) {
  if (root < 0 || root >= size_)
    throw std::invalid_argument("broadcast: root = " + std::to_string(root) + ", must be a rank of the group");
  if (size_ == 1 || bytes.empty()) return;
  count(tree_children(rank_, root, size_) * bytes.size());
  do_broadcast(bytes, root);
}

void ProcessGroup::barrier() {
  if (size_ > 1) do_barrier();
}

std::vector<std::vector<std::byte>> all_gather_blocks(ProcessGroup& group, std::span<const std::byte> mine) {
  const auto ranks = static_cast<std::size_t>(group.size());
  std::uint64_t size = mine.size();
  std::vector<std::uint64_t> sizes(ranks);
  group.all_gather(std::as_bytes(std::span(&size, 1)), std::as_writable_bytes(std::span(sizes)));
  const std::size_t largest = *std::ranges::max_element(sizes);
  std::vector<std::byte> padded(largest);
  std::ranges::copy(mine, padded.begin());
  std::vector<std::byte> all(ranks * largest);
  group.all_gather(padded, all);
  std::vector<std::vector<std::byte>> blocks;
  for (std::size_t r = 0; r < ranks; ++r) {
    const auto block = std::span(all).subspan(r * largest, sizes[r]);
    blocks.emplace_back(block.begin(), block.end());
  }
  return blocks;
}

std::string broadcast_text(ProcessGroup& group, const std::string& text) {
  std::uint64_t size = text.size();
  group.broadcast(std::as_writable_bytes(std::span(&size, 1)));
  std::string heard = text;
  heard.resize(size);
  group.broadcast(std::as_writable_bytes(std::span(heard)));
  return heard;
}

}  // namespace normdescent
