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

#include "normdescent/base/require.hpp"
#include "race_result.hpp"
#include "race_run.hpp"
#include "race_schedule.hpp"

namespace normdescent {

namespace {

/// Worker threads that take runs from the schedule until nothing is left.
class Runner {
 public:
  Runner(const Problem& problem, std::span<const Contestant> contestants, const RaceOptions& options,
         RaceObserver& observer, const std::stop_token& stop)
      : problem_(problem),
        contestants_(contestants),
        options_(options),
        observer_(observer),
        on_outer_stop_(stop, [this] { stop_.request_stop(); }),
        schedule_(contestants, options) {}

  /// Returns when all workers have ended; rethrows what one of them threw.
  void run() {
    observer_.on_progress(0, schedule_.runs_planned());
    {
      std::vector<std::jthread> workers;
      for (int i = 0; i < options_.threads; ++i) workers.emplace_back([this] { work(); });
    }
    if (error_) std::rethrow_exception(error_);
  }
  [[nodiscard]] RaceResult result() const {
    RaceResult result;
    result.contestants = schedule_.results();
    const bool has_reference = std::ranges::any_of(contestants_, [&](auto& c) { return c.name == options_.reference; });
    result.reference = has_reference ? options_.reference : contestants_.front().name;
    result.was_stopped = !schedule_.is_complete();
    complete_result(result);
    return result;
  }

 private:
  void work() {
    try {
      while (const auto ticket = wait_for_ticket()) {
        RunRecord record =
            run_in_race(problem_, contestants_[ticket->contestant], ticket->run, options_, stop_.get_token());
        const std::lock_guard lock(mutex_);
        observer_.on_run_finished(record);
        schedule_.finish(*ticket, std::move(record));
        observer_.on_progress(schedule_.runs_done(), schedule_.runs_planned());
        observer_.on_result(result());
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stop_.request_stop();
    }
  }

  std::optional<RaceSchedule::Ticket> wait_for_ticket() {
    std::unique_lock lock(mutex_);
    std::optional<RaceSchedule::Ticket> ticket;
    changed_.wait(lock, stop_.get_token(), [&] {
      if (!stop_.stop_requested()) ticket = schedule_.take();
      return ticket.has_value() || schedule_.is_done();
    });
    return ticket;
  }

  const Problem& problem_;
  std::span<const Contestant> contestants_;
  const RaceOptions& options_;
  RaceObserver& observer_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_outer_stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  RaceSchedule schedule_;
  std::exception_ptr error_;
};

}  // namespace

void RaceOptions::validate() const {
  TrainingOptions{.steps = steps, .warmup_fraction = warmup_fraction, .divergence_factor = divergence_factor}
      .validate();
  constexpr int kMaximumSeeds = 100;  // search and final seeds share a block of 1000
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
