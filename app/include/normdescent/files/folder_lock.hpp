// SPDX-License-Identifier: Apache-2.0
// One process at a time works in a folder.
#pragma once

#include <filesystem>
#include <string>

namespace normdescent {

inline constexpr const char* kLockFile = ".lock";

/// Holds `folder`/.lock by flock(2) for as long as it lives. The system releases it when the process ends, however that
/// happens: a killed process leaves the file, which locks nothing. The file says which process holds it.
/// On file systems that know no locks it holds nothing and stops nobody.
class FolderLock {
 public:
  /// UserError that names the other process if the folder is in use; UserError if the file cannot be made.
  explicit FolderLock(std::filesystem::path folder);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  /// Removes the file and lets go.
  ~FolderLock();

  /// The folder has been renamed.
  void moved_to(const std::filesystem::path& folder) { path_ = folder / kLockFile; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace normdescent
