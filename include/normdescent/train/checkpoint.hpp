// SPDX-License-Identifier: Apache-2.0
// Where a training run was, on disk: weights and optimizer state as safetensors, the position as JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/problem/problem.hpp"
#include "normdescent/race/training_run.hpp"

namespace normdescent {

/// What must be equal for a run to be continued; everything else is in the weights and the optimizer's state.
struct RunIdentity {
  std::string problem;
  std::string optimizer;
  double learning_rate = 0.0;
  std::int64_t steps = 0;
  std::uint32_t batch_size = 0;
  std::uint64_t seed = 0;
  friend bool operator==(const RunIdentity&, const RunIdentity&) = default;
};

struct Checkpoint {
  RunIdentity identity;
  TrainingPosition position;
  std::uint64_t metrics_bytes = 0;  ///< length of metrics.jsonl at that moment
};

/// Writes `run_folder`/checkpoint-<step>/{model.safetensors, optimizer.safetensors, position.json} beside and renames
/// it as a whole, then removes older checkpoints: at every moment one complete checkpoint exists. UserError (full disk
/// ...) leaves the older one. Memory: one copy of the weights, or of the optimizer's state.
std::filesystem::path write_checkpoint(const std::filesystem::path& run_folder, const Checkpoint& checkpoint,
                                       const Objective& objective, const Optimizer<float>& optimizer);

/// The newest complete checkpoint of a run folder, if there is one.
[[nodiscard]] std::optional<std::filesystem::path> find_checkpoint(const std::filesystem::path& run_folder);

/// Puts weights and optimizer state back and returns the position. UserError if the checkpoint is unreadable, or
/// belongs to another run than `identity` (it names the difference).
[[nodiscard]] Checkpoint read_checkpoint(const std::filesystem::path& checkpoint_folder, const RunIdentity& identity,
                                         const Objective& objective, Optimizer<float>& optimizer);

}  // namespace normdescent
