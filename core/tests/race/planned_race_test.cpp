// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/planned_race.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "race/races.hpp"

namespace normdescent {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the module's own races

PlannedRaceOptions quarter_and_more(double budget) {
  PlannedRaceOptions options;
  options.divergence_factor = 1e6;
  options.planner = {.steps = 400, .budget_runs = budget, .objective = PlanObjective::steps, .validation_batches = 1};
  return options;
}

std::vector<Contestant> contestants() {
  std::vector<Contestant> all{{"adamw", adamw({.learning_rate = 0.01})}, {"lion", lion({.learning_rate = 0.003})}};
  all.push_back({"mine", sgd({.learning_rate = 0.05})});
  return all;
}

PlannedRaceResult run_planned(const PlannedRaceOptions& options) {
  RaceObserver nobody;
  return planned_race(sparse_noise(), contestants(), options, nobody);
}

TEST(PlannedRace, MakesTheRunsOfThePlanWithinItsBudget) {
  const auto result = run_planned(quarter_and_more(1.0));
  EXPECT_FALSE(result.was_stopped);
  EXPECT_GT(result.runs.size(), 3U);
  EXPECT_GT(result.cost_runs, 0.0);
  EXPECT_LE(result.cost_runs, 1.0);
  double steps = 0.0;
  for (const RunRecord& run : result.runs) steps += static_cast<double>(run.steps_done);
  EXPECT_GE(result.cost_runs, steps / 400.0);
  ASSERT_EQ(result.decision.candidates.size(), 3U);
  EXPECT_GT(result.decision.choice.learning_rate, 0.0);
  for (const CandidateDecision& one : result.decision.candidates)
    EXPECT_EQ(one.seconds_per_step > 0.0, one.runs > 0) << one.name;
}

TEST(PlannedRace, DoesNotDependOnThreadsAndGoesOnFromItsState) {
  auto options = quarter_and_more(1.0);
  const auto one = run_planned(options);
  options.threads = 3;
  const auto many = run_planned(options);
  EXPECT_EQ(one.decision.choice.name, many.decision.choice.name);
  EXPECT_EQ(one.decision.choice.learning_rate, many.decision.choice.learning_rate);
  EXPECT_EQ(one.runs.size(), many.runs.size());

  // Stopped after two runs, then on from what was left.
  Witness witness(2);
  const auto part =
      planned_race(sparse_noise(), contestants(), quarter_and_more(1.0), witness, witness.source.get_token());
  EXPECT_TRUE(part.was_stopped);
  auto rest_options = quarter_and_more(1.0);
  rest_options.state = part.state;
  const auto rest = run_planned(rest_options);
  EXPECT_LT(rest.runs.size(), one.runs.size());
  EXPECT_EQ(rest.decision.choice.learning_rate, one.decision.choice.learning_rate);
  EXPECT_EQ(rest.cost_runs, one.cost_runs);
}

TEST(PlannedRace, ABudgetOfNothingMakesNoRunAndKnowsTheModel) {
  const auto result = run_planned(quarter_and_more(0.0));
  EXPECT_TRUE(result.runs.empty());
  const auto objective = sparse_noise().instantiate(1);
  const Features features = model_features(objective->parameters());
  EXPECT_EQ(features.at("hidden_share"), 0.0) << "a vector has no hidden matrices";
  EXPECT_EQ(features.at("parameters"), static_cast<double>(dimension(objective->parameters())));
}

TEST(PlannedRace, RefusesAStateOfOtherContestants) {
  auto options = quarter_and_more(0.0);
  options.state = run_planned(options).state;
  RaceObserver nobody;
  EXPECT_THROW((void)planned_race(sparse_noise(), sgd_and_signsgd(0.1, 0.1), options, nobody), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
