// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/race.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/base/require.hpp"
#include "normdescent/race/planner.hpp"
#include "plan_executor.hpp"
#include "race_result.hpp"
#include "race_run.hpp"

namespace normdescent {

namespace {

/// Centres of the searches: contestants are optimizers of their own, of which the policy knows nothing here.
std::vector<Candidate> candidates_of(std::span<const Contestant> contestants) {
  std::vector<Candidate> candidates;
  for (const Contestant& contestant : contestants) {
    candidates.push_back({.name = contestant.name,
                          .kind = "custom",
                          .learning_rate = learning_rate_of(contestant),
                          .rate_is_fixed = false});
  }
  return candidates;
}

PlannerOptions planner_options(const RaceOptions& options) {
  return {.steps = options.steps,
          .budget_runs = std::numeric_limits<double>::infinity(),
          .seed = options.seed,
          .final_seeds = options.final_seeds,
          .search_seeds = options.search_seeds,
          .max_rates = options.max_rates,
          .grid_factor = options.grid_factor};
}

/// One race on its way.
class Runner {
 public:
  Runner(const Problem& problem, std::span<const Contestant> contestants, const RaceOptions& options,
         RaceObserver& observer, const std::stop_token& stop)
      : problem_(problem),
        contestants_(contestants),
        options_(options),
        observer_(observer),
        planner_(candidates_of(contestants), planner_options(options)),
        executor_(
            planner_, options.threads,
            [this](const PlannedRun& run, const std::stop_token& stop_run) { return make(run, stop_run); },
            [this](const PlannedRun& run, RunRecord record) { end(run, std::move(record)); }, stop),
        records_(contestants.size()) {}

  void run() {
    report_progress();
    executor_.run();
  }
  [[nodiscard]] RaceResult result() const {
    RaceResult result;
    for (std::size_t i = 0; i < contestants_.size(); ++i)
      result.contestants.push_back(contestant_result(contestants_[i], records_[i], options_));
    const bool has_reference = std::ranges::any_of(contestants_, [&](auto& c) { return c.name == options_.reference; });
    result.reference = has_reference ? options_.reference : contestants_.front().name;
    result.was_stopped = executor_.was_stopped();
    complete_result(result, options_.baselines);
    return result;
  }

 private:
  [[nodiscard]] std::size_t index_of(const PlannedRun& run) const {
    return static_cast<std::size_t>(std::ranges::find(contestants_, run.candidate, &Contestant::name) -
                                    contestants_.begin());
  }
  [[nodiscard]] RunRecord make(const PlannedRun& run, const std::stop_token& stop) const {
    const bool is_final = run.purpose == RunPurpose::final_run;
    const bool is_first = run.seed == derive_seed(options_.seed, Purpose::final_run, 0);
    return run_in_race(problem_, contestants_[index_of(run)],
                       {.learning_rate = run.learning_rate,
                        .seed = run.seed,
                        .is_final = is_final,
                        .measures_noise = is_final && is_first && options_.noise_points > 0},
                       options_, stop);
  }
  void end(const PlannedRun& run, RunRecord record) {
    observer_.on_run_finished(record);
    records_[index_of(run)].push_back(std::move(record));
    report_progress();
    observer_.on_result(result());
  }
  void report_progress() {
    std::size_t done = 0;
    for (const auto& records : records_) done += records.size();
    const auto count = static_cast<int>(done);
    observer_.on_progress(count, std::max(static_cast<int>(planner_.runs_planned()), count));
  }

  const Problem& problem_;
  std::span<const Contestant> contestants_;
  const RaceOptions& options_;
  RaceObserver& observer_;
  Planner planner_;
  PlanExecutor executor_;
  std::vector<std::vector<RunRecord>> records_;  ///< by contestant
};

}  // namespace

void RaceOptions::validate() const {
  TrainingOptions{.steps = steps, .warmup_fraction = warmup_fraction, .divergence_factor = divergence_factor}
      .validate();
  constexpr int kMaximumSeeds = 100;  // more are a slip
  require(final_seeds >= 0 && final_seeds <= kMaximumSeeds, "final_seeds", final_seeds, "in [0, 100]");
  require(search_seeds >= 1 && search_seeds <= kMaximumSeeds, "search_seeds", search_seeds, "in [1, 100]");
  require(std::isfinite(grid_factor) && grid_factor > 1.0, "grid_factor", grid_factor, "finite and above 1");
  require(max_rates == 1 || max_rates >= 3, "max_rates", max_rates, "1 or at least 3");
  require(evaluate_every >= 1, "evaluate_every", evaluate_every, "at least 1");
  require(threads >= 1, "threads", threads, "at least 1");
  require(noise_points >= 0, "noise_points", noise_points, "at least 0");
  require(noise_batches >= 2, "noise_batches", noise_batches, "at least 2");
  require(noise_batch_size >= 1, "noise_batch_size", noise_batch_size, "at least 1");
}

double learning_rate_of(const OptimizerSpec& spec) {
  return spec.routes.empty() ? spec.fallback.learning_rate : spec.routes.front().recipe.learning_rate;
}

double learning_rate_of(const Contestant& contestant) {
  return contestant.make_stepper ? contestant.learning_rate : learning_rate_of(contestant.spec);
}

RaceResult race(const Problem& problem, std::span<const Contestant> contestants, const RaceOptions& options,
                RaceObserver& observer, std::stop_token stop) {
  options.validate();
  if (contestants.empty()) throw std::invalid_argument("contestants = none, must be at least one");
  std::set<std::string> names;
  for (const auto& contestant : contestants) {
    if (!names.insert(contestant.name).second)
      throw std::invalid_argument("contestants = " + contestant.name + " twice, must be distinct");
  }

  Runner runner(problem, contestants, options, observer, stop);
  runner.run();
  return runner.result();
}

}  // namespace normdescent
