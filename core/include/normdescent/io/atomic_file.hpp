// SPDX-License-Identifier: Apache-2.0
// Files that are either the old one or the complete new one, whatever happens in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace normdescent {

/// Length and crc32c() of what a file was meant to hold.
struct FileDigest {
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};

/// Writes beside the target ("<name>.partial"), then flushes to disk and renames over it.
/// Every failure (missing folder, no permission, full disk) is a UserError that names the path and the system's reason;
/// the target keeps its old content and nothing is left beside it. Not copyable; one writer per target at a time.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  /// Without commit(): the partial file is removed.
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// fsync, rename, fsync of the folder. Nothing may be written afterwards.
  void commit();
  /// Of everything written so far.
  [[nodiscard]] const FileDigest& digest() const { return digest_; }

 private:
  std::filesystem::path target_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
  FileDigest digest_;
};

/// AtomicFile for a text that is already complete.
FileDigest write_text_atomically(const std::filesystem::path& target, std::string_view text);

/// The whole file; UserError if it cannot be read.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

/// Makes renames inside `folder` survive a power failure. A folder that cannot be synced is no error.
void sync_folder(const std::filesystem::path& folder);

/// UserError for a failed system call: "cannot <action> <path>: <reason of error_number>", with a hint that fits it.
[[noreturn]] void throw_file_error(const char* action, const std::filesystem::path& path, int error_number);

}  // namespace normdescent
