// SPDX-License-Identifier: Apache-2.0
#include "race_schedule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace normdescent {

RaceSchedule::RaceSchedule(std::span<const Contestant> contestants, const RaceOptions& options)
    : contestants_(contestants), options_(options) {
  for (const auto& contestant : contestants) {
    progress_.push_back({.search = LearningRateSearch({.centre = learning_rate_of(contestant.spec),
                                                       .factor = options.grid_factor,
                                                       .max_rates = options.max_rates,
                                                       .seeds = options.search_seeds}),
                         .ready = {},
                         .search_records = {},
                         .final_records = {}});
    refill(progress_.size() - 1);
  }
}

void RaceSchedule::refill(std::size_t index) {
  Progress& progress = progress_[index];
  for (const auto& run : progress.search.next_runs()) {
    progress.ready.push_back({.contestant = index,
                              .search = run,
                              .run = {.rate_scale = std::pow(options_.grid_factor, run.exponent),
                                      .seed = search_seed(options_, run.seed_number)}});
  }
  if (progress.ready.empty()) {
    progress.searches = false;
    const double scale = std::pow(options_.grid_factor, progress.search.best_exponent());
    for (int i = 0; i < options_.final_seeds && !progress.search.all_diverged(); ++i) {
      progress.ready.push_back({.contestant = index,
                                .search = {},
                                .final_number = i,
                                .run = {.rate_scale = scale,
                                        .seed = final_seed(options_, i),
                                        .is_final = true,
                                        .measures_noise = i == 0 && options_.noise_points > 0}});
    }
  }
  std::reverse(progress.ready.begin(), progress.ready.end());
}

std::optional<RaceSchedule::Ticket> RaceSchedule::take() {
  const auto urgency = [](const Progress& p) { return std::pair(p.searches ? 0 : 1, p.search_records.size()); };
  Progress* next = nullptr;
  for (auto& progress : progress_) {
    if (!progress.ready.empty() && (next == nullptr || urgency(progress) < urgency(*next))) next = &progress;
  }
  if (next == nullptr) return std::nullopt;
  const Ticket ticket = next->ready.back();
  next->ready.pop_back();
  ++next->under_way;
  return ticket;
}

void RaceSchedule::finish(const Ticket& ticket, RunRecord record) {
  Progress& progress = progress_[ticket.contestant];
  --progress.under_way;
  const bool was_stopped = record.status == RunStatus::stopped;
  was_stopped_ = was_stopped_ || was_stopped;
  if (!ticket.run.is_final && !was_stopped)
    progress.search.report(ticket.search, {.first_loss = record.first_loss, .final_loss = record.final_loss});
  (ticket.run.is_final ? progress.final_records : progress.search_records).push_back(std::move(record));
  // A stopped run is no result: the search keeps waiting for it, so that nothing is decided without it.
  if (progress.searches && progress.ready.empty() && progress.under_way == 0 && !was_stopped) refill(ticket.contestant);
}

bool RaceSchedule::is_done() const {
  return std::ranges::all_of(progress_, [](const auto& p) { return p.ready.empty() && p.under_way == 0; });
}

int RaceSchedule::runs_done() const {
  std::size_t done = 0;
  for (const auto& progress : progress_) done += progress.search_records.size() + progress.final_records.size();
  return static_cast<int>(done);
}

int RaceSchedule::runs_planned() const {
  std::size_t planned = 0;
  for (const auto& progress : progress_) {
    const std::size_t known = progress.search_records.size() + progress.final_records.size() + progress.ready.size() +
                              static_cast<std::size_t>(progress.under_way);
    // Typical search: three rates, further seeds for the best one and one neighbour.
    const auto typical = static_cast<std::size_t>(options_.max_rates == 1 ? 0 : 3 + 2 * (options_.search_seeds - 1));
    planned += progress.searches ? std::max(known, typical) + static_cast<std::size_t>(options_.final_seeds) : known;
  }
  return static_cast<int>(planned);
}

std::vector<ContestantResult> RaceSchedule::results() const {
  std::vector<ContestantResult> results;
  for (std::size_t i = 0; i < progress_.size(); ++i) {
    const Progress& progress = progress_[i];
    ContestantResult result{.name = contestants_[i].name,
                            .search = progress.search_records,
                            .finals = progress.final_records,
                            .speedup = {}};
    const auto order = [](const RunRecord& run) { return std::pair(run.learning_rate, run.seed); };
    std::ranges::sort(result.search, {}, order);
    std::ranges::sort(result.finals, {}, order);
    result.learning_rate = progress.search.learning_rate(progress.search.best_exponent());
    result.best_rate_is_interior = !progress.searches && progress.search.best_is_interior();
    if (!result.finals.empty()) result.learning_rate = result.finals.front().learning_rate;
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace normdescent
