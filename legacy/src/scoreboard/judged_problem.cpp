// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "normdescent/base/numbers.hpp"
#include "normdescent/compare/evidence.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/predict/features.hpp"
#include "normdescent/race/race_statistics.hpp"
#include "normdescent/scoreboard/judge.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/statistics/quantile.hpp"

namespace normdescent {

namespace {

struct Finals {
  double mean = std::numeric_limits<double>::infinity();
  double variance = kNaN;
  double count = 0.0;
  [[nodiscard]] bool is_finite() const { return std::isfinite(mean); }
};

std::vector<Finals> finals_of(const RaceResult& race) {
  std::vector<Finals> all;
  std::vector<double> variances;
  for (const ContestantResult& contestant : race.contestants) {
    std::vector<double> losses;
    for (const RunRecord& run : contestant.finals) losses.push_back(run.final_loss);
    Finals finals;
    if (!losses.empty()) {
      const double mean = mean_and_error(losses).value;
      finals.mean = std::isfinite(mean) ? mean : std::numeric_limits<double>::infinity();
      finals.count = static_cast<double>(losses.size());
      finals.variance = sample_variance(losses);
    }
    if (finals.is_finite() && !std::isnan(finals.variance)) variances.push_back(finals.variance);
    all.push_back(finals);
  }
  // The variance of two or three seeds is often small by accident: see test_winner.
  const double floor = variances.empty() ? 0.0 : median(variances);
  for (Finals& finals : all) finals.variance = std::isnan(finals.variance) ? floor : std::max(finals.variance, floor);
  return all;
}

int order_of(const Finals& a, const Finals& b) {
  if (a.is_finite() != b.is_finite()) return a.is_finite() ? -1 : 1;
  if (!a.is_finite()) return 0;
  const double error = std::sqrt(a.variance / a.count + b.variance / b.count);
  const double difference = a.mean - b.mean;
  if (std::abs(difference) < kSignificantZ * error || difference == 0.0) return 0;
  return difference < 0.0 ? -1 : 1;
}

// Of mean final losses; all runs of one seed start at one loss.
std::vector<double> standings_of(const RaceResult& race, const std::vector<Finals>& finals) {
  std::vector<double> losses;
  double start = kNaN;
  for (std::size_t j = 0; j < finals.size(); ++j) {
    losses.push_back(finals[j].mean);
    const auto& runs = race.contestants[j].finals;
    if (std::isnan(start) && !runs.empty() && !runs.front().curve.empty())
      start = runs.front().curve.front().validation_loss;
  }
  return closeness(losses, start);
}

std::vector<double> best_of(const RaceResult& race) {
  std::vector<double> best;
  double sum = 0.0;
  for (const ContestantResult& contestant : race.contestants) {
    const bool is_best = race.winner ? contestant.name == *race.winner : contestant.is_inside_noise_of_best;
    best.push_back(is_best ? 1.0 : 0.0);
    sum += best.back();
  }
  for (double& share : best) share = sum > 0.0 ? share / sum : 0.0;
  return best;
}

LossCurve curve_of(const RunRecord& run) {
  LossCurve curve;
  for (const CurvePoint& point : run.curve) {
    if (std::isnan(point.validation_loss)) continue;
    curve.steps.push_back(static_cast<double>(point.step));
    curve.losses.push_back(point.validation_loss);
  }
  return curve;
}

// log2 of the speed-up over the seeds that both completed; NaN where there is none.
double log2_speedup(const RaceResult& race, const std::string& reference_name, const ContestantResult& own) {
  const auto reference = std::ranges::find(race.contestants, reference_name, &ContestantResult::name);
  if (reference == race.contestants.end() || reference->diverged || own.diverged) return kNaN;
  std::vector<LossCurve> reference_curves;
  std::vector<LossCurve> own_curves;
  for (const RunRecord& run : own.finals) {
    for (const RunRecord& partner : reference->finals) {
      const bool both_completed = run.status == RunStatus::completed && partner.status == RunStatus::completed;
      if (!both_completed || partner.seed != run.seed) continue;
      reference_curves.push_back(curve_of(partner));
      own_curves.push_back(curve_of(run));
    }
  }
  if (own_curves.empty()) return kNaN;
  const auto value = speedup_of_means(mean_curve(reference_curves), mean_curve(own_curves));
  return value ? std::log2(*value) : kNaN;
}

double log10_rate(bool has_rate, double rate) { return has_rate && rate > 0.0 ? std::log10(rate) : kNaN; }

}  // namespace

JudgedProblem judged(const ProblemRecord& record) {
  JudgedProblem problem{.example = {.problem = record.problem, .optimizers = {}},
                        .family = record.family,
                        .order = {},
                        .best = best_of(record.race),
                        .learning_rates = {},
                        .short_learning_rates = {}};
  const std::vector<Finals> finals = finals_of(record.race);
  const std::vector<double> standings = standings_of(record.race, finals);
  for (std::size_t i = 0; i < finals.size(); ++i) {
    std::vector<int> row;
    for (const Finals& other : finals) row.push_back(order_of(finals[i], other));
    problem.order.push_back(row);

    const ContestantResult& contestant = record.race.contestants[i];
    const ShortRun* run = record.evidence.find_short(contestant.name);
    const double rate = log10_rate(!contestant.diverged, contestant.learning_rate);
    const double short_rate = log10_rate(run != nullptr && !run->losses.empty(), run ? run->learning_rate : 0.0);
    problem.learning_rates.push_back(rate);
    problem.short_learning_rates.push_back(short_rate);
    const Entrant entrant = entrant_of({contestant.name, make_optimizer(contestant.name)});
    problem.example.optimizers.push_back({.optimizer = contestant.name,
                                          .features = feature_values(record.evidence, entrant, record.plan),
                                          .over_sgd = log2_speedup(record.race, "sgd", contestant),
                                          .over_adamw = log2_speedup(record.race, "adamw", contestant),
                                          .standing = standings[i],
                                          .rate_ratio = rate - short_rate});
  }
  return problem;
}

}  // namespace normdescent
