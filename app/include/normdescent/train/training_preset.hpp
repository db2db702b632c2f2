// SPDX-License-Identifier: Apache-2.0
// The papers' pretraining runs by name. docs/presets.md lists them with their sources.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "normdescent/base/view.hpp"
#include "normdescent/optimizers/schedule.hpp"

namespace normdescent {

struct TrainingPreset {
  std::string name;
  std::string source;  ///< paper and protocol
  std::string optimizer;
  double learning_rate = 0.0;
  std::map<std::string, std::string> settings;  ///< options of the optimizer
  std::string model = "gpt2-124m";
  std::string tokenizer = "gpt2";
  Index context = 512;
  std::int64_t steps = 0;
  std::int64_t warmup_steps = 0;
  Decay decay = Decay::one_cycle;
  std::uint32_t batch = 0;        ///< sequences a step
  std::uint32_t micro_batch = 0;  ///< of these at a time on one device
  std::int64_t evaluate_every = 100;
  std::int64_t checkpoint_every = 500;
  std::uint64_t seed = 1;

  /// The run for a machine that does `scale` in (0, 1] of the steps and of the sequences a step, so scale^2 of its
  /// tokens: steps and batch are multiplied (rounded, at least 10 steps and 1 sequence), the warm-up keeps its share
  /// of the steps, and validations and checkpoints keep their number. Model, context, learning rate, decay, clipping
  /// and momentum stay: options given beside the preset change them.
  /// std::invalid_argument for another scale.
  [[nodiscard]] TrainingPreset scaled(double scale) const;
};

[[nodiscard]] std::span<const TrainingPreset> training_presets();
/// UserError with the nearest name if there is none.
[[nodiscard]] const TrainingPreset& training_preset(std::string_view name);

}  // namespace normdescent
