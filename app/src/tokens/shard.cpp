// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/shard.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

static_assert(std::endian::native == std::endian::little, "shards are little-endian; so are all machines so far");

namespace {

constexpr std::int32_t kMagic = 20240520;
constexpr std::int32_t kVersion = 1;
using Header = std::array<std::int32_t, 256>;
constexpr std::uint64_t kTokenBytes = sizeof(std::uint16_t);

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& defect) {
  throw UserError("'" + path.string() + "' is not a token shard: " + defect,
                  "shards are llm.c's .bin files of GPT-2 tokens; normdescent tokenize makes them");
}

}  // namespace

Shard::Shard(const std::filesystem::path& path) : file_(path) {
  Header header{};
  if (file_.size() < sizeof header) refuse(path, "it is shorter than the header");
  file_.read(0, std::as_writable_bytes(std::span(header)));
  if (header[0] != kMagic) {
    refuse(path, "its first number is " + std::to_string(header[0]) + ", not " + std::to_string(kMagic));
  }
  if (header[1] != kVersion) {
    refuse(path, "version " + std::to_string(header[1]) + ", known is " + std::to_string(kVersion));
  }
  size_ = static_cast<std::uint64_t>(std::max(header[2], 0));
  if (header[2] < 0 || file_.size() != sizeof header + kTokenBytes * size_) {
    refuse(path, "its header tells of " + std::to_string(header[2]) + " tokens, but it has " +
                     std::to_string(file_.size()) + " bytes");
  }
}

void Shard::read(std::uint64_t first, std::span<std::uint16_t> out) const {
  file_.read(sizeof(Header) + kTokenBytes * first, std::as_writable_bytes(out));
}

void Shard::will_need(std::uint64_t first, std::uint64_t count) const {
  file_.will_need(sizeof(Header) + kTokenBytes * first, kTokenBytes * count);
}

ShardWriter::ShardWriter(std::filesystem::path folder, std::string prefix, std::int64_t tokens_per_shard)
    : folder_(std::move(folder)), prefix_(std::move(prefix)), tokens_per_shard_(tokens_per_shard) {
  if (tokens_per_shard_ < 1 || tokens_per_shard_ > INT32_MAX) {
    throw std::invalid_argument("tokens_per_shard = " + std::to_string(tokens_per_shard_) + ", must be in [1, 2^31)");
  }
}

void ShardWriter::append(std::span<const Token> tokens) {
  for (const Token token : tokens) {
    if (token > kMaxShardToken) {
      throw std::out_of_range("token = " + std::to_string(token) + ", must be at most " +
                              std::to_string(kMaxShardToken) + ": a shard has 16 bits for it");
    }
    pending_.push_back(static_cast<std::uint16_t>(token));
    if (static_cast<std::int64_t>(pending_.size()) == tokens_per_shard_) finish();
  }
}

void ShardWriter::finish() {
  if (pending_.empty()) return;
  std::string number = std::to_string(files_.size());
  number.insert(0, 6 - std::min<std::size_t>(number.size(), 6), '0');
  const std::filesystem::path path = folder_ / (prefix_ + "_" + number + ".bin");
  Header header{kMagic, kVersion, static_cast<std::int32_t>(pending_.size())};
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write(std::as_bytes(std::span(pending_)));
  file.commit();
  files_.push_back(path);
  tokens_ += static_cast<std::int64_t>(pending_.size());
  pending_.clear();
}

}  // namespace normdescent
