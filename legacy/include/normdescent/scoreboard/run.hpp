// SPDX-License-Identifier: Apache-2.0
// Runs the scoreboard: for each problem evidence, predictions written down, race. Everything lands in one folder a
// problem, so that a run can be stopped and continued.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/compare/evidence.hpp"
#include "normdescent/race/race.hpp"
#include "normdescent/scoreboard/record.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// A problem as the scoreboard needs it (the zoo has them; so may a test).
struct RacedProblem {
  std::string name;
  std::string family;
  std::int64_t steps = 0;
  std::function<std::shared_ptr<const Problem>()> make;
};

struct ScoreboardOptions {
  std::vector<std::string> optimizers = {"sgd", "normalized-sgd", "signsgd", "signum", "lion", "muon", "adamw"};
  /// steps, seed, threads and evaluate_every are set for each problem. Noise along the runs is not measured.
  /// Finer and with more seeds than `compare` races, because predictors are judged by it.
  RaceOptions race = {
      .final_seeds = 5, .search_seeds = 3, .grid_factor = 2.1544346900318838, .max_rates = 12, .noise_points = 0};
  /// Fewer samples than `compare` takes: together with the short race near 5% of the race.
  EvidenceOptions evidence = {.probe = {.micro_batches = 32,
                                        .pilot_micro_batches = 16,
                                        .search_repetitions = 2,
                                        .repetitions = 2,
                                        .pilot_steps = 8,
                                        .pilot_tries = 3,
                                        .pilots = {{"sgd", geometries::euclidean(), false},
                                                   {"signsgd", geometries::sign(), true},
                                                   {"muon", geometries::spectral(), true}}}};
  int curve_points = 30;  ///< validations along a final run
  std::uint64_t seed = 1;
  int threads = 1;

  /// What results depend on, as JSON: two runs with equal text can share a folder.
  [[nodiscard]] std::string settings() const;
};

/// Called from any thread, serialized.
class ScoreboardObserver {
 public:
  ScoreboardObserver() = default;
  ScoreboardObserver(const ScoreboardObserver&) = delete;
  ScoreboardObserver& operator=(const ScoreboardObserver&) = delete;
  virtual ~ScoreboardObserver() = default;
  /// `fraction` of all problems' work done; `what` goes on with which.
  virtual void on_progress(double fraction, std::string_view what) { (void)fraction, (void)what; }
  /// Predictions of this problem are on disk and its race is about to start.
  virtual void on_prediction(const ProblemRecord& record, const Prediction& prediction) {
    (void)record, (void)prediction;
  }
  virtual void on_raced(const ProblemRecord& record) { (void)record; }
  /// A problem that cannot be measured, and why; it is left out.
  virtual void on_left_out(const std::string& problem, const std::string& reason) { (void)problem, (void)reason; }
};

/// Problems whose race.json is complete are not run again. Evidence and predictions that are there are used again.
/// Returns false if it was stopped: the race under way is lost, everything before it is kept.
/// UserError for a folder of other settings, for files that were changed, and where a file cannot be written.
bool run_scoreboard(std::span<const RacedProblem> problems, const ScoreboardOptions& options,
                    const std::filesystem::path& folder, ScoreboardObserver& observer,
                    const std::stop_token& stop = {});

/// All complete records of a folder, by name. UserError if there is no scoreboard in it.
[[nodiscard]] std::vector<ProblemRecord> read_records(const std::filesystem::path& folder);

}  // namespace normdescent
