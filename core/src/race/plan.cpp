// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "normdescent/statistics/quantile.hpp"

namespace normdescent {

namespace {

constexpr double kGradientsOfAValidationBatch = 1.0 / 3.0;  // a loss without a gradient costs a third of one with

}  // namespace

bool Plan::all_told() const {
  return std::ranges::all_of(entries, [](const PlanEntry& e) { return e.state == PlanEntry::State::told; });
}

double Plan::cost(const PlanEntry& entry) const {
  const double batches = kGradientsOfAValidationBatch * static_cast<double>(entry.result.validation_batches);
  return (static_cast<double>(entry.result.gradients) + batches) /
         (static_cast<double>(options.steps) * options.accumulate);
}

double Plan::cost_so_far() const {
  double sum = options.spent_runs;
  for (const PlanEntry& entry : entries) {
    if (entry.state == PlanEntry::State::told) sum += cost(entry);
  }
  return sum;
}

double Plan::validation_size() const {
  double largest = 0.0;
  for (const PlanEntry& entry : entries) {
    if (entry.state == PlanEntry::State::told)
      largest = std::max(largest, static_cast<double>(entry.result.validation_batches) / entry.run.evaluations);
  }
  return largest > 0.0 ? largest : options.validation_batches;
}

double Plan::expected_cost(std::int64_t steps, int evaluations) const {
  return (static_cast<double>(steps) * options.accumulate +
          kGradientsOfAValidationBatch * evaluations * validation_size()) /
         (static_cast<double>(options.steps) * options.accumulate);
}

std::vector<RunObservation> Plan::observations(bool with_race) const {
  struct Rate {
    double sum = 0.0;
    int completed = 0;
    int diverged = 0;
  };
  struct Level {
    std::vector<double> starts;
    std::map<std::pair<std::size_t, double>, Rate> rates;  // by candidate and learning rate
  };
  std::map<std::int64_t, Level> levels;
  for (const PlanEntry& entry : entries) {
    if (entry.state != PlanEntry::State::told) continue;
    const bool is_of_race =
        entry.is_search || entry.run.purpose == RunPurpose::final_run || entry.run.purpose == RunPurpose::baseline;
    if (is_of_race && !with_race) continue;
    Level& level = levels[entry.run.steps];
    Rate& rate = level.rates[{entry.candidate, entry.run.learning_rate}];
    if (std::isfinite(entry.result.first_loss)) level.starts.push_back(entry.result.first_loss);
    if (entry.result.diverged) {
      ++rate.diverged;
    } else {
      ++rate.completed;
      rate.sum += entry.result.final_loss;
    }
  }
  std::vector<RunObservation> result;
  for (const auto& [steps, level] : levels) {
    const double halvings = std::log2(static_cast<double>(options.steps) / static_cast<double>(steps));
    double lowest = std::numeric_limits<double>::infinity();
    for (const auto& [key, rate] : level.rates) {
      if (rate.completed > 0) lowest = std::min(lowest, rate.sum / rate.completed);
    }
    const bool has_descended = !level.starts.empty() && lowest < median(level.starts);
    for (const auto& [key, rate] : level.rates) {
      RunObservation observation{.candidate = key.first, .log2_rate = std::log2(key.second), .halvings = halvings};
      if (rate.completed > 0 && has_descended) {
        observation.regret = closeness_regret(rate.sum / rate.completed, lowest, median(level.starts), policy.transfer);
        observation.seeds = rate.completed;
        result.push_back(observation);
      }
      if (rate.diverged > 0) {
        observation.diverged = true;
        observation.regret = 0.0;
        observation.seeds = rate.diverged;
        result.push_back(observation);
      }
    }
  }
  return result;
}

Measured Plan::measured() const {
  const std::size_t n = field.candidates().size();
  Measured measured{std::vector<double>(n, 0.0), std::vector<int>(n, 0), std::vector<bool>(n, false)};
  std::vector<std::vector<double>> seconds(n);
  std::vector<int> diverged(n, 0);
  for (const PlanEntry& entry : entries) {
    if (entry.state != PlanEntry::State::told) continue;
    ++measured.runs[entry.candidate];
    if (entry.result.diverged) ++diverged[entry.candidate];
    if (entry.result.seconds_per_step > 0.0) seconds[entry.candidate].push_back(entry.result.seconds_per_step);
  }
  for (std::size_t j = 0; j < n; ++j) {
    if (!seconds[j].empty()) measured.seconds_per_step[j] = median(seconds[j]);
    measured.diverged[j] = measured.runs[j] > 0 && diverged[j] == measured.runs[j];
  }
  return measured;
}

void choose_among_full_runs(const Plan& plan, Decision& decision) {
  if (plan.options.objective == PlanObjective::time || decision.choice.name != decision.choice_in_steps) return;
  struct Mean {
    double sum = 0.0;
    int count = 0;
  };
  std::map<std::pair<std::size_t, double>, Mean> losses;  // by candidate and rate
  for (const PlanEntry& entry : plan.entries) {
    if (entry.state != PlanEntry::State::told || entry.run.steps != plan.options.steps || entry.result.diverged)
      continue;
    Mean& mean = losses[{entry.candidate, entry.run.learning_rate}];
    mean.sum += entry.result.final_loss;
    ++mean.count;
  }
  if (losses.size() < 2) return;
  const auto best =
      std::ranges::min_element(losses, {}, [](const auto& arm) { return arm.second.sum / arm.second.count; });
  const auto [candidate, rate] = best->first;
  decision.choice = {plan.field.candidates()[candidate].name, rate};
  decision.choice_in_steps = decision.choice.name;
  decision.candidates[candidate].learning_rate = rate;
  decision.reasons.push_back(decision.choice.name + " had the lowest loss of the " + std::to_string(losses.size()) +
                             " learning rates that were run at full length, so it is the choice.");
}

}  // namespace normdescent
