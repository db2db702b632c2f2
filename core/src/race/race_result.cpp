// SPDX-License-Identifier: Apache-2.0
#include "race_result.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/race/learning_rate_search.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/statistics/quantile.hpp"

namespace normdescent {

namespace {

template <class Visitor>
void for_each_run(ContestantResult& contestant, Visitor visit) {
  for (auto& run : contestant.search) visit(run);
  for (auto& run : contestant.finals) visit(run);
}

void mark_stuck_runs(ContestantResult& contestant) {
  double descent = 0.0;
  for_each_run(contestant, [&](const RunRecord& run) {
    if (run.status == RunStatus::completed) descent = std::max(descent, run.first_loss - run.final_loss);
  });
  for_each_run(contestant, [&](RunRecord& run) {
    double best = std::numeric_limits<double>::infinity();
    for_each_run(contestant, [&](const RunRecord& other) {
      if (other.status == RunStatus::completed && other.learning_rate == run.learning_rate)
        best = std::min(best, other.final_loss);
    });
    run.is_stuck = run.status == RunStatus::completed && run.final_loss - best > kSimilarShare * descent;
  });
}

LossCurve validation_curve(const RunRecord& run) {
  LossCurve curve;
  for (const auto& point : run.curve) {
    if (std::isnan(point.validation_loss)) continue;
    curve.steps.push_back(static_cast<double>(point.step));
    curve.losses.push_back(point.validation_loss);
  }
  return curve;
}

/// Speed-up over the seeds that both completed.
std::optional<SpeedupInterval> speedup_over(const ContestantResult& reference, const ContestantResult& own) {
  if (reference.diverged || own.diverged) return std::nullopt;
  std::vector<LossCurve> reference_curves;
  std::vector<LossCurve> own_curves;
  for (const auto& run : own.finals) {
    for (const auto& partner : reference.finals) {
      const bool both_completed = run.status == RunStatus::completed && partner.status == RunStatus::completed;
      if (!both_completed || partner.seed != run.seed) continue;
      reference_curves.push_back(validation_curve(partner));
      own_curves.push_back(validation_curve(run));
    }
  }
  return own_curves.empty() ? std::nullopt : speedup(reference_curves, own_curves);
}

/// Which of its purpose's seeds a run has.
int seed_number(const RunRecord& run, const RaceOptions& options) {
  const auto purpose = run.is_final ? Purpose::final_run : Purpose::search_run;
  const int count = run.is_final ? options.final_seeds : options.search_seeds;
  int number = 0;
  while (number < count && derive_seed(options.seed, purpose, static_cast<std::uint64_t>(number)) != run.seed) ++number;
  return number;
}

std::optional<SpeedupInterval> scaled(const std::optional<SpeedupInterval>& interval, double factor) {
  if (!interval || !(factor > 0.0)) return std::nullopt;
  return SpeedupInterval{interval->value * factor, interval->low * factor, interval->high * factor};
}

std::vector<double> final_losses(const ContestantResult& contestant) {
  std::vector<double> losses;
  for (const auto& run : contestant.finals) {
    if (run.status == RunStatus::completed || run.status == RunStatus::diverged) losses.push_back(run.final_loss);
  }
  return losses;
}

}  // namespace

ContestantResult contestant_result(const Contestant& contestant, std::span<const RunRecord> records,
                                   const RaceOptions& options) {
  ContestantResult result;
  result.name = contestant.name;
  for (const RunRecord& record : records) (record.is_final ? result.finals : result.search).push_back(record);
  const auto order = [&](const RunRecord& run) { return std::pair(run.learning_rate, seed_number(run, options)); };
  std::ranges::sort(result.search, {}, order);
  std::ranges::sort(result.finals, {}, order);

  const double centre = learning_rate_of(contestant);
  LearningRateSearch search(
      {.centre = centre, .factor = options.grid_factor, .max_rates = options.max_rates, .seeds = options.search_seeds});
  for (const RunRecord& run : result.search) {
    if (run.status == RunStatus::stopped) continue;
    const auto exponent =
        static_cast<int>(std::lround(std::log(run.learning_rate / centre) / std::log(options.grid_factor)));
    search.report({exponent, seed_number(run, options)}, {.first_loss = run.first_loss, .final_loss = run.final_loss});
  }
  const bool is_over = options.max_rates == 1 || (!result.search.empty() && search.next_runs().empty());
  result.learning_rate = search.learning_rate(search.best_exponent());
  result.best_rate_is_interior = is_over && search.best_is_interior();
  if (!result.finals.empty()) result.learning_rate = result.finals.front().learning_rate;

  std::vector<double> seconds;
  for_each_run(result, [&](const RunRecord& run) {
    if (run.seconds_per_step > 0.0) seconds.push_back(run.seconds_per_step);
    result.state_bytes = std::max(result.state_bytes, run.state_bytes);
  });
  if (!seconds.empty()) result.seconds_per_step = median(seconds);
  return result;
}

void complete_result(RaceResult& result, std::span<const std::string> baselines) {
  std::vector<std::vector<double>> samples;
  for (auto& contestant : result.contestants) {
    mark_stuck_runs(contestant);
    const auto has_diverged = [](const RunRecord& run) { return run.status == RunStatus::diverged; };
    contestant.diverged = contestant.finals.empty()
                              ? !contestant.search.empty() && std::ranges::all_of(contestant.search, has_diverged)
                              : std::ranges::any_of(contestant.finals, has_diverged);
    samples.push_back(final_losses(contestant));
    if (contestant.diverged) contestant.final_loss = std::numeric_limits<double>::infinity();
    if (samples.back().empty()) continue;
    const Estimate mean = mean_and_error(samples.back());
    contestant.final_loss = std::isfinite(mean.value) ? mean.value : kInfinity;
    contestant.final_loss_se = samples.back().size() < 2 ? kNaN : mean.standard_error;
  }
  const auto reference = std::ranges::find(result.contestants, result.reference, &ContestantResult::name);
  for (auto& contestant : result.contestants) {
    contestant.speedup = speedup_over(*reference, contestant);
    contestant.speedups.clear();
    for (const std::string& name : baselines) {
      const auto baseline = std::ranges::find(result.contestants, name, &ContestantResult::name);
      if (baseline == result.contestants.end()) continue;
      const auto steps = speedup_over(*baseline, contestant);
      const double ratio =
          contestant.seconds_per_step > 0.0 ? baseline->seconds_per_step / contestant.seconds_per_step : 0.0;
      contestant.speedups.push_back({name, steps, scaled(steps, ratio)});
    }
  }

  const WinnerTest test = test_winner(samples);
  result.winner_z = test.z;
  for (std::size_t i = 0; i < samples.size(); ++i)
    result.contestants[i].is_inside_noise_of_best = test.ties_with_best[i];
  if (test.is_outside_noise && !result.was_stopped) result.winner = result.contestants[*test.best].name;
}

}  // namespace normdescent
