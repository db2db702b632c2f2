// SPDX-License-Identifier: Apache-2.0
// What the two strategies of the planner share: the runs so far and what they say.
#pragma once

#include <vector>

#include "normdescent/race/planner.hpp"

namespace normdescent {

/// Ids below it are those of low-budget runs; the full race's are kFirstRaceId x (candidate + 1) + number, so that they
/// do not depend on the order of results.
inline constexpr std::int64_t kFirstRaceId = 1'000'000;

struct PlanEntry {
  enum class State { ready, under_way, told };
  PlannedRun run;
  std::size_t candidate = 0;
  bool is_search = false;  ///< of the full race's search for a rate
  int exponent = 0;        ///< of a search run's rate, in grid_factor over the centre
  int number = 0;          ///< of the seed
  State state = State::ready;
  RunResult result;
};

struct Plan {
  PlannerOptions options;
  Policy policy;
  Field field;
  std::vector<PlanEntry> entries;  ///< by id

  [[nodiscard]] bool all_told() const;
  [[nodiscard]] double cost(const PlanEntry& entry) const;  ///< of a run that was told
  [[nodiscard]] double cost_so_far() const;                 ///< with spent_runs
  /// Validation batches that one validation takes: as measured, else as the options expect.
  [[nodiscard]] double validation_size() const;
  [[nodiscard]] double expected_cost(std::int64_t steps, int evaluations) const;

  /// What the runs told so far say; those of the full race only if `with_race`.
  [[nodiscard]] std::vector<RunObservation> observations(bool with_race = true) const;
  [[nodiscard]] Measured measured() const;
};

/// Once two or more rates were run at full length, the one with the lowest mean loss is the choice in steps: it is what
/// was asked about, and no belief about rates between is worth as much. A choice that the clock made stays.
void choose_among_full_runs(const Plan& plan, Decision& decision);

/// The next round of the low-budget plan: empty where no affordable round promises enough. All runs must be told.
[[nodiscard]] std::vector<PlanEntry> next_budgeted(const Plan& plan);
/// log2 of steps that the best round of at most `budget` runs is expected to save.
[[nodiscard]] double gain_of_a_round(const Plan& plan, double budget);

/// Runs that the full race wants and has not asked for yet.
[[nodiscard]] std::vector<PlanEntry> next_of_race(const Plan& plan);
/// Runs that searches are likely to need beyond those known.
[[nodiscard]] std::int64_t race_runs_to_come(const Plan& plan);
/// Every candidate whose rates did not all diverge has all its final runs.
[[nodiscard]] bool race_is_complete(const Plan& plan);
/// From the final runs; race_is_complete() must hold.
[[nodiscard]] Decision decide_race(const Plan& plan);

}  // namespace normdescent
