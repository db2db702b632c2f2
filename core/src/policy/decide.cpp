// SPDX-License-Identifier: Apache-2.0
#include "normdescent/policy/decide.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "normdescent/base/nearest_name.hpp"
#include "normdescent/base/text.hpp"

namespace normdescent {

namespace {

constexpr double kNormalQuantile90 = 1.2815515655446004;

std::size_t smallest(std::span<const double> values) {
  return static_cast<std::size_t>(std::min_element(values.begin(), values.end()) - values.begin());
}

Speedup speedup_of(const Outlook& outlook, std::size_t j) {
  return {.value = std::exp2(outlook.median[j]),
          .low = std::exp2(outlook.low[j]),
          .high = std::exp2(outlook.high[j]),
          .level = 0.8,
          .basis = "predicted"};
}

std::vector<std::string> reasons_of(const Decision& decision, const Measured& measured, std::size_t chosen,
                                    std::size_t in_steps, std::size_t in_time, bool both_timed, double clock_ratio) {
  const auto& candidates = decision.candidates;
  std::vector<std::string> reasons;
  int runs = 0;
  for (const int count : measured.runs) runs += count;
  if (runs == 0) {
    reasons.push_back("No run was made: this is what races on other models teach about one like this.");
  } else {
    std::string list;
    for (std::size_t j = 0; j < candidates.size(); ++j) {
      if (measured.runs[j] == 0) continue;
      list += (list.empty() ? "" : ", ") + candidates[j].name + " " + std::to_string(measured.runs[j]);
    }
    reasons.push_back(std::to_string(runs) + (runs == 1 ? " run was" : " runs were") + " measured (" + list +
                      ") and weighed against what races on other models teach.");
  }
  for (std::size_t j = 0; j < candidates.size(); ++j) {
    if (candidates[j].diverged) reasons.push_back(candidates[j].name + " diverged in every run that was made with it.");
  }
  const CandidateDecision& steps = candidates[in_steps];
  std::string lead = steps.name + " is expected to need the fewest steps, " + significant(steps.expected_regret, 3) +
                     " times those of the best of all with its best rate";
  double next = 0.0;
  const CandidateDecision* second = nullptr;
  for (const CandidateDecision& candidate : candidates) {
    if (candidate.name == steps.name) continue;
    if (second == nullptr || candidate.expected_regret < next) {
      second = &candidate;
      next = candidate.expected_regret;
    }
  }
  if (second != nullptr) lead += "; next is " + second->name + " with " + significant(next, 3);
  reasons.push_back(lead + ".");
  if (in_time != in_steps && both_timed) {
    reasons.push_back("By the clock " + candidates[in_time].name + " is ahead: " + significant(clock_ratio, 3) +
                      " times as fast as " + steps.name + " to the same loss" +
                      (chosen == in_time ? ", so it is the choice." : ", which is not enough to take the choice."));
  }
  if (decision.choice.name != decision.default_choice.name) {
    reasons.push_back("Without runs the choice would have been " + decision.default_choice.name + ".");
  } else if (runs > 0) {
    const double octaves = std::log2(decision.choice.learning_rate / decision.default_choice.learning_rate);
    if (std::abs(octaves) > 0.25) {
      reasons.push_back("The runs moved its learning rate from " +
                        significant(decision.default_choice.learning_rate, 3) + " to " +
                        significant(decision.choice.learning_rate, 3) + ".");
    }
  }
  return reasons;
}

}  // namespace

const char* to_string(PlanObjective objective) {
  switch (objective) {
    case PlanObjective::automatic: return "auto";
    case PlanObjective::steps: return "steps";
    case PlanObjective::time: return "time";
  }
  return "unknown";
}

PlanObjective plan_objective(const std::string& text) {
  for (const auto objective : {PlanObjective::automatic, PlanObjective::steps, PlanObjective::time}) {
    if (text == to_string(objective)) return objective;
  }
  throw std::invalid_argument("objective = " + text + ", must be auto, steps or time");
}

Field::Field(std::vector<Candidate> candidates, const Features& features, const Policy& policy,
             const std::string& baseline)
    : candidates_(std::move(candidates)), correlation_(candidates_.size()), transfer_(policy.transfer) {
  if (candidates_.empty()) throw std::invalid_argument("candidates = none, must be at least one");
  std::set<std::string> names;
  for (const Candidate& candidate : candidates_) {
    if (!names.insert(candidate.name).second)
      throw std::invalid_argument("candidates = " + candidate.name + " twice, must be distinct");
    priors_.push_back(policy.prior(candidate, features));
  }
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    for (std::size_t j = 0; j < candidates_.size(); ++j)
      correlation_(i, j) = i == j ? 1.0 : policy.correlation(candidates_[i], candidates_[j]);
  }
  if (!baseline.empty()) {
    baseline_ = index(baseline);
  } else {
    const auto found = std::ranges::find(candidates_, "adamw", &Candidate::kind);
    baseline_ = found == candidates_.end() ? 0 : static_cast<std::size_t>(found - candidates_.begin());
  }
}

Belief Field::believe(std::span<const RunObservation> observations) const {
  return {priors_, correlation_, transfer_, observations};
}

std::size_t Field::index(const std::string& name) const {
  const auto found = std::ranges::find(candidates_, name, &Candidate::name);
  if (found != candidates_.end()) return static_cast<std::size_t>(found - candidates_.begin());
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates_) names.push_back(candidate.name);
  const auto nearest = nearest_name(name, names);
  throw std::invalid_argument("no candidate " + name + (nearest ? "; did you mean " + *nearest + "?" : ""));
}

