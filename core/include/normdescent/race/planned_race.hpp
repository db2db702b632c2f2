// SPDX-License-Identifier: Apache-2.0
// The planner's runs made here, by threads of this process: which optimizer, at which rate, for a budget.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "normdescent/race/planner.hpp"
#include "normdescent/race/race.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

struct PlannedRaceOptions {
  /// Features of the model and batch_size are added where they are not there. validation_batches is the caller's word:
  /// how large the held-out set is, in mini-batches.
  PlannerOptions planner;
  double warmup_fraction = 0.1;  ///< of the steps of each run, short ones too
  Decay decay = Decay::cosine;
  double divergence_factor = 3.0;  ///< see train_once
  int threads = 1;                 ///< runs at a time, one thread each
  std::string state;               ///< of an earlier planner, to go on with; empty: begin
};

struct PlannedRaceResult {
  Decision decision;
  double cost_runs = 0.0;       ///< see Planner::cost_runs
  std::vector<RunRecord> runs;  ///< those of this call, in the order in which they ended
  bool was_stopped = false;     ///< the decision rests on what was finished
  std::string state;            ///< of the planner
};

/// What the policy looks at, from the parameters' roles.
[[nodiscard]] Features model_features(std::span<const Parameter> parameters);

/// Contestants named like a kind that the policy knows are of that kind, and their own rate counts for nothing; others
/// are custom, with their rate as a first guess. Observer events as in race(); on_result is not called. The decision
/// does not depend on `threads`, as long as it rests on steps: seconds are measured.
[[nodiscard]] PlannedRaceResult planned_race(const Problem& problem, std::span<const Contestant> contestants,
                                             const PlannedRaceOptions& options, RaceObserver& observer,
                                             const std::stop_token& stop = {});

}  // namespace normdescent
