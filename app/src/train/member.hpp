// SPDX-License-Identifier: Apache-2.0
// What one process of a run holds, whether it is alone or in a team, and what the team's processes tell each other
// between steps.
#pragma once

#include <memory>
#include <stop_token>

#include "monitored_objective.hpp"
#include "normdescent/train/checkpoint.hpp"
#include "normdescent/train/team.hpp"

namespace normdescent::train_detail {

struct Member {
  std::unique_ptr<Objective> objective;
  Optimizer<float> optimizer;
  std::stop_token stop;                           ///< of all processes at once
  std::unique_ptr<MonitoredObjective> monitored;  ///< null: gradient noise is not measured

  [[nodiscard]] Objective& trained() const { return monitored ? static_cast<Objective&>(*monitored) : *objective; }
};
/// Instance and optimizer of this process. Throws std::invalid_argument for an optimizer that cannot be shared:
/// majority votes are for recipes whose whole rule is sign(g).
[[nodiscard]] Member make_member(const Problem& problem, const OptimizerSpec& spec, const TrainerOptions& options,
                                 const std::stop_token& stop);

/// Rank 0 tells which run it is and where it begins. No team: nothing.
void tell_start(const Team* team, const RunIdentity& identity, const Checkpoint* start);
/// The other ranks, with options.team, compare and, if rank 0 resumed, read the same checkpoint.
[[nodiscard]] TrainingPosition hear_start(const Team& team, const RunIdentity& identity,
                                          const std::filesystem::path& folder, Member& member);

/// Rank 0 tells whether a checkpoint comes next: then all ranks call Optimizer::state(), which may collect it.
void tell_checkpoint(const Team* team, bool is_next);
[[nodiscard]] bool hear_checkpoint(const Team& team);

/// The schedule's and the divergence's part of the options.
[[nodiscard]] TrainingOptions training_options(const TrainerOptions& options);

/// Puts a checkpoint of this run, or of a shorter one that it lengthens, back. UserError as read_checkpoint.
[[nodiscard]] Checkpoint start_at(const std::filesystem::path& checkpoint_folder, const RunIdentity& identity,
                                  const TrainerOptions& options, Member& member);

}  // namespace normdescent::train_detail
