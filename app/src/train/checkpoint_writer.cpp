// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/checkpoint_writer.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "normdescent/train/memory_use.hpp"

namespace normdescent {

namespace {

/// Weights and state; of states smaller than their parameter (one number a row) more than there is.
std::uint64_t bytes_of(const Objective& objective, const Optimizer<float>& optimizer) {
  std::uint64_t bytes = 0;
  const auto plans = optimizer.explain();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto buffers = static_cast<std::uint64_t>(std::max(0, plans[i].state_buffers));
    bytes += (1 + buffers) * objective.parameters()[i].value.size_bytes();
  }
  return bytes;
}

bool copies_all(std::uint64_t bytes, BackgroundWrites background) {
  if (background != BackgroundWrites::automatic) return background == BackgroundWrites::always;
  return bytes >= kBackgroundBytes && available_memory().value_or(0) >= 2 * bytes;
}

/// Gives `tensors` away once; empty if there are none.
std::function<StateDict()> giver_of(std::optional<StateDict>& tensors) {
  if (!tensors) return {};
  return [&tensors] { return std::move(*tensors); };
}

}  // namespace

std::uint64_t checkpoint_copy_bytes(std::uint64_t weights, std::uint64_t state, BackgroundWrites background) {
  return copies_all(weights + state, background) ? weights + state : std::max(weights, state);
}

void CheckpointWriter::save(const Checkpoint& checkpoint, const Objective& objective, const Optimizer<float>& optimizer,
                            std::optional<StateDict> monitor) {
  if (auto before = wait()) finished_ = std::move(before);
  if (!copies_all(bytes_of(objective, optimizer), background_)) {
    const CheckpointTensors tensors{.weights = [&] { return weights_of(objective); },
                                    .optimizer = [&] { return optimizer.state(); },
                                    .monitor = giver_of(monitor)};
    finished_ = write_checkpoint(run_folder_, checkpoint, tensors, keep_);
    return;
  }
  under_way_ =
      std::async(std::launch::async, [checkpoint, weights = weights_of(objective), state = optimizer.state(),
                                      monitor = std::move(monitor), folder = run_folder_, keep = keep_]() mutable {
        const CheckpointTensors tensors{.weights = [&] { return std::move(weights); },
                                        .optimizer = [&] { return std::move(state); },
                                        .monitor = giver_of(monitor)};
        return write_checkpoint(folder, checkpoint, tensors, keep);
      });
}

std::optional<std::filesystem::path> CheckpointWriter::take_finished() {
  const bool is_ready = under_way_.valid() && under_way_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  if (is_ready) return under_way_.get();
  return std::exchange(finished_, std::nullopt);
}

std::optional<std::filesystem::path> CheckpointWriter::wait() {
  if (under_way_.valid()) return under_way_.get();
  return std::exchange(finished_, std::nullopt);
}

}  // namespace normdescent
