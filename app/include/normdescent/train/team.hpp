// SPDX-License-Identifier: Apache-2.0
// The processes that train one model together. Rank 0 is the trainer of trainer.hpp: it alone writes files and tells
// anybody anything. The others compute with it.
#pragma once

#include "normdescent/distributed/data_parallel.hpp"
#include "normdescent/distributed/shared_step.hpp"
#include "normdescent/train/trainer.hpp"

namespace normdescent {

/// Must outlive the run.
struct Team {
  ProcessGroup& group;
  DataParallelOptions data = {};
  SharedWork work = SharedWork::matrices;
};

/// What ranks above 0 do while rank 0 is in train(): the same options, `options.team` among them. `folder` is the
/// run's, from which a resumed run is read; nothing is written to it. Throws ProcessGroupError, on all ranks, if one
/// has gone or was started with other options than rank 0; UserError if it does not find rank 0's checkpoint.
TrainingReport follow(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options,
                      const std::filesystem::path& folder, const std::stop_token& stop = {});

}  // namespace normdescent
