// SPDX-License-Identifier: Apache-2.0
// Splits the mini-batch of monitored steps into micro-batches, whose gradients show the noise and add up to the step's.
// At both ends of some of these steps a micro-batch of the next mini-batch shows what the step meets.
#pragma once

#include <optional>

#include "normdescent/monitor/training_monitor.hpp"
#include "normdescent/train/trainer.hpp"
#include "normdescent/training/gradient_sum.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent::train_detail {

/// Gradients of other steps and of other batch sizes go through as they are. Which steps are monitored depends on the
/// batch alone, so that a resumed run monitors, and rounds, the same ones.
class MonitoredObjective final : public Objective {
 public:
  static constexpr std::int64_t kJudgedSteps = 4;  ///< monitored steps, of which one is observed at both ends

  MonitoredObjective(Objective& inner, std::uint32_t batch_size, std::int64_t every);

  [[nodiscard]] std::span<const Parameter> parameters() const override { return inner_.parameters(); }
  double gradient(const Batch& batch) override;
  double loss(const Batch& batch) override { return inner_.loss(batch); }
  double validation_loss() override { return inner_.validation_loss(); }
  [[nodiscard]] std::span<Bfloat16* const> rounded_values() override { return inner_.rounded_values(); }
  void trust_rounded_values() override { inner_.trust_rounded_values(); }

  /// The smallest that the inner objective is asked for.
  [[nodiscard]] std::uint32_t smallest_batch() const { return batch_size_ / parts_; }
  /// What the last monitored step showed, once.
  [[nodiscard]] std::optional<TrainingMetrics::Noise> take_noise();
  [[nodiscard]] TrainingMonitor& monitor() { return monitor_; }

 private:
  [[nodiscard]] Batch judge_of(std::int64_t step, std::uint64_t stream) const;
  void judge(std::int64_t step, std::uint64_t stream);

  Objective& inner_;
  std::uint32_t batch_size_;
  std::int64_t every_;
  std::uint32_t parts_;  // 1: the mini-batch cannot be split evenly
  TrainingMonitor monitor_;
  GradientSum sum_;
  std::int64_t judged_ = -1;  // the step observed at its start; -1 in a run that was resumed within it
  bool has_news_ = false;
};

}  // namespace normdescent::train_detail
