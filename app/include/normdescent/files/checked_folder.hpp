// SPDX-License-Identifier: Apache-2.0
// A folder of files that is there as a whole or not at all, and that knows when one of its bytes has changed.
//
// checksums.txt holds one line a file, "<crc32c, 8 hexadecimal digits> <bytes> <name>", and a last line for itself that
// covers all lines before it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

inline constexpr const char* kChecksumFile = "checksums.txt";

/// Collects files in "<target>.partial"; commit() lets them appear under the name `target`.
/// UserError as AtomicFile. Without commit() nothing is left; after a crash the partial folder is, and the next writer
/// of the same target removes it.
class FolderWriter {
 public:
  explicit FolderWriter(std::filesystem::path target);
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;
  ~FolderWriter();

  /// Where the file `name` is to be written.
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return partial_ / name; }
  /// The file `name` is complete.
  void add(const std::string& name, const FileDigest& digest) { digests_[name] = digest; }
  /// Writes checksums.txt, flushes the folder, renames it and flushes the folder around it. UserError if `target`
  /// exists by now: nothing is overwritten.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path partial_;
  std::map<std::string, FileDigest> digests_;
  bool is_committed_ = false;
};

/// What is wrong with a folder that FolderWriter made: the first file that is missing, truncated or changed, in words
/// that name it. Empty: every byte is as it was written. Reads all files once; needs 64 kB of memory.
[[nodiscard]] std::optional<std::string> find_defect(const std::filesystem::path& folder);

}  // namespace normdescent
