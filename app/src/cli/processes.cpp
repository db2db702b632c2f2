// SPDX-License-Identifier: Apache-2.0
#include "processes.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "normdescent/base/user_error.hpp"
#include "normdescent/distributed/c10d_group.hpp"
#include "option_checks.hpp"

namespace normdescent::cli {

void add_process_options(CLI::App& command, ProcessOptions& options) {
  command
      .add_option("--process-timeout", options.timeout_seconds, "Seconds without an answer after which a rank is lost")
      ->check(integer(1, 86'400))
      ->capture_default_str()
      ->type_name("S");
  command
      .add_option("--bucket-megabytes", options.bucket_megabytes,
                  "Gradients that processes exchange at a time: larger for many processes")
      ->check(integer(1, 4096))
      ->capture_default_str()
      ->type_name("MB");
  command.add_flag("--shard-state", options.shard_state,
                   "Each process keeps the optimizer state of its part of the tensors alone");
  command.add_flag("--majority-vote", options.majority_vote,
                   "Processes exchange signs, one bit a coordinate, and follow the majority (signsgd)");
}

std::optional<ProcessEnvironment> find_place(const ProcessOptions& options) {
  auto place = find_process_environment();
  if ((!place || place->size == 1) && options.majority_vote)
    throw UserError(
        "--majority-vote needs several voters",
        "start several processes: torchrun --no-python --nproc-per-node 2 normdescent train ..., or mpirun");
  return place;
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
