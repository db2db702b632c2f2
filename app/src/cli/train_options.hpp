// SPDX-License-Identifier: Apache-2.0
// The options of `train`, and what a preset makes of those that were not given.
#pragma once

#include <CLI/App.hpp>
#include <iosfwd>
#include <string>
#include <vector>

#include "language_model_task.hpp"
#include "normdescent/optimizers/routing.hpp"
#include "normdescent/train/trainer.hpp"
#include "processes.hpp"

namespace normdescent::cli {

/// What the catalog calls it.
inline constexpr const char* kWeightDecay = "decoupled_decay";

struct TrainCommandOptions {
  LanguageModelOptions task;
  std::string preset;  ///< empty: none; "list": say which there are
  double scale = 1.0;
  std::string optimizer = "muon";
  std::vector<std::string> settings;
  std::string learning_rate;  ///< as typed; empty: the optimizer's default
  std::string clip;           ///< as typed; empty: the optimizer's default
  std::string weight_decay;   ///< as typed; empty: the optimizer's default
  TrainerOptions trainer;
  std::string out;
  std::string resume;
  int threads = 1;
  ProcessOptions processes;
  bool json = false;
  bool estimate = false;
  bool explain = false;
};

void add_train_options(CLI::App& command, TrainCommandOptions& options);

/// Where a preset was asked for: its values for all options that are not on the command line. UserError for an unknown
/// preset or a scale without one.
void apply_preset(const CLI::App& command, TrainCommandOptions& options);

/// The settings of the optimizer with --learning-rate, --clip and --weight-decay among them. UserError if one is given
/// twice.
[[nodiscard]] std::map<std::string, std::string> resolved_settings(const TrainCommandOptions& options);

/// `train --preset list` and `train --explain`: every value with where it comes from.
void print_presets(bool json, std::ostream& out);
void explain_options(const CLI::App& command, const TrainCommandOptions& options, std::ostream& out);

}  // namespace normdescent::cli
