// SPDX-License-Identifier: Apache-2.0
// run.json: all that a run folder knows of its run from the moment that it exists, so that it can be continued alone.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "normdescent/train/checkpoint.hpp"

namespace normdescent {

inline constexpr const char* kRunRecordFile = "run.json";

struct TrainingRecord {
  using Options = std::map<std::string, std::vector<std::string>>;

  Options options;                               ///< every option with its values, those of a preset included
  std::map<std::string, std::string> optimizer;  ///< every option of the optimizer with its value
  std::string preset;                            ///< where values came from; empty: no preset
  std::string scale;                             ///< of the preset
  std::string command_line;                      ///< as it was typed
  std::optional<RunIdentity> identity{};         ///< once the data has been read

  /// Values may be any bytes.
  [[nodiscard]] std::string to_json() const;
};

[[nodiscard]] bool holds_training_record(const std::filesystem::path& folder);
/// Replaces it atomically. UserError if it cannot be written.
void write_training_record(const std::filesystem::path& folder, const TrainingRecord& record);
/// UserError naming the file for every defect.
[[nodiscard]] TrainingRecord read_training_record(const std::filesystem::path& folder);

}  // namespace normdescent
