// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/run_folder.hpp"

#include <array>
#include <cstdio>
#include <system_error>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"

namespace normdescent {

namespace {

void create_folders(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw_file_error("create", path, error.value());
}

/// Permissions do not tell (read-only mounts, quotas, root): opening a file for writing does.
void require_writable(const std::filesystem::path& path) { const AtomicFile trial(path / "result.json"); }

}  // namespace

RunFolder RunFolder::create(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    if (!std::filesystem::is_directory(path, error))
      throw UserError(path.string() + " exists and is not a folder", "choose another output folder");
    const bool is_empty = std::filesystem::is_empty(path, error);
    if (error) throw_file_error("read", path, error.value());
    if (!is_empty)
      throw UserError(path.string() + " is not empty", "choose a new output folder, or remove what is in it");
  }
  create_folders(path);
  require_writable(path);
  return RunFolder(path);
}

RunFolder RunFolder::open(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error))
    throw UserError("there is no run folder " + path.string(), "name the folder that the run wrote to");
  require_writable(path);
  return RunFolder(path);
}

void RunFolder::write_result(std::string_view json) const { write_text_atomically(path_ / "result.json", json); }

std::filesystem::path RunFolder::race_run(std::string_view contestant, double learning_rate, std::uint64_t seed) const {
  std::array<char, 32> rate{};
  std::snprintf(rate.data(), rate.size(), "%.4g", learning_rate);
  auto path = path_ / "runs" / (std::string(contestant) + "-lr" + rate.data() + "-seed" + std::to_string(seed));
  create_folders(path);
  return path;
}

}  // namespace normdescent
