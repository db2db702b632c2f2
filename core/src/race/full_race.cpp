// SPDX-License-Identifier: Apache-2.0
// The full race as rounds: each candidate's search for a rate, then its final runs; candidates do not wait for each
// other.
#include <algorithm>
#include <cmath>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/base/numbers.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/race/learning_rate_search.hpp"
#include "normdescent/race/race_statistics.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "plan.hpp"

namespace normdescent {

namespace {

bool is_final(const PlanEntry& entry) {
  return entry.run.purpose == RunPurpose::final_run || entry.run.purpose == RunPurpose::baseline;
}

/// Where a candidate's race stands.
struct Progress {
  LearningRateSearch search;
  std::vector<const PlanEntry*> searched;
  std::vector<const PlanEntry*> finals;
  bool waits = false;  ///< for results
};

double centre_of(const Plan& plan, std::size_t j, std::span<const RunObservation> evidence) {
  const Candidate& candidate = plan.field.candidates()[j];
  if (candidate.learning_rate && (candidate.rate_is_fixed || evidence.empty())) return *candidate.learning_rate;
  const double step = plan.policy.spending.rate_step;
  return std::exp2(step * std::round(plan.field.believe(evidence).rate(j).mean / step));
}

Progress progress_of(const Plan& plan, std::size_t j, double centre) {
  const bool is_fixed = plan.field.candidates()[j].rate_is_fixed;
  Progress progress{.search = LearningRateSearch({.centre = centre,
                                                  .factor = plan.options.grid_factor,
                                                  .max_rates = is_fixed ? 1 : plan.options.max_rates,
                                                  .seeds = plan.options.search_seeds}),
                    .searched = {},
                    .finals = {}};
  for (const PlanEntry& entry : plan.entries) {
    if (entry.candidate != j || !(entry.is_search || is_final(entry))) continue;
    (is_final(entry) ? progress.finals : progress.searched).push_back(&entry);
    if (entry.state != PlanEntry::State::told) {
      progress.waits = true;
    } else if (entry.is_search) {
      progress.search.report({entry.exponent, entry.number},
                             {.first_loss = entry.result.first_loss,
                              .final_loss = entry.result.diverged ? kInfinity : entry.result.final_loss});
    }
  }
  return progress;
}

std::vector<Progress> progress_of_all(const Plan& plan) {
  const std::vector<RunObservation> evidence = plan.observations(false);
  std::vector<Progress> all;
  for (std::size_t j = 0; j < plan.field.candidates().size(); ++j)
    all.push_back(progress_of(plan, j, centre_of(plan, j, evidence)));
  return all;
}

PlanEntry entry_of(const Plan& plan, std::size_t j, std::int64_t serial, double rate, int number, bool is_search) {
  const Candidate& candidate = plan.field.candidates()[j];
  const bool is_baseline = candidate.rate_is_fixed && j == plan.field.baseline();
  const auto purpose = is_search ? Purpose::search_run : Purpose::final_run;
  return {.run = {.id = kFirstRaceId * static_cast<std::int64_t>(j + 1) + serial,
                  .candidate = candidate.name,
                  .learning_rate = rate,
                  .steps = plan.options.steps,
                  .evaluations = is_search ? 2 : plan.options.curve_points + 1,
                  .seed = derive_seed(plan.options.seed, purpose, static_cast<std::uint64_t>(number)),
                  .purpose = is_search     ? RunPurpose::long_run
                             : is_baseline ? RunPurpose::baseline
                                           : RunPurpose::final_run},
          .candidate = j,
          .is_search = is_search,
          .number = number,
          .result = {}};
}

/// Of a candidate's final runs, as far as they ended.
struct Finals {
  std::vector<LossCurve> curves;
  std::vector<double> losses;
  bool diverged = false;
};

Finals finals_of(const Plan& plan, std::size_t j) {
  Finals finals;
  for (const PlanEntry& entry : plan.entries) {
    if (entry.candidate != j || !is_final(entry) || entry.state != PlanEntry::State::told) continue;
    finals.diverged = finals.diverged || entry.result.diverged;
    finals.losses.push_back(entry.result.diverged ? kInfinity : entry.result.final_loss);
    finals.curves.push_back({entry.result.curve_steps, entry.result.curve_losses});
  }
  finals.diverged = finals.diverged || finals.losses.empty();
  return finals;
}

bool same_steps(const Finals& a, const Finals& b) {
  if (a.curves.size() != b.curves.size()) return false;
  for (const auto* finals : {&a, &b}) {
    for (const LossCurve& curve : finals->curves) {
      if (curve.steps.empty() || curve.steps != finals->curves.front().steps) return false;
    }
  }
  return true;
}

std::optional<SpeedupInterval> speedup_between(const Finals& reference, const Finals& own) {
  if (reference.diverged || own.diverged || !same_steps(reference, own)) return std::nullopt;
  return speedup(reference.curves, own.curves);
}

Speedup measured_speedup(const SpeedupInterval& interval, double factor) {
  return {.value = interval.value * factor,
          .low = interval.low * factor,
          .high = interval.high * factor,
          .level = 0.95,
          .basis = "measured"};
}

/// Chance of each to have the lowest expected final loss, each mean with the larger of its own error and the field's
/// typical one (as test_winner); equal deterministic losses share.
std::vector<double> chances(const std::vector<Finals>& finals, std::uint64_t seed) {
  constexpr int kDraws = 4096;
  const std::size_t n = finals.size();
  std::vector<double> means(n, kInfinity);
  std::vector<double> errors(n, 0.0);
  std::vector<double> known;
  for (std::size_t j = 0; j < n; ++j) {
    if (finals[j].diverged) continue;
    const Estimate mean = mean_and_error(finals[j].losses);
    means[j] = mean.value;
    errors[j] = finals[j].losses.size() < 2 ? kNaN : mean.standard_error;
    if (std::isfinite(errors[j])) known.push_back(errors[j]);
  }
  std::ranges::sort(known);
  const double floor = known.empty() ? 0.0 : known[known.size() / 2];
  std::vector<double> wins(n, 0.0);
  Philox random(derive_seed(seed, Purpose::decision, 2));
  for (int draw = 0; draw < kDraws; ++draw) {
    std::vector<double> values(means);
    for (std::size_t j = 0; j < n; ++j)
      values[j] += (std::isfinite(errors[j]) ? std::max(errors[j], floor) : floor) * random.normal();
    const auto best = std::ranges::min_element(values);
    if (std::isfinite(*best)) wins[static_cast<std::size_t>(best - values.begin())] += 1.0 / kDraws;
  }
  return wins;
}

}  // namespace

std::vector<PlanEntry> next_of_race(const Plan& plan) {
  std::vector<PlanEntry> entries;
  const std::vector<Progress> all = progress_of_all(plan);
  for (std::size_t j = 0; j < all.size(); ++j) {
    const Progress& progress = all[j];
    if (progress.waits || !progress.finals.empty()) continue;
    auto serial = static_cast<std::int64_t>(progress.searched.size());
    const std::vector<SearchRun> search = progress.search.next_runs();
    for (const SearchRun& run : search) {
      entries.push_back(
          entry_of(plan, j, serial++, progress.search.learning_rate(run.exponent), run.seed_number, true));
      entries.back().exponent = run.exponent;
    }
    if (!search.empty() || progress.search.all_diverged()) continue;
    const double rate = progress.search.learning_rate(progress.search.best_exponent());
    for (int i = 0; i < plan.options.final_seeds; ++i) entries.push_back(entry_of(plan, j, serial++, rate, i, false));
  }
  return entries;
}

std::int64_t race_runs_to_come(const Plan& plan) {
  std::int64_t runs = 0;
  const std::vector<Progress> all = progress_of_all(plan);
  for (std::size_t j = 0; j < all.size(); ++j) {
    const Progress& progress = all[j];
    if (!progress.finals.empty() || (!progress.waits && progress.search.all_diverged())) continue;
    // Typical search: three rates, further seeds for the best one and one neighbour.
    const bool searches = !plan.field.candidates()[j].rate_is_fixed && plan.options.max_rates > 1;
    const std::int64_t typical = searches ? 3 + 2 * (plan.options.search_seeds - 1) : 0;
    runs += std::max<std::int64_t>(0, typical - static_cast<std::int64_t>(progress.searched.size()));
    runs += plan.options.final_seeds;
  }
  return runs;
}

bool race_is_complete(const Plan& plan) {
  const std::vector<Progress> all = progress_of_all(plan);
  bool has_finals = false;
  for (const Progress& progress : all) {
    if (progress.waits) return false;
    if (progress.finals.empty() && !progress.search.all_diverged()) return false;
    has_finals = has_finals || !progress.finals.empty();
  }
  return has_finals;
}

Decision decide_race(const Plan& plan) {
  const std::size_t n = plan.field.candidates().size();
  const Measured measured = plan.measured();
  const std::vector<Progress> all = progress_of_all(plan);
  std::vector<Finals> finals;
  std::vector<std::vector<double>> samples;
  for (std::size_t j = 0; j < n; ++j) {
    finals.push_back(finals_of(plan, j));
    samples.push_back(finals[j].losses);
  }
  std::vector<double> means;
  for (const Finals& f : finals) means.push_back(f.diverged ? kInfinity : mean_and_error(f.losses).value);
  const auto best = static_cast<std::size_t>(std::ranges::min_element(means) - means.begin());
  const WinnerTest test = test_winner(samples);
  const std::vector<double> probabilities = chances(finals, plan.options.seed);

  // Seconds to the loss that a candidate and the best one both reach, over those of the best one.
  std::vector<double> time_regrets(n, kInfinity);
  std::vector<double> step_regrets(n, kInfinity);
  const auto seconds_ratio = [&](std::size_t of, std::size_t over) {
    const auto& seconds = measured.seconds_per_step;
    return seconds[of] > 0.0 && seconds[over] > 0.0 ? seconds[of] / seconds[over] : kNaN;
  };
  for (std::size_t j = 0; j < n; ++j) {
    if (finals[j].diverged) continue;
    const auto lead = speedup_between(finals[j], finals[best]);  // of the best one over this one
    step_regrets[j] = j == best ? 1.0 : lead ? lead->value : kInfinity;
    const double ratio = seconds_ratio(j, best);
    time_regrets[j] = std::isfinite(ratio) ? step_regrets[j] * ratio : j == best ? 1.0 : kInfinity;
  }
  const double fastest = *std::ranges::min_element(time_regrets);
  const auto in_time = static_cast<std::size_t>(std::ranges::min_element(time_regrets) - time_regrets.begin());
  const double clock_ratio = time_regrets[best] / fastest;
  std::size_t chosen = plan.options.objective == PlanObjective::time ? in_time : best;
  if (plan.options.objective == PlanObjective::automatic && clock_ratio > plan.policy.spending.clock_advantage)
    chosen = in_time;

  Decision decision;
  for (std::size_t j = 0; j < n; ++j) {
    const double rate = all[j].finals.empty() ? all[j].search.learning_rate(all[j].search.best_exponent())
                                              : all[j].finals.front()->run.learning_rate;
    const double reach = plan.field.candidates()[j].rate_is_fixed ? 1.0 : std::sqrt(plan.options.grid_factor);
    CandidateDecision candidate{.name = plan.field.candidates()[j].name,
                                .learning_rate = rate,
                                .learning_rate_low = rate / reach,
                                .learning_rate_high = rate * reach,
                                .speedup_steps = {},
                                .speedup_time = {},
                                .seconds_per_step = measured.seconds_per_step[j],
                                .probability_best = probabilities[j],
                                .expected_regret = std::max(1.0, step_regrets[j]),
                                .expected_regret_time = std::max(1.0, time_regrets[j] / fastest),
                                .diverged = finals[j].diverged,
                                .runs = measured.runs[j]};
    const std::size_t baseline = plan.field.baseline();
    const auto speedup = speedup_between(finals[baseline], finals[j]);
    const double ratio = seconds_ratio(baseline, j);
    if (speedup) candidate.speedup_steps = measured_speedup(*speedup, 1.0);
    if (speedup && std::isfinite(ratio)) candidate.speedup_time = measured_speedup(*speedup, ratio);
    decision.candidates.push_back(std::move(candidate));
  }
  decision.choice = {plan.field.candidates()[chosen].name, decision.candidates[chosen].learning_rate};
  decision.choice_in_steps = plan.field.candidates()[best].name;
  decision.choice_in_time = plan.field.candidates()[in_time].name;
  if (test.is_outside_noise) decision.winner = plan.field.candidates()[*test.best].name;

  const std::string& name = decision.choice_in_steps;
  std::string lead = name + " has the lowest loss after " + std::to_string(plan.options.steps) + " steps, " +
                     significant(means[best], 4) + " in the mean of " + std::to_string(finals[best].losses.size()) +
                     " fresh seeds";
  lead += test.is_outside_noise
              ? ", ahead of the second by " + significant(test.z, 2) + " standard errors."
              : "; that is no lead beyond doubt (" + significant(test.z, 2) + " standard errors, 1.96 are needed).";
  decision.reasons.push_back(lead);
  for (std::size_t j = 0; j < n; ++j) {
    if (finals[j].diverged)
      decision.reasons.push_back(decision.candidates[j].name + " diverged" +
                                 (all[j].finals.empty() ? " at every rate." : " in a final run."));
    if (!all[j].finals.empty() && !all[j].searched.empty() && !all[j].search.best_is_interior())
      decision.reasons.push_back("The search for a rate of " + decision.candidates[j].name +
                                 " ended at its last one: a better rate may lie beyond.");
  }
  if (in_time != best) {
    decision.reasons.push_back("By the clock " + decision.choice_in_time + " is ahead: " + significant(clock_ratio, 3) +
                               " times as fast as " + name + " to the same loss" +
                               (chosen == in_time ? ", so it is the choice." : "."));
  }
  return decision;
}

}  // namespace normdescent
