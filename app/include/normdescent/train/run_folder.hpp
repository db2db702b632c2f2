// SPDX-License-Identifier: Apache-2.0
// The folder that a command writes: result.json, runs/<contestant>-lr<rate>-seed<seed>/metrics.jsonl, report.html.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/files/folder_lock.hpp"

namespace normdescent {

/// As long as one of its copies lives, no other process gets the folder.
class RunFolder {
 public:
  using Files = std::map<std::string, std::string>;  ///< name to content

  /// Creates `path` with its parents, or takes an empty folder. A new folder appears with `first_files` in it, or not
  /// at all. UserError if something is in it, if it is no folder, if another process has it, or if it cannot be written
  /// to: found out here, before hours of work.
  static RunFolder create(const std::filesystem::path& path, const Files& first_files = {});
  /// A folder that a run left behind, to continue in it. UserError if it is not there, another process has it, or it
  /// cannot be written to.
  static RunFolder open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Replaces result.json atomically.
  void write_result(std::string_view json) const;
  /// Folder of one run of a race, created if missing; the rate with four significant digits.
  [[nodiscard]] std::filesystem::path race_run(std::string_view contestant, double learning_rate,
                                               std::uint64_t seed) const;
  /// Of a folder from create(), whose work could not begin: removes what is in it, and every folder that was made.
  void abandon() const;

 private:
  RunFolder(std::filesystem::path path, std::shared_ptr<FolderLock> lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  std::shared_ptr<FolderLock> lock_;
  std::vector<std::filesystem::path> made_{};  // innermost first
};

}  // namespace normdescent