std::vector<double> Field::log2_step_times(std::span<const double> seconds) const {
  double shift = 0.0;
  int measured = 0;
  for (std::size_t j = 0; j < seconds.size(); ++j) {
    if (!(seconds[j] > 0.0)) continue;
    shift += std::log2(seconds[j] / priors_[j].step_time);
    ++measured;
  }
  if (measured > 0) shift /= measured;
  std::vector<double> times;
  for (std::size_t j = 0; j < seconds.size(); ++j)
    times.push_back(seconds[j] > 0.0 ? std::log2(seconds[j]) : std::log2(priors_[j].step_time) + shift);
  return times;
}

Decision decide(const Field& field, const Belief& belief, const Measured& measured, PlanObjective objective,
                const Policy& policy, std::uint64_t seed) {
  const std::size_t n = field.candidates().size();
  const std::vector<double> times_of_step = field.log2_step_times(measured.seconds_per_step);
  std::vector<double> rates;
  std::vector<double> in_steps;
  std::vector<double> in_time;
  for (std::size_t j = 0; j < n; ++j) {
    rates.push_back(belief.rate(j).mean);
    // One whose every run diverged may still be the best somewhere, but nobody should start a long run with it.
    const double penalty = measured.diverged[j] && std::ranges::count(measured.diverged, false) > 0 ? 100.0 : 0.0;
    in_steps.push_back(belief.value(j) + penalty);
    in_time.push_back(in_steps[j] + times_of_step[j]);
  }
  const std::size_t best_in_steps = smallest(in_steps);
  const std::size_t best_in_time = smallest(in_time);
  const bool both_timed =
      measured.seconds_per_step[best_in_steps] > 0.0 && measured.seconds_per_step[best_in_time] > 0.0;
  const double clock_ratio = std::exp2(in_time[best_in_steps] - in_time[best_in_time]);
  std::size_t chosen = objective == PlanObjective::time ? best_in_time : best_in_steps;
  if (objective == PlanObjective::automatic && both_timed && clock_ratio > policy.spending.clock_advantage)
    chosen = best_in_time;

  const std::vector<double> nothing(n, 0.0);
  const Outlook steps = outlook(belief, field.priors(), rates, nothing, field.baseline(), seed);
  const Outlook clock = outlook(belief, field.priors(), rates, times_of_step, field.baseline(), seed);
  Decision decision;
  for (std::size_t j = 0; j < n; ++j) {
    const Gaussian rate = belief.rate(j);
    const double reach = kNormalQuantile90 * rate.deviation;
    decision.candidates.push_back({.name = field.candidates()[j].name,
                                   .learning_rate = std::exp2(rate.mean),
                                   .learning_rate_low = std::exp2(rate.mean - reach),
                                   .learning_rate_high = std::exp2(rate.mean + reach),
                                   .speedup_steps = speedup_of(steps, j),
                                   .speedup_time = speedup_of(clock, j),
                                   .seconds_per_step = measured.seconds_per_step[j],
                                   .probability_best = steps.probability_best[j],
                                   .expected_regret = std::exp2(std::max(0.0, steps.log2_regret[j])),
                                   .expected_regret_time = std::exp2(std::max(0.0, clock.log2_regret[j])),
                                   .diverged = measured.diverged[j],
                                   .runs = measured.runs[j]});
    if (measured.runs[j] > 0 && decision.candidates.back().probability_best >= kWinnerProbability)
      decision.winner = decision.candidates.back().name;
  }
  decision.choice = {field.candidates()[chosen].name, decision.candidates[chosen].learning_rate};
  decision.choice_in_steps = field.candidates()[best_in_steps].name;
  decision.choice_in_time = field.candidates()[best_in_time].name;

  const Belief prior = field.believe({});
  std::vector<double> values;
  const std::vector<double> expected_times = field.log2_step_times(std::vector<double>(n, 0.0));
  for (std::size_t j = 0; j < n; ++j)
    values.push_back(prior.value(j) + (objective == PlanObjective::time ? expected_times[j] : 0.0));
  const std::size_t by_default = smallest(values);
  decision.default_choice = {field.candidates()[by_default].name, std::exp2(prior.rate(by_default).mean)};
  decision.reasons = reasons_of(decision, measured, chosen, best_in_steps, best_in_time, both_timed, clock_ratio);
  return decision;
}

Decision suggest(std::span<const Candidate> candidates, Features features, std::int64_t steps, std::int64_t batch_size,
                 const Policy& policy) {
  if (steps < 1) throw std::invalid_argument("steps = " + std::to_string(steps) + ", must be at least 1");
  if (batch_size < 1)
    throw std::invalid_argument("batch_size = " + std::to_string(batch_size) + ", must be at least 1");
  features["steps"] = static_cast<double>(steps);
  features["batch_size"] = static_cast<double>(batch_size);
  const Field field({candidates.begin(), candidates.end()}, features, policy, "");
  const std::size_t n = candidates.size();
  const Measured nothing{std::vector<double>(n, 0.0), std::vector<int>(n, 0), std::vector<bool>(n, false)};
  return decide(field, field.believe({}), nothing, PlanObjective::automatic, policy, 1);
}

}  // namespace normdescent
