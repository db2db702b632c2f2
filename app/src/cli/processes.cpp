// SPDX-License-Identifier: Apache-2.0
#include "processes.hpp"

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "normdescent/distributed/c10d_group.hpp"
#include "normdescent/distributed/launcher.hpp"
#include "option_checks.hpp"

namespace normdescent::cli {

void add_process_options(CLI::App& command, ProcessOptions& options) {
  command
      .add_option("--processes", options.processes,
                  "Processes on this machine that share every mini-batch; torchrun, mpirun and srun need no option")
      ->check(whole_number(1, 1024))
      ->capture_default_str()
      ->type_name("N");
  command
      .add_option("--process-timeout", options.timeout_seconds, "Seconds without an answer after which a rank is lost")
      ->check(whole_number(1, 86'400))
      ->capture_default_str()
      ->type_name("S");
  command
      .add_option("--bucket-megabytes", options.bucket_megabytes,
                  "Gradients that processes exchange at a time: larger for many processes")
      ->check(whole_number(1, 4096))
      ->capture_default_str()
      ->type_name("MB");
  command.add_flag("--shard-state", options.shard_state,
                   "Each process keeps the optimizer state of its part of the tensors alone");
  command.add_flag("--majority-vote", options.majority_vote,
                   "Processes exchange signs, one bit a coordinate, and follow the majority (signsgd)");
}

std::optional<ProcessEnvironment> find_place(const ProcessOptions& options) {
  auto place = find_process_environment();
  if (place && options.processes > 1 && place->size != options.processes)
    throw UserError("--processes is " + std::to_string(options.processes) + ", but the launcher started " +
                        std::to_string(place->size),
                    "leave --processes out where a launcher starts the processes");
  if (!place && options.processes == 1 && options.majority_vote)
    throw UserError("--majority-vote needs several voters", "add --processes N, or start it with torchrun");
  return place;
}

int launch(const ProcessOptions& options, Session& session) {
  const LaunchReport report =
      launch_processes({.processes = options.processes, .arguments = session.arguments}, session.stop);
  if (!report.reason.empty()) session.err << "normdescent: " << report.reason << '\n';
  return report.exit_code;
}

bool is_told_by_rank_0() {
  const auto place = find_process_environment();
  return place && place->rank > 0 && place->local_size == place->size;
}

int threads_of_one(const ProcessEnvironment& place) { return std::max(1, available_threads() / place.local_size); }

std::unique_ptr<ConnectedTeam> connect(const ProcessOptions& options, const ProcessEnvironment& place) {
  auto group = make_c10d_group(place, std::chrono::seconds(options.timeout_seconds));
  ProcessGroup& connected = *group;
  const Combination combination = options.majority_vote ? Combination::majority_vote : Combination::mean;
  return std::make_unique<ConnectedTeam>(
      ConnectedTeam{.group = std::move(group),
                    .team = {.group = connected,
                             .data = {.combination = combination,
                                      .bucket_bytes = static_cast<std::size_t>(options.bucket_megabytes) << 20U},
                             .work = options.shard_state ? SharedWork::all_state : SharedWork::matrices}});
}

}  // namespace normdescent::cli
