// SPDX-License-Identifier: Apache-2.0
// Token shards in the format of llm.c, so that its FineWeb files work here and ours work there: 256 little-endian int32
// (20240520, version 1, number of tokens, zeros), then the tokens as uint16.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "normdescent/io/random_access_file.hpp"
#include "normdescent/tokens/vocabulary.hpp"

namespace normdescent {

inline constexpr Token kMaxShardToken = 65535;

/// A shard on disk, which may be larger than memory. Read by any number of threads.
class Shard {
 public:
  /// UserError naming the path for a file that cannot be read, has another magic or version, or another length than its
  /// header says. Nothing is allocated.
  explicit Shard(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return file_.path(); }
  /// Number of tokens.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// out = tokens [first, first + out.size()), which must exist. UserError if the file has been cut meanwhile.
  void read(std::uint64_t first, std::span<std::uint16_t> out) const;
  /// A hint that these tokens are read soon.
  void will_need(std::uint64_t first, std::uint64_t count) const;

 private:
  RandomAccessFile file_;
  std::uint64_t size_ = 0;
};

/// Cuts a stream of tokens into shards "<prefix>_000000.bin", "<prefix>_000001.bin", ... of a folder. A file appears
/// under its name when it is complete.
class ShardWriter {
 public:
  /// Throws std::invalid_argument unless 1 <= tokens_per_shard < 2^31 (the header's int32).
  ShardWriter(std::filesystem::path folder, std::string prefix, std::int64_t tokens_per_shard);

  /// Throws std::out_of_range for a token above kMaxShardToken; UserError if a file cannot be written.
  void append(std::span<const Token> tokens);
  /// Writes what is left. A stream of no tokens makes no file.
  void finish();

  [[nodiscard]] std::int64_t tokens() const { return tokens_; }
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  std::filesystem::path folder_;
  std::string prefix_;
  std::int64_t tokens_per_shard_;
  std::int64_t tokens_ = 0;
  std::vector<std::uint16_t> pending_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace normdescent
