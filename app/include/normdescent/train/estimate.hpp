// SPDX-License-Identifier: Apache-2.0
// Memory and time of a training run, told before anything of its size is allocated.
#pragma once

#include <cstdint>

#include "normdescent/optimizers/routing.hpp"
#include "normdescent/train/checkpoint_writer.hpp"
#include "normdescent/train/gpt_problem.hpp"

namespace normdescent {

/// Bytes, and seconds with the threads that the caller has set.
struct TrainingEstimate {
  std::uint64_t program = 0;  ///< code, libraries, data that is already read, compiled kernels
  std::uint64_t parameters = 0;
  std::uint64_t gradients = 0;
  std::uint64_t optimizer_state = 0;
  std::uint64_t activations = 0;        ///< and scratch memory of kernels and optimizer
  std::uint64_t checkpoint_copies = 0;  ///< while a checkpoint is written
  double seconds_per_step = 0.0;

  [[nodiscard]] std::uint64_t peak() const {
    return program + parameters + gradients + optimizer_state + activations + checkpoint_copies;
  }
};

/// Trains small models for a few steps each, with the width, heads, context and precision of the large one but one or
/// three layers, a quarter or half of a large vocabulary and at most kCalibrationTokens tokens a batch, and continues
/// their allocated bytes and times, which are
///
///   (a + b L + c V) + B (d + e L + f V)        L layers, V vocabulary, B windows in a micro-batch
///
/// docs/performance.md has estimates beside whole runs. Times hold as far as they are linear and the machine is as busy
/// as it will be. Takes some ten seconds, and the memory of three such models at once.
[[nodiscard]] TrainingEstimate estimate_training(const GptProblemOptions& options, const OptimizerSpec& spec,
                                                 BackgroundWrites background);

inline constexpr Index kCalibrationTokens = 4096;

}  // namespace normdescent
