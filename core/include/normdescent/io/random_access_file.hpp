// SPDX-License-Identifier: Apache-2.0
// A file that is read in pieces, at any place: it may be larger than memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace normdescent {

/// Read-only, by any number of threads at once.
///
/// Not a mapping: where a mapped file is cut by another process, looking at it is a SIGBUS, which no caller can turn into
/// a message (a signal handler would be the whole process's, and hosts have their own). pread copies what it reads, from
/// the same page cache; for windows of a few kilobytes that costs a microsecond.
class RandomAccessFile {
 public:
  /// UserError naming the path if it cannot be opened or is no regular file; a pipe gets a hint, and is not waited for.
  explicit RandomAccessFile(const std::filesystem::path& path);
  RandomAccessFile(RandomAccessFile&& other) noexcept;
  RandomAccessFile(const RandomAccessFile&) = delete;
  RandomAccessFile& operator=(const RandomAccessFile&) = delete;
  ~RandomAccessFile();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// In bytes, when it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// out = the bytes [offset, offset + out.size()), which must be within size(). UserError if the file has been cut
  /// since it was opened, or if it cannot be read.
  void read(std::uint64_t offset, std::span<std::byte> out) const;
  /// A hint that these bytes are read soon: the system fetches them meanwhile.
  void will_need(std::uint64_t offset, std::uint64_t bytes) const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace normdescent
