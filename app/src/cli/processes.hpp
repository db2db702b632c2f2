// SPDX-License-Identifier: Apache-2.0
// Options of runs with several processes, which torchrun, mpirun or srun start.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <optional>

#include "normdescent/distributed/environment.hpp"
#include "normdescent/train/team.hpp"
#include "session.hpp"

namespace normdescent::cli {

struct ProcessOptions {
  int timeout_seconds = 120;
  int bucket_megabytes = 4;
  bool shard_state = false;
  bool majority_vote = false;
};
void add_process_options(CLI::App& command, ProcessOptions& options);

/// This process's place in a run of several; empty: it is alone. UserError if one alone is to vote.
[[nodiscard]] std::optional<ProcessEnvironment> find_place(const ProcessOptions& options);

/// Whether rank 0, on the same machine with the same command line, says what is wrong with it.
[[nodiscard]] bool is_told_by_rank_0();

/// Threads of one of the processes on this machine if the person did not say.
[[nodiscard]] int threads_of_one(const ProcessEnvironment& place);

/// A connected team.
struct ConnectedTeam {
  std::unique_ptr<ProcessGroup> group;
  Team team;
};
[[nodiscard]] std::unique_ptr<ConnectedTeam> connect(const ProcessOptions& options, const ProcessEnvironment& place);

}  // namespace normdescent::cli
