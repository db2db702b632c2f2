// SPDX-License-Identifier: Apache-2.0
// What the trainer writes while it trains: lines of metrics.jsonl, TensorBoard's records and checkpoints.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "gradient_norms.hpp"
#include "monitored_objective.hpp"
#include "normdescent/files/event_file.hpp"
#include "normdescent/files/json_lines.hpp"
#include "normdescent/train/checkpoint.hpp"
#include "normdescent/train/loss_spikes.hpp"
#include "normdescent/train/trainer.hpp"
#include "normdescent/training/training_run.hpp"

namespace normdescent::train_detail {

/// Turns the loop's events into files and tells the trainer's observer of them.
class Recorder : public TrainingObserver {
 public:
  struct Context {
    const TrainerOptions& options;
    RunIdentity identity;
    std::filesystem::path folder;
    const Objective& objective;
    const Optimizer<float>& optimizer;
    TrainerObserver& observer;
    MonitoredObjective* monitored;  ///< null: no step is
  };
  Recorder(Context context, const std::optional<Checkpoint>& start);

  bool on_gradients(const Objective& objective) override;
  void on_step(const TrainingStep& step, Objective& objective) override;
  void on_evaluation(std::int64_t steps_done, double validation_loss, Objective&) override;
  void on_position(const TrainingPosition& position) override;

  /// The checkpoint at the end, and the one that may still be under way.
  void finish(const TrainingPosition& position);
  /// After an exception: a checkpoint of `position` if nothing has changed since, and no failure of its own.
  void rescue(const TrainingPosition& position) noexcept;
  /// Without one at the end.
  void finish() { report(writer_.wait()); }

 private:
  using Clock = std::chrono::steady_clock;

  void save(const TrainingPosition& position);
  void report(const std::optional<std::filesystem::path>& checkpoint);
  void write_row();
  /// What was seen before the run was resumed: so that it finds the spikes that it would have found.
  void remember_losses();

  Context context_;
  JsonLinesWriter lines_;
  EventFile events_;
  CheckpointWriter writer_;
  std::int64_t saved_step_;
  bool is_between_steps_ = true;        ///< the line of the last step is written, and no update has begun
  std::optional<GradientNorms> norms_;  ///< of the step under way
  TrainingMetrics row_;
  SpikeDetector spikes_;
  Clock::time_point last_time_ = Clock::now();
};

}  // namespace normdescent::train_detail
