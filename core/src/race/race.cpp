// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/race.hpp"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/base/require.hpp"
#include "normdescent/race/planner.hpp"
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

/// Worker threads that take runs from the planner until nothing is left.
class Runner {
 public:
  Runner(const Problem& problem, std::span<const Contestant> contestants, const RaceOptions& options,
         RaceObserver& observer, const std::stop_token& stop)
      : problem_(problem),
        contestants_(contestants),
        options_(options),
        observer_(observer),
        on_outer_stop_(stop, [this] { stop_.request_stop(); }),
        planner_(candidates_of(contestants), planner_options(options)),
        records_(contestants.size()) {}

  /// Returns when all workers have ended; rethrows what one of them threw.
  void run() {
    report_progress();
    {
      std::vector<std::jthread> workers;
      for (int i = 0; i < options_.threads; ++i) workers.emplace_back([this] { work(); });
    }
    if (error_) std::rethrow_exception(error_);
  }
  [[nodiscard]] RaceResult result() const {
    RaceResult result;
    for (std::size_t i = 0; i < contestants_.size(); ++i)
      result.contestants.push_back(contestant_result(contestants_[i], records_[i], options_));
    const bool has_reference = std::ranges::any_of(contestants_, [&](auto& c) { return c.name == options_.reference; });
    result.reference = has_reference ? options_.reference : contestants_.front().name;
    result.was_stopped = was_stopped_ || !planner_.done();
    complete_result(result, options_.baselines);
    return result;
  }

 private:
  void work() {
    try {
      while (const auto planned = wait_for_run()) {
        const auto contestant = static_cast<std::size_t>(
            std::ranges::find(contestants_, planned->candidate, &Contestant::name) - contestants_.begin());
        const bool is_final = planned->purpose == RunPurpose::final_run;
        const RaceRun run{.learning_rate = planned->learning_rate,
                          .seed = planned->seed,
                          .is_final = is_final,
                          .measures_noise = is_final && options_.noise_points > 0 &&
                                            planned->seed == derive_seed(options_.seed, Purpose::final_run, 0)};
        RunRecord record = run_in_race(problem_, contestants_[contestant], run, options_, stop_.get_token());
        const std::lock_guard lock(mutex_);
        observer_.on_run_finished(record);
        tell(*planned, record);
        records_[contestant].push_back(std::move(record));
        report_progress();
        observer_.on_result(result());
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stop_.request_stop();
    }
  }

  /// A stopped run is no result: nothing is decided without it.
  void tell(const PlannedRun& planned, const RunRecord& record) {
    if (record.status == RunStatus::stopped) {
      was_stopped_ = true;
      planner_.lost(planned.id);
      return;
    }
    RunResult result{.diverged = record.status == RunStatus::diverged,
                     .first_loss = record.first_loss,
                     .final_loss = record.final_loss,
                     .curve_steps = {},
                     .curve_losses = {},
                     .seconds_per_step = record.seconds_per_step,
                     .gradients = planned.steps};
    for (const CurvePoint& point : record.curve) {
      if (std::isnan(point.validation_loss)) continue;
      result.curve_steps.push_back(static_cast<double>(point.step));
      result.curve_losses.push_back(point.validation_loss);
    }
    planner_.tell(planned.id, result);
  }

  void report_progress() {
    std::size_t done = 0;
    for (const auto& records : records_) done += records.size();
    observer_.on_progress(static_cast<int>(done),
                          std::max(static_cast<int>(planner_.runs_planned()), static_cast<int>(done)));
  }

  std::optional<PlannedRun> wait_for_run() {
    std::unique_lock lock(mutex_);
    std::optional<PlannedRun> run;
    changed_.wait(lock, stop_.get_token(), [&] {
      if (stop_.stop_requested()) return planner_.done();
      const std::vector<PlannedRun> asked = planner_.ask(1);
      if (!asked.empty()) run = asked.front();
      return run.has_value() || planner_.done();
    });
    return run;
  }

  const Problem& problem_;
  std::span<const Contestant> contestants_;
  const RaceOptions& options_;
  RaceObserver& observer_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_outer_stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Planner planner_;
  std::vector<std::vector<RunRecord>> records_;  ///< by contestant
  bool was_stopped_ = false;
  std::exception_ptr error_;
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
