// SPDX-License-Identifier: Apache-2.0
// What `train` shows while it runs, and what it says at its end.
#pragma once

#include <chrono>
#include <cstdint>

#include "normdescent/train/trainer.hpp"
#include "progress.hpp"
#include "session.hpp"

namespace normdescent::cli {

/// A line with loss, tokens a second, share of the machine's matrix peak, memory and time left.
class TrainProgress final : public TrainerObserver {
 public:
  struct Work {
    std::int64_t steps = 0;
    double flops_per_token = 0.0;
    double matrix_peak = 0.0;  ///< operations a second
  };
  TrainProgress(Session& session, const Work& work) : progress_(session.err, session.err_is_terminal), work_(work) {}

  void on_damaged_checkpoint(const DamagedCheckpoint& damaged, const std::filesystem::path& moved_to) override;
  void on_resume(std::int64_t step) override;
  void on_metrics(const TrainingMetrics& metrics) override;
  void on_checkpoint(const std::filesystem::path& folder) override;

  /// Before a line of another kind.
  void clear() { progress_.clear(); }
  [[nodiscard]] const TrainingMetrics& last() const { return last_; }
  /// An average over about the last twenty steps; 0 before the first.
  [[nodiscard]] double tokens_per_second() const { return tokens_per_second_; }
  [[nodiscard]] double share_of_peak() const { return tokens_per_second_ * work_.flops_per_token / work_.matrix_peak; }
  [[nodiscard]] std::int64_t events() const { return events_; }

 private:
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] std::string detail();

  Progress progress_;
  Work work_;
  TrainingMetrics last_;
  double tokens_per_second_ = 0.0;
  std::int64_t events_ = 0;
  std::string memory_;
  Clock::time_point memory_read_{};
};

}  // namespace normdescent::cli
