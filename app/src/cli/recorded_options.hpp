// SPDX-License-Identifier: Apache-2.0
// The options of a run in its folder: what `train` writes there, and what `train --resume DIR` makes of it.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "normdescent/train/training_record.hpp"
#include "train_options.hpp"

namespace normdescent::cli {

/// The options with a preset's values in them, and where they came from.
[[nodiscard]] TrainingRecord record_of(const TrainCommandOptions& options, const std::string& command_line);

/// The options of the run in the folder `typed.resume`, with those changes that `command` has on its command line.
/// UserError naming the first option that would change the result.
[[nodiscard]] TrainCommandOptions resumed_options(const CLI::App& command, const TrainCommandOptions& typed,
                                                  const TrainingRecord& record);

}  // namespace normdescent::cli
