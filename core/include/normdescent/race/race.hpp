// SPDX-License-Identifier: Apache-2.0
// A fair race: every contestant gets the same budget, the same schedule, the same data; its learning rate is searched
// until the best one is interior and not one lucky seed; final runs use fresh seeds. Knows nothing of predictions.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "normdescent/optimizers/routing.hpp"
#include "normdescent/optimizers/schedule.hpp"
#include "normdescent/race/race_statistics.hpp"
#include "normdescent/training/problem.hpp"
#include "normdescent/training/stepper.hpp"
#include "normdescent/training/training_run.hpp"

namespace normdescent {

struct RaceOptions {
  std::int64_t steps = 150;      ///< of every run
  int final_seeds = 3;           ///< final runs per contestant at the chosen rate; 0: a search alone
  int search_seeds = 2;          ///< runs per learning rate that could still be chosen
  double warmup_fraction = 0.1;  ///< of steps
  Decay decay = Decay::cosine;
  double grid_factor = 3.1622776601683795;  ///< ratio between neighbouring learning rates
  int max_rates = 9;                        ///< the grid stops extending here; 1: no search, the specs' own rates
  std::int64_t evaluate_every = 10;  ///< steps between points of a curve; search runs are validated at their end only
  double divergence_factor = 3.0;    ///< see train_once
  std::uint64_t seed = 1;
  int threads = 1;                ///< independent runs at a time, one thread each
  std::string reference = "sgd";  ///< speed-ups are over this contestant; the first one if it does not take part
  /// And over each of these that takes part, in steps and in time: what people use today.
  std::vector<std::string> baselines = {"sgd-momentum", "adamw"};
  int noise_points = 5;                ///< noise density is measured so often along the first final run; 0: never
  int noise_batches = 8;               ///< extra gradients for each of them, >= 2
  std::uint32_t noise_batch_size = 1;  ///< examples in each (phi does not depend on it)

  /// std::invalid_argument "field = value, must be ...".
  void validate() const;
};

struct Contestant {
  std::string name;
  OptimizerSpec spec{};  ///< its learning rate is the centre of the grid
  /// Somebody's own optimizer instead of `spec`, and its centre of the grid.
  StepperFactory make_stepper{};
  double learning_rate = 0.0;
};

struct CurvePoint {
  std::int64_t step = 0;         ///< steps done
  double train_loss = 0.0;       ///< mean over the mini-batches since the point before (step 0: the first mini-batch)
  double validation_loss = 0.0;  ///< NaN where it was not measured
  double noise_density = -1.0;   ///< phi at this point, or -1 where it was not measured
};

/// One training run inside a race.
struct RunRecord {
  std::string contestant;
  double learning_rate = 0.0;
  std::uint64_t seed = 0;
  bool is_final = false;  ///< final run, or learning-rate search
  RunStatus status = RunStatus::not_run;
  bool is_stuck = false;  ///< completed, but far above the best seed of the same rate (a plateau; kSimilarShare)
  std::string reason;     ///< why it diverged
  std::vector<CurvePoint> curve;
  double first_loss = 0.0;  ///< validation loss before the first step
  double final_loss = 0.0;  ///< last validation loss; +infinity if diverged; NaN if stopped
  std::int64_t steps_done = 0;
  double seconds_per_step = 0.0;  ///< gradient and update, median over the steps; 0: none was taken
  std::size_t state_bytes = 0;    ///< memory of the optimizer's state; 0: not known
};

/// Of one contestant over another, in steps and in seconds of training.
struct SpeedupOver {
  std::string baseline;
  std::optional<SpeedupInterval> steps;  ///< 95%; empty where one of the two makes no progress
  std::optional<SpeedupInterval> time;   ///< the same, times the baseline's seconds a step over its own
};

struct ContestantResult {
  std::string name;
  double learning_rate = 0.0;          ///< chosen
  bool best_rate_is_interior = false;  ///< false: the grid ended at max_rates, or the race was stopped
  std::vector<RunRecord> search;       ///< by rate, then number of the seed
  std::vector<RunRecord> finals;
  double final_loss = std::numeric_limits<double>::quiet_NaN();     ///< mean over finals; +infinity if one diverged
  double final_loss_se = std::numeric_limits<double>::quiet_NaN();  ///< standard error of that mean
  bool diverged = false;                                            ///< every rate, or a final run, diverged
  std::optional<SpeedupInterval> speedup;  ///< over the reference, 95%; empty where one of the two makes no progress
  std::vector<SpeedupOver> speedups{};     ///< over each baseline that takes part
  double seconds_per_step = 0.0;           ///< median over its runs; 0: none was measured
  std::size_t state_bytes = 0;
  bool is_inside_noise_of_best = false;  ///< not significantly worse than the best contestant (true for the best)
};

struct RaceResult {
  std::vector<ContestantResult> contestants;  ///< in the order given
  std::string reference;                      ///< the contestant that speed-ups refer to ("sgd")
  std::optional<std::string> winner;  ///< empty: no winner outside the noise, fewer than two finished, or stopped
  double winner_z = 0.0;              ///< z of best against second best (test_winner)
  bool was_stopped = false;
};

/// Called while a race runs; calls are serialized, from any thread.
class RaceObserver {
 public:
  RaceObserver() = default;
  RaceObserver(const RaceObserver&) = delete;
  RaceObserver& operator=(const RaceObserver&) = delete;
  virtual ~RaceObserver() = default;
  /// Planned work changed: runs finished and runs known to be still to come.
  virtual void on_progress(int runs_done, int runs_planned) { (void)runs_done, (void)runs_planned; }
  virtual void on_run_finished(const RunRecord& run) { (void)run; }
  /// After each run: all that is known so far, statistics included; was_stopped is set while runs are to come.
  virtual void on_result(const RaceResult& so_far) { (void)so_far; }
};

/// Runs the race.
///
/// What is run is what the Planner's full race asks for: every contestant goes through LearningRateSearch (centre: its
/// own rate) and then does final_seeds runs at the chosen rate; the searches run side by side, `threads` runs at a
/// time, so that seconds a step are those of a machine under this load. All runs have the same schedule, and run i of
/// every contestant the same initial values, mini-batches and seed; search and final runs share no seeds.
/// A run is a function of (contestant, rate, seed), and decisions wait for all runs they rest on, so that the result
/// does not depend on `threads`. A run that diverges ends; the race goes on. After a stop request everything measured
/// so far is returned. Exceptions of the problem end the race and are rethrown here.
///
/// Throws std::invalid_argument for bad options, no contestant, or two of the same name.
/// Cost: per contestant about 3 + 2 search_seeds + final_seeds runs, more where the grid must extend; memory: per
/// thread one objective, one optimizer state and 2 floats a coordinate.
[[nodiscard]] RaceResult race(const Problem& problem, std::span<const Contestant> contestants,
                              const RaceOptions& options, RaceObserver& observer, std::stop_token stop = {});

/// The rate that a race searches and reports for a spec with several recipes: that of its first route, else that of its
/// fallback; all others keep their ratio to it.
[[nodiscard]] double learning_rate_of(const OptimizerSpec& spec);
[[nodiscard]] double learning_rate_of(const Contestant& contestant);

}  // namespace normdescent
