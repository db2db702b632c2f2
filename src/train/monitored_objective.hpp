// SPDX-License-Identifier: Apache-2.0
// Splits the mini-batch of monitored steps into micro-batches, whose gradients show the noise and add up to the step's.
#pragma once

#include <optional>

#include "gradient_sum.hpp"
#include "normdescent/probe/training_monitor.hpp"
#include "normdescent/problem/problem.hpp"
#include "normdescent/train/trainer.hpp"

namespace normdescent::train_detail {

/// Gradients of other steps and of other batch sizes go through as they are. Which steps are monitored depends on the
/// batch alone, so that a resumed run monitors, and rounds, the same ones.
class MonitoredObjective final : public Objective {
 public:
  MonitoredObjective(Objective& inner, std::uint32_t batch_size, std::int64_t every);

  [[nodiscard]] std::span<const Parameter> parameters() const override { return inner_.parameters(); }
  double gradient(const Batch& batch) override;
  double loss(const Batch& batch) override { return inner_.loss(batch); }
  double validation_loss() override { return inner_.validation_loss(); }

  /// The smallest that the inner objective is asked for.
  [[nodiscard]] std::uint32_t smallest_batch() const { return batch_size_ / parts_; }
  /// What the last monitored step showed, once.
  [[nodiscard]] std::optional<TrainingMetrics::Noise> take_noise();
  [[nodiscard]] TrainingMonitor& monitor() { return monitor_; }

 private:
  Objective& inner_;
  std::uint32_t batch_size_;
  std::int64_t every_;
  std::uint32_t parts_;  // 1: the mini-batch cannot be split evenly
  TrainingMonitor monitor_;
  GradientSum sum_;
  bool has_news_ = false;
};

}  // namespace normdescent::train_detail
