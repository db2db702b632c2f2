// SPDX-License-Identifier: Apache-2.0
// Files that are either the old one or the complete new one, whatever happens in between.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace normdescent {

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

 private:
  std::filesystem::path target_;
  std::filesystem::path partial_;
  int descriptor_ = -1;
};

/// AtomicFile for a text that is already complete.
void write_text_atomically(const std::filesystem::path& target, std::string_view text);

/// The whole file; UserError if it cannot be read.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

/// UserError for a failed system call: "cannot <action> <path>: <reason of error_number>", with a hint that fits it.
[[noreturn]] void throw_file_error(const char* action, const std::filesystem::path& path, int error_number);

}  // namespace normdescent
