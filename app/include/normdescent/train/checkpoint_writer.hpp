// SPDX-License-Identifier: Apache-2.0
// Writes the checkpoints of one run, where that pays on a thread of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <optional>

#include "normdescent/train/checkpoint.hpp"

namespace normdescent {

enum class BackgroundWrites {
  automatic,  ///< if a copy is at least kBackgroundBytes and fits into the memory at hand twice
  always,
  never,
};

/// Smaller checkpoints take milliseconds to write. Written at once, they keep the promise that a crash loses at most
/// the steps since the last multiple of the interval; in the background, the time of a write is added to that.
inline constexpr std::uint64_t kBackgroundBytes = std::uint64_t{64} << 20U;

/// Most memory that the copies of a checkpoint take, of so many bytes of weights and of optimizer state.
[[nodiscard]] std::uint64_t checkpoint_copy_bytes(std::uint64_t weights, std::uint64_t state,
                                                  BackgroundWrites background);

/// Not thread-safe: its owner saves and asks from one thread.
class CheckpointWriter {
 public:
  CheckpointWriter(std::filesystem::path run_folder, int keep, BackgroundWrites background)
      : run_folder_(std::move(run_folder)), keep_(keep), background_(background) {}

  /// Waits for the write before, then writes, or copies weights and state and lets a thread write them. UserError as
  /// write_checkpoint: of this write, or of the one before in the background.
  /// Memory: in the background one copy of weights and state, otherwise of the larger of the two.
  /// `monitor` is what a monitored run's carries (a few MB).
  void save(const Checkpoint& checkpoint, const Objective& objective, const Optimizer<float>& optimizer,
            std::optional<StateDict> monitor = {});
  /// The checkpoint that has become complete since the last question, if one has. UserError if it failed.
  [[nodiscard]] std::optional<std::filesystem::path> take_finished();
  /// As take_finished(), after waiting for the write that is under way.
  [[nodiscard]] std::optional<std::filesystem::path> wait();

 private:
  std::filesystem::path run_folder_;
  int keep_;
  BackgroundWrites background_;
  std::optional<std::filesystem::path> finished_;
  std::future<std::filesystem::path> under_way_;
};

}  // namespace normdescent
