// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/run_folder.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <system_error>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

namespace {

namespace fs = std::filesystem;

constexpr const char* kResultFile = "result.json";

void create_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_file_error("create", path, error.value());
}

/// Permissions do not tell (read-only mounts, quotas, root): opening a file for writing does.
void require_writable(const fs::path& path) { const AtomicFile trial(path / kResultFile); }

/// Whether nothing is in a folder but what a process leaves that is killed when it takes one.
bool is_unused(const fs::path& path) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const fs::path name = entry.path().filename();
    if (name != kLockFile && name != std::string(kResultFile) + ".partial" && name != "run.json.partial") return false;
  }
  if (error) throw_file_error("read", path, error.value());
  return true;
}

/// What create_folders(path) will make, innermost first.
std::vector<fs::path> missing_folders(fs::path path) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (; !path.empty() && !fs::exists(path, error); path = path.parent_path()) missing.push_back(path);
  return missing;
}

[[noreturn]] void refuse_contents(const fs::path& path) {
  throw UserError(path.string() + " is not empty", "choose a new output folder, or remove what is in it");
}

void write_files(const fs::path& folder, const RunFolder::Files& files) {
  for (const auto& [name, content] : files) write_text_atomically(folder / name, content);
}

void remove_contents(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename() != kLockFile) fs::remove_all(entry.path(), ignored);
  }
}

/// A new folder with files in it: made beside its place and renamed.
std::shared_ptr<FolderLock> make_beside(const fs::path& path, const RunFolder::Files& files) {
  fs::path partial = path;
  partial += ".partial";
  create_folders(partial);
  auto lock = std::make_shared<FolderLock>(partial);
  remove_contents(partial);  // of a process that was killed here
  write_files(partial, files);
  std::error_code error;
  fs::rename(partial, path, error);
  if (error) {
    remove_contents(partial);
    lock.reset();
    std::error_code ignored;
    fs::remove(partial, ignored);
    throw_file_error("create", path, error.value());
  }
  lock->moved_to(path);
  sync_folder(path.parent_path());
  return lock;
}

}  // namespace

RunFolder RunFolder::create(const fs::path& given, const Files& first_files) {
  const fs::path path = given.has_filename() ? given : given.parent_path();  // "runs/a/" as "runs/a"
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (exists && !fs::is_directory(path, error))
    throw UserError(path.string() + " exists and is not a folder", "choose another output folder");
  if (exists && !is_unused(path)) {
    if (fs::exists(path / kLockFile, error)) (void)FolderLock(path);  // says who is in it, if somebody is
    refuse_contents(path);
  }
  auto made = missing_folders(path);
  if (!exists && !first_files.empty()) {
    RunFolder folder(path, make_beside(path, first_files));
    folder.made_ = std::move(made);
    return folder;
  }
  create_folders(path);
  RunFolder folder(path, std::make_shared<FolderLock>(path));
  folder.made_ = std::move(made);
  if (!is_unused(path)) refuse_contents(path);  // another process was here first, and has ended
  require_writable(path);
  write_files(path, first_files);
  return folder;
}

RunFolder RunFolder::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    throw UserError("there is no run folder " + path.string(), "name the folder that the run wrote to");
  RunFolder folder(path, std::make_shared<FolderLock>(path));
  require_writable(path);
  return folder;
}

void RunFolder::write_result(std::string_view json) const { write_text_atomically(path_ / kResultFile, json); }

fs::path RunFolder::race_run(std::string_view contestant, double learning_rate, std::uint64_t seed) const {
  std::array<char, 32> rate{};
  std::snprintf(rate.data(), rate.size(), "%.4g", learning_rate);
  auto path = path_ / "runs" / (std::string(contestant) + "-lr" + rate.data() + "-seed" + std::to_string(seed));
  create_folders(path);
  return path;
}

void RunFolder::abandon() const {
  remove_contents(path_);
  std::error_code ignored;
  fs::remove(path_ / kLockFile, ignored);
  for (const auto& folder : made_) fs::remove(folder, ignored);  // fails where another run is in it
}

}  // namespace normdescent
