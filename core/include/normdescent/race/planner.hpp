// SPDX-License-Identifier: Apache-2.0
// Which runs are wanted next, as an ask/tell planner: it starts nothing, has no threads and reads no clock, so threads,
// one process, or any pool of workers can execute what it asks for.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/policy/decide.hpp"
#include "normdescent/policy/policy.hpp"

namespace normdescent {

struct PlannerOptions {
  std::int64_t steps = 1000;  ///< of one run of the user's, >= 1
  double budget_runs = 0.25;  ///< runs' worth of gradients; 0: none; +infinity: the full race
  double spent_runs = 0.0;    ///< of them, already spent elsewhere (the probe)
  std::uint64_t seed = 1;
  PlanObjective objective = PlanObjective::automatic;
  std::string baseline{};      ///< speed-ups are over this candidate; empty: adamw, else the first one
  Features features{};         ///< of model and data (policy.hpp); steps are added
  int validation_batches = 8;  ///< that one validation is expected to take; a third of a gradient each
  int accumulate = 1;          ///< micro-batches of a step
  // Of the full race:
  int final_seeds = 3;       ///< runs of each candidate at the chosen rate; 0: a search alone
  int search_seeds = 2;      ///< runs of each rate that could still be chosen
  int max_rates = 9;         ///< of each candidate
  double grid_factor = 2.0;  ///< between neighbouring rates
  int curve_points = 20;     ///< validations of a final run, that at the start not counted

  /// std::invalid_argument "field = value, must be ...".
  void validate() const;
};

enum class RunPurpose {
  short_run,  ///< a small copy of the run, with a schedule of its own
  long_run,   ///< a run of full length that looks for a rate, or compares
  final_run,  ///< full length, fresh seed: what is compared in the end
  baseline    ///< the same for a baseline whose rate is fixed
};
[[nodiscard]] const char* to_string(RunPurpose purpose);

/// A run to make. Runs with equal seed have the same initial values and the same examples.
struct PlannedRun {
  std::int64_t id = 0;
  std::string candidate;
  double learning_rate = 0.0;
  std::int64_t steps = 0;  ///< the length of this run, and of its learning-rate schedule
  int evaluations = 2;     ///< validations, evenly spaced; the first before the first step, the last after the last one
  std::uint64_t seed = 0;
  RunPurpose purpose = RunPurpose::short_run;
};

/// What became of a run. NaN and infinite losses are results: they count as divergence.
struct RunResult {
  bool diverged = false;
  double first_loss = 0.0;  ///< validation loss before the first step
  double final_loss = 0.0;  ///< validation loss after the last step
  std::vector<double> curve_steps;
  std::vector<double> curve_losses;                              ///< validation losses at curve_steps
  double train_loss = std::numeric_limits<double>::quiet_NaN();  ///< mean over the last tenth of the steps
  double seconds_per_step = 0.0;                                 ///< median, without validation; 0: not measured
  std::int64_t gradients = 0;                                    ///< micro-batches whose gradients were taken
  std::int64_t validation_batches = 0;
};

/// The conversation: ask for runs, tell what became of each, until done().
///
/// What is decided is a function of the set of results: runs come in closed rounds, and the next round is planned when
/// all results that it rests on are there, whatever their order. state() holds all of it as JSON text, so that a race
/// outlives its process: runs under way at that moment are asked for again.
///
///   budget 0               no run; the decision is what the policy knows beforehand (suggest)
///   a finite budget        short copies of the run, of 1/32 of its length and up, each round where it is expected to
///                          improve the choice most for its cost; never asks for more than the budget
///   an infinite budget     the full race: LearningRateSearch for each candidate, then final runs with fresh seeds
class Planner {
 public:
  /// std::invalid_argument for bad options, no candidate, two of a name, an unknown baseline, or a custom candidate
  /// without a learning rate. `policy` is copied.
  Planner(std::vector<Candidate> candidates, PlannerOptions options, const Policy& policy = shipped_policy());
  ~Planner();
  Planner(Planner&&) noexcept;
  Planner& operator=(Planner&&) noexcept;

  /// At most `limit` runs that can start now; each is given out once. None: all others wait for results, or done().
  [[nodiscard]] std::vector<PlannedRun> ask(int limit);
  /// std::invalid_argument for a run that is not under way (never asked for, told before, or lost).
  void tell(std::int64_t id, const RunResult& result);
  /// The run will give no result; it is asked for again.
  void lost(std::int64_t id);

  [[nodiscard]] bool done() const;
  /// What the results so far have cost, in runs of the user's: (gradients + validation batches / 3) / (steps x
  /// accumulate), with spent_runs.
  [[nodiscard]] double cost_runs() const;
  [[nodiscard]] std::int64_t runs_done() const;
  [[nodiscard]] std::int64_t runs_planned() const;  ///< done and to come, as far as they are known
  /// From the results so far, at any time.
  [[nodiscard]] Decision decision() const;

  [[nodiscard]] const PlannerOptions& options() const;
  [[nodiscard]] const std::vector<Candidate>& candidates() const;

  /// Goes on with another budget, with all results so far. No run may be under way.
  void set_budget(double budget_runs);

  [[nodiscard]] std::string state() const;
  /// std::invalid_argument for text that is no state.
  [[nodiscard]] static Planner from_state(std::string_view json);

 private:
  struct Implementation;
  explicit Planner(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace normdescent
