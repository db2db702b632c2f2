// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/token_source.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <sys/resource.h>

#include "normdescent/tokens/shard.hpp"

namespace normdescent {
namespace {

/// Tokens of type Unit that lie one after the other in memory.
template <class Unit>
class SpanSource final : public TokenSource {
 public:
  SpanSource(std::span<const Unit> tokens, std::shared_ptr<const void> owner)
      : tokens_(tokens), owner_(std::move(owner)) {}

  [[nodiscard]] std::uint64_t size() const override { return tokens_.size(); }
  void copy(std::uint64_t first, std::span<std::int64_t> out) const override {
    std::ranges::copy(tokens_.subspan(first, out.size()), out.begin());
  }

 private:
  std::span<const Unit> tokens_;
  std::shared_ptr<const void> owner_;
};

/// Each shard keeps its file open, and many systems let a process have 1024 of them until it asks for more: FineWeb's
/// 100 billion tokens are 1031 shards.
void allow_open_files(std::size_t more) {
  constexpr std::size_t kOthers = 256;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= more + kOthers) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, more + kOthers);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // where it is refused, opening a shard says so
}

class ShardSource final : public TokenSource {
 public:
  explicit ShardSource(const std::vector<std::filesystem::path>& paths) {
    allow_open_files(paths.size());
    for (const auto& path : paths) {
      shards_.emplace_back(path);
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + shards_.back().size());
    }
  }

  [[nodiscard]] std::uint64_t size() const override { return ends_.back(); }
  void copy(std::uint64_t first, std::span<std::int64_t> out) const override {
    std::array<std::uint16_t, 4096> block{};
    for_parts(first, out.size(), [&](const Shard& shard, std::uint64_t begin, std::uint64_t count) {
      while (count > 0) {
        const auto part = std::span(block).first(std::min<std::uint64_t>(count, block.size()));
        shard.read(begin, part);
        std::ranges::copy(part, out.begin());
        out = out.subspan(part.size());
        begin += part.size();
        count -= part.size();
      }
    });
  }
  void will_need(std::uint64_t first, std::uint64_t count) const override {
    for_parts(first, count, [](const Shard& shard, std::uint64_t begin, std::uint64_t part) {
      shard.will_need(begin, part);
    });
  }

 private:
  /// `body` gets the tokens [first, first + count), shard by shard.
  template <class F>
  void for_parts(std::uint64_t first, std::uint64_t count, const F& body) const {
    auto shard = static_cast<std::size_t>(std::ranges::upper_bound(ends_, first) - ends_.begin());
    while (count > 0) {
      const std::uint64_t size = shards_[shard].size();
      const std::uint64_t begin = first - (ends_[shard] - size);
      const auto part = std::min<std::uint64_t>(size - begin, count);
      if (part > 0) body(shards_[shard], begin, part);
      first += part;
      count -= part;
      ++shard;
    }
  }

  std::vector<Shard> shards_;
  std::vector<std::uint64_t> ends_;  ///< ends_[i]: tokens of the shards up to and including i
};

}  // namespace

std::shared_ptr<const TokenSource> make_byte_source(std::span<const std::uint8_t> bytes,
                                                    std::shared_ptr<const void> owner) {
  return std::make_shared<const SpanSource<std::uint8_t>>(bytes, std::move(owner));
}

std::shared_ptr<const TokenSource> make_token_source(std::span<const Token> tokens) {
  if (const auto large = std::ranges::find_if(tokens, [](Token t) { return t > kMaxShardToken; });
      large != tokens.end()) {
    throw std::out_of_range("token = " + std::to_string(*large) + ", must be at most " +
                            std::to_string(kMaxShardToken));
  }
  const auto narrow = std::make_shared<std::vector<std::uint16_t>>(tokens.size());
  std::ranges::transform(tokens, narrow->begin(), [](Token t) { return static_cast<std::uint16_t>(t); });
  return std::make_shared<const SpanSource<std::uint16_t>>(*narrow, narrow);
}

std::shared_ptr<const TokenSource> open_shards(const std::vector<std::filesystem::path>& paths) {
  if (paths.empty()) throw std::invalid_argument("paths: none given, must be at least one shard");
  return std::make_shared<const ShardSource>(paths);
}

}  // namespace normdescent
