// SPDX-License-Identifier: Apache-2.0
#include "normdescent/compare/decision_json.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "normdescent/base/version.hpp"

namespace normdescent {

namespace {

using DecisionJson = nlohmann::ordered_json;  // writes null for what is not finite

DecisionJson speedup_json(const std::optional<Speedup>& speedup) {
  if (!speedup) return nullptr;
  return {{"value", speedup->value},
          {"low", speedup->low},
          {"high", speedup->high},
          {"level", speedup->level},
          {"basis", speedup->basis}};
}

DecisionJson candidate_json(const CandidateDecision& candidate, const std::vector<RunRecord>& runs) {
  std::size_t bytes = 0;
  for (const RunRecord& run : runs) {
    if (run.contestant == candidate.name) bytes = std::max(bytes, run.state_bytes);
  }
  return {{"lr", candidate.learning_rate},
          {"lr_low", candidate.learning_rate_low},
          {"lr_high", candidate.learning_rate_high},
          {"speedup_steps", speedup_json(candidate.speedup_steps)},
          {"speedup_time", speedup_json(candidate.speedup_time)},
          {"seconds_per_step",
           candidate.seconds_per_step > 0.0 ? DecisionJson(candidate.seconds_per_step) : DecisionJson(nullptr)},
          {"state_bytes", candidate.runs > 0 ? DecisionJson(bytes) : DecisionJson(nullptr)},
          {"probability_best", candidate.probability_best},
          {"expected_regret", candidate.expected_regret},
          {"expected_regret_time", candidate.expected_regret_time},
          {"diverged", candidate.diverged},
          {"runs", candidate.runs}};
}

}  // namespace

std::string decision_json(const PlannedRaceResult& result, const TaskDescription& task, const PlannerOptions& options) {
  const Decision& decision = result.decision;
  DecisionJson json = {{"version", kVersion},
                       {"command", "compare"},
                       {"command_line", task.command_line},
                       {"seed", options.seed},
                       {"complete", !result.was_stopped},
                       {"task",
                        {{"kind", task.kind},
                         {"data", task.data},
                         {"data_hash", task.data_hash},
                         {"model", task.model},
                         {"batch", task.batch},
                         {"context", task.context},
                         {"steps", options.steps}}},
                       {"winner", decision.winner ? DecisionJson(*decision.winner) : DecisionJson(nullptr)},
                       {"choice", decision.choice.name},
                       {"lr", decision.choice.learning_rate},
                       {"choice_in_steps", decision.choice_in_steps},
                       {"choice_in_time", decision.choice_in_time},
                       {"objective", to_string(options.objective)}};
  json["candidates"] = DecisionJson::object();
  for (const CandidateDecision& candidate : decision.candidates)
    json["candidates"][candidate.name] = candidate_json(candidate, result.runs);
  json["reasons"] = decision.reasons;
  json["expected_gain_of_more"] = decision.expected_gain_of_more;
  json["default"] = {{"choice", decision.default_choice.name}, {"lr", decision.default_choice.learning_rate}};
  json["cost"] = {{"runs", result.cost_runs}};
  json["planner"] = result.state;
  return json.dump(1) + "\n";
}

}  // namespace normdescent
