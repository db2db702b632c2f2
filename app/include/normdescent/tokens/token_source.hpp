// SPDX-License-Identifier: Apache-2.0
// A long sequence of tokens that training reads windows of: bytes, encoded text, or shards on disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

/// Immutable; read by any number of threads.
class TokenSource {
 public:
  TokenSource() = default;
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;
  virtual ~TokenSource() = default;

  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// out = tokens [first, first + out.size()), which must exist. UserError if a file that held them has been cut.
  virtual void copy(std::uint64_t first, std::span<std::int64_t> out) const = 0;
  /// A hint that these tokens, which must exist, are copied soon: what lies on disk is read meanwhile.
  virtual void will_need(std::uint64_t /*first*/, std::uint64_t /*count*/) const {}
};

/// Token = byte. `owner` keeps the bytes alive.
[[nodiscard]] std::shared_ptr<const TokenSource> make_byte_source(std::span<const std::uint8_t> bytes,
                                                                  std::shared_ptr<const void> owner);
/// Throws std::out_of_range for a token above kMaxShardToken.
[[nodiscard]] std::shared_ptr<const TokenSource> make_token_source(std::span<const Token> tokens);
/// The shards' tokens one after the other. UserError as Shard's; std::invalid_argument for no paths.
[[nodiscard]] std::shared_ptr<const TokenSource> open_shards(const std::vector<std::filesystem::path>& paths);

}  // namespace normdescent
