// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>

#include "normdescent/train/trainer.hpp"

namespace normdescent::test {

/// Requests a stop after a step; -1: never.
class StopAfter : public TrainerObserver {
 public:
  explicit StopAfter(std::int64_t step = -1) : step_(step) {}
  void on_metrics(const TrainingMetrics& metrics) override {
    if (metrics.step == step_) source.request_stop();
  }
  std::stop_source source;

 private:
  std::int64_t step_;
};

}  // namespace normdescent::test
