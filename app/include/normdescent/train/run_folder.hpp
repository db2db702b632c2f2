// SPDX-License-Identifier: Apache-2.0
// The folder that a command writes: result.json, runs/<contestant>-lr<rate>-seed<seed>/metrics.jsonl, report.html.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace normdescent {

class RunFolder {
 public:
  /// Creates `path` with its parents, or takes an empty folder. UserError if something is in it, if it is no folder, or
  /// if it cannot be written to: found out here, before hours of work.
  static RunFolder create(const std::filesystem::path& path);
  /// A folder that a run left behind, to continue in it. UserError if it is not there or cannot be written to.
  static RunFolder open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Replaces result.json atomically.
  void write_result(std::string_view json) const;
  /// Folder of one run of a race, created if missing; the rate with four significant digits.
  [[nodiscard]] std::filesystem::path race_run(std::string_view contestant, double learning_rate,
                                               std::uint64_t seed) const;

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace normdescent
