// SPDX-License-Identifier: Apache-2.0
#include "train_progress.hpp"

#include <cmath>

#include "normdescent/base/text.hpp"
#include "normdescent/train/memory_use.hpp"

namespace normdescent::cli {

void TrainProgress::on_damaged_checkpoint(const DamagedCheckpoint& damaged, const std::filesystem::path& moved_to) {
  progress_.note(damaged.folder.filename().string() + " is not used: " + damaged.defect + "; it is now " +
                 moved_to.filename().string());
}

void TrainProgress::on_resume(std::int64_t step) { progress_.note("continuing after step " + std::to_string(step)); }

void TrainProgress::on_checkpoint(const std::filesystem::path& folder) { progress_.note("saved " + folder.string()); }

void TrainProgress::on_metrics(const TrainingMetrics& metrics) {
  constexpr double kForgetting = 0.05;
  last_ = metrics;
  if (std::isfinite(metrics.tokens_per_second)) {
    const double weight = tokens_per_second_ == 0.0 ? 1.0 : kForgetting;
    tokens_per_second_ += weight * (metrics.tokens_per_second - tokens_per_second_);
  }
  if (std::isfinite(metrics.val_loss)) {
    progress_.note("step " + std::to_string(metrics.step) + ": validation loss " + fixed(metrics.val_loss, 4));
  }
  for (const auto& event : metrics.events) progress_.note("step " + std::to_string(metrics.step) + ": " + event);
  events_ += static_cast<std::int64_t>(metrics.events.size());
  progress_.update("training", static_cast<double>(metrics.step) / static_cast<double>(work_.steps), detail());
}

std::string TrainProgress::detail() {
  constexpr auto kMemoryAge = std::chrono::milliseconds(500);  // reading it costs as much as a step of a tiny model
  if (!std::isfinite(last_.train_loss) || tokens_per_second_ == 0.0) return {};
  const auto now = Clock::now();
  if (now - memory_read_ > kMemoryAge) {
    memory_read_ = now;
    const auto bytes = resident_memory();
    memory_ = bytes ? ", " + fixed(static_cast<double>(*bytes) / 1e6, 0) + " MB" : "";
  }
  return "loss " + fixed(last_.train_loss, 3) + ", " + grouped(std::llround(tokens_per_second_)) + " tokens/s, " +
         fixed(100.0 * share_of_peak(), 0) + "% of the matrix peak" + memory_;
}

}  // namespace normdescent::cli
