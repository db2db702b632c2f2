// SPDX-License-Identifier: Apache-2.0
// A fair race: every contestant gets the same budget, the same schedule, the same data; its learning rate is searched
// until the best one is interior and not one lucky seed; final runs use fresh seeds. Knows nothing of predictions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "normdescent/optimizers/routing.hpp"
#include "normdescent/optimizers/schedule.hpp"
#include "normdescent/problem/problem.hpp"

namespace normdescent {

struct RaceOptions {
  std::int64_t steps = 150;      ///< of every run
  int final_seeds = 3;           ///< final runs per contestant at the chosen rate
  int search_seeds = 2;          ///< runs per learning rate that could still be chosen
  double warmup_fraction = 0.1;  ///< of steps
  Decay decay = Decay::cosine;
  double grid_factor = 3.1622776601683795;  ///< ratio between neighbouring learning rates
  int max_rates = 9;                        ///< the grid stops extending here
  std::int64_t evaluate_every = 10;         ///< steps between validations
  double divergence_factor =
      3.0;  ///< a run ends as diverged when its loss is non-finite or above this times its first loss
  std::uint64_t seed = 1;
  int threads = 1;  ///< independent runs at a time, one thread each
};

struct Contestant {
  std::string name;
  OptimizerSpec spec;  ///< its learning rate is the centre of the grid
};

enum class RunStatus { not_run, completed, diverged, stopped };
[[nodiscard]] const char* to_string(RunStatus status);

struct CurvePoint {
  std::int64_t step = 0;  ///< steps done
  double train_loss = 0.0;
  double validation_loss = 0.0;
  double noise_density = -1.0;  ///< phi at this point, or -1 where it was not measured
};

/// One training run inside a race.
struct RunRecord {
  std::string contestant;
  double learning_rate = 0.0;
  std::uint64_t seed = 0;
  bool is_final = false;  ///< final run, or learning-rate search
  RunStatus status = RunStatus::not_run;
  std::vector<CurvePoint> curve;
  double final_loss = 0.0;  ///< last validation loss; +infinity if diverged
};

struct Interval {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

struct ContestantResult {
  std::string name;
  double learning_rate = 0.0;          ///< chosen
  bool best_rate_is_interior = false;  ///< false: the grid ended at max_rates
  std::vector<RunRecord> search;
  std::vector<RunRecord> finals;
  double final_loss = 0.0;          ///< mean over finals
  double final_loss_se = 0.0;       ///< standard error of that mean
  bool diverged = false;            ///< every rate diverged
  std::optional<Interval> speedup;  ///< over the reference contestant; empty where it never reaches the loss
};

struct RaceResult {
  std::vector<ContestantResult> contestants;  ///< in the order given
  std::string reference;                      ///< the contestant that speed-ups refer to ("sgd")
  std::optional<std::string> winner;  ///< empty: no winner outside the noise (z-test), or fewer than two finished
  double winner_z = 0.0;              ///< z of best against second best
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
};

[[nodiscard]] RaceResult race(const Problem& problem, std::span<const Contestant> contestants,
                              const RaceOptions& options, RaceObserver& observer, std::stop_token stop = {});

}  // namespace normdescent
