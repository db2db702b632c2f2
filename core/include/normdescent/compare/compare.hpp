// SPDX-License-Identifier: Apache-2.0
// The main job on any problem: probe, predict, race, verdict. What becomes of the result is the observer's business.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/predict/predict.hpp"
#include "normdescent/probe/probe.hpp"
#include "normdescent/race/race.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// What result.json says about the task; nothing is computed from it.
struct TaskDescription {
  std::string command_line;
  std::string kind = "lm";
  std::string data;
  std::string data_hash;
  std::string model;
  std::int64_t batch = 0;    ///< examples in a mini-batch
  std::int64_t context = 1;  ///< tokens in an example
};

/// The defaults are the budget of `compare` on the nano GPT: docs/decisions/race.md has the arithmetic.
struct CompareOptions {
  /// Names of the catalog, and "sgd-momentum": SGD as most people run it, with Nesterov momentum of 0.9.
  std::vector<std::string> optimizers = {"sgd", "sgd-momentum", "normalized-sgd", "signsgd", "lion", "muon", "adamw"};
  /// More of them that no catalog has, such as norm_descent of a geometry of one's own; each at its spec's rate.
  std::vector<Contestant> own = {};
  /// Centres of the learning-rate grids; optimizers that are not in it start at their catalog default.
  std::map<std::string, double> learning_rates = default_grid_centres();
  ProbeOptions probe = {};
  RaceOptions race = {.steps = 120, .final_seeds = 3, .search_seeds = 2, .max_rates = 9, .evaluate_every = 10};
  std::uint64_t seed = 1;  ///< of everything; overrides those of probe and race
  int threads = 1;         ///< inside the probe, and runs at a time in the race; overrides race.threads

  static std::map<std::string, double> default_grid_centres();
  /// The optimizers with their centres. std::invalid_argument for unknown or repeated names and rates that are not
  /// positive.
  [[nodiscard]] std::vector<Contestant> contestants() const;
};

struct CompareResult {
  ProbeReport probe;
  Prediction prediction;
  RaceResult race;
  bool is_complete = false;                  ///< false: stopped; what was measured up to then is there
  std::optional<bool> prediction_was_right;  ///< see judge
  std::string verdict;                       ///< one sentence
  double probe_seconds = 0.0;
  double race_seconds = 0.0;
  double total_seconds = 0.0;
};

/// Called by compare. Race events come serialized, from any thread.
class CompareObserver : public RaceObserver {
 public:
  virtual void on_probe_progress(double fraction, std::string_view phase) { (void)fraction, (void)phase; }
  /// Before the first race run starts: the moment to show the prediction.
  virtual void on_prediction(const ProbeReport& probe, const Prediction& prediction) { (void)probe, (void)prediction; }
  /// All that is known so far: after the probe, after the prediction, after every run of the race and at the end.
  virtual void on_update(const CompareResult& so_far) { (void)so_far; }
};

/// Probe, predict, race, verdict. Throws std::invalid_argument for bad options.
[[nodiscard]] CompareResult compare(const Problem& problem, const CompareOptions& options, CompareObserver& observer,
                                    const std::stop_token& stop = {});

/// The prediction against the race. With a winner the prediction was right if its favourite is the winner; without one,
/// if its favourite is inside the noise of the best. Empty if the race was stopped or nobody finished.
struct Judgement {
  std::optional<bool> prediction_was_right;
  std::string verdict;
};
[[nodiscard]] Judgement judge(const Prediction& prediction, const RaceResult& race);

/// The text of result.json (docs/architecture.md); `compare --json` prints the same.
[[nodiscard]] std::string result_json(const CompareResult& result, const TaskDescription& task,
                                      const CompareOptions& options);

}  // namespace normdescent
