// SPDX-License-Identifier: Apache-2.0
// Where a training run was, on disk: weights and optimizer state as safetensors, the position as JSON, and checksums
// over all of them (io/checked_folder.hpp). docs/checkpoints.md says what survives what.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/training/problem.hpp"
#include "normdescent/training/training_run.hpp"

namespace normdescent {

/// In the run folder, beside the checkpoints: a line for each step.
inline constexpr const char* kMetricsFile = "metrics.jsonl";

/// What must be equal for a run to be continued; everything else is in the weights and the optimizer's state.
struct RunIdentity {
  std::string problem;
  std::string optimizer;
  double learning_rate = 0.0;
  std::string schedule;  ///< decay and warm-up
  std::int64_t steps = 0;
  std::uint32_t batch_size = 0;
  std::uint64_t seed = 0;
  std::map<std::string, std::string> task{};  ///< what else says which examples come when, and how they are computed
  bool has_task = true;                       ///< false: written by a version that did not save `task`
  friend bool operator==(const RunIdentity&, const RunIdentity&) = default;
};

/// All of it in one line of JSON, and read back. UserError if it is not readable.
[[nodiscard]] std::string to_text(const RunIdentity& identity);
[[nodiscard]] RunIdentity parse_identity(std::string_view json);
/// UserError naming `path` and the first difference.
void require_same_run(const std::filesystem::path& path, const RunIdentity& saved, const RunIdentity& wanted);

struct Checkpoint {
  RunIdentity identity;
  TrainingPosition position;
  std::uint64_t metrics_bytes = 0;  ///< length of metrics.jsonl at that moment
};

/// The tensors of a checkpoint, made when they are written, so that only one of the two need exist at a time.
struct CheckpointTensors {
  std::function<StateDict()> weights;
  std::function<StateDict()> optimizer;
  std::function<StateDict()> monitor = {};  ///< of a monitored run (training_monitor.hpp); empty: no file
};
[[nodiscard]] StateDict weights_of(const Objective& objective);

/// Writes `run_folder`/checkpoint-<step>/{model.safetensors, optimizer.safetensors, position.json, checksums.txt}
/// and of a monitored run monitor.safetensors, beside and renames it as a whole, then removes all but the newest `keep`
/// checkpoints up to this step. A checkpoint of the same step is an error, not overwritten. UserError (full disk ...)
/// leaves everything as it was.
std::filesystem::path write_checkpoint(const std::filesystem::path& run_folder, const Checkpoint& checkpoint,
                                       const CheckpointTensors& tensors, int keep);

/// A checkpoint that cannot be continued from, and why.
struct DamagedCheckpoint {
  std::filesystem::path folder;
  std::string defect;
};

struct CheckpointSearch {
  std::optional<std::filesystem::path> newest;  ///< every byte is as it was written, and the metrics are there
  std::vector<DamagedCheckpoint> damaged;       ///< newer than that one, newest first
};
/// Reads the files of every checkpoint that it judges; changes nothing.
[[nodiscard]] CheckpointSearch find_checkpoint(const std::filesystem::path& run_folder);

/// Renames a damaged checkpoint to "<name>.damaged" (or ".damaged-2" ...): out of the way, still there to look at.
/// Returns the new path.
std::filesystem::path set_aside(const std::filesystem::path& checkpoint_folder);

/// Which run a checkpoint is of, and where that was. UserError if it is unreadable.
[[nodiscard]] Checkpoint read_position(const std::filesystem::path& checkpoint_folder);

/// Puts weights and optimizer state back and returns the position. UserError if the checkpoint is unreadable, or
/// belongs to another run than `identity` (it names the difference).
[[nodiscard]] Checkpoint read_checkpoint(const std::filesystem::path& checkpoint_folder, const RunIdentity& identity,
                                         const Objective& objective, Optimizer<float>& optimizer);
/// What the monitor carried at this step; empty if the run was not monitored then.
[[nodiscard]] std::optional<StateDict> read_monitor(const std::filesystem::path& run_folder, std::int64_t step);

}  // namespace normdescent
