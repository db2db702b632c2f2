// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/planner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "policy/guessed_policy.hpp"
#include "race/simulated.hpp"

namespace normdescent {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the module's own simulation

constexpr double kAll = std::numeric_limits<double>::infinity();

std::map<std::string, SimulatedOptimizer> usual() {
  return {{"muon", {.log2_rate = -6.5, .log2_regret = 0.0, .seconds = 1.5}},
          {"adamw", {.log2_rate = -8.0, .log2_regret = 0.9}},
          {"sgd-momentum", {.log2_rate = -3.5, .log2_regret = 1.5}},
          {"signsgd", {.log2_rate = -10.0, .log2_regret = 1.2}},
          {"lion", {.log2_rate = -11.0, .log2_regret = 1.3}}};
}

PlannerOptions options(double budget) {
  return {.steps = 1000, .budget_runs = budget, .features = {{"hidden_share", 0.9}}, .validation_batches = 2};
}

std::string text_of(const Decision& decision) {
  std::string text = decision.choice.name + " " + std::to_string(decision.choice.learning_rate) + " " +
                     decision.choice_in_time + " " + decision.winner.value_or("none");
  for (const CandidateDecision& one : decision.candidates) {
    text += "\n" + one.name + " " + std::to_string(one.learning_rate) + " " + std::to_string(one.probability_best) +
            " " + std::to_string(one.expected_regret);
  }
  for (const std::string& reason : decision.reasons) text += "\n" + reason;
  return text;
}

TEST(Planner, ABudgetOfNothingAsksForNothing) {
  Planner planner(default_candidates(), options(0.0), guessed_policy());
  EXPECT_TRUE(planner.done());
  EXPECT_TRUE(planner.ask(10).empty());
  EXPECT_EQ(planner.cost_runs(), 0.0);
  const Decision decision = planner.decision();
  const Decision beforehand = suggest(default_candidates(), {{"hidden_share", 0.9}}, 1000, 32, guessed_policy());
  EXPECT_EQ(decision.choice.name, beforehand.choice.name);
  EXPECT_EQ(decision.choice.learning_rate, beforehand.choice.learning_rate);
  EXPECT_GT(decision.expected_gain_of_more, 0.0);
}

TEST(Planner, NeverAsksForMoreThanItsBudget) {
  for (const double budget : {0.02, 0.1, 0.25, 1.0, 3.0}) {
    for (const double spent : {0.0, 0.03}) {
      for (const std::int64_t steps : {40, 150, 1000, 5000}) {
        PlannerOptions some = options(budget);
        some.steps = steps;
        some.spent_runs = spent;
        Planner planner(default_candidates(), some, guessed_policy());
        const SimulatedProblem problem(steps, usual(), 0.1);
        drive(planner, problem);
        EXPECT_LE(planner.cost_runs(), std::max(budget, spent) + 1e-9) << budget << " of " << steps;
      }
    }
  }
}

TEST(Planner, FindsTheBestOfAKnownProblem) {
  // Muon leads, as the policy expects, but at another rate.
  auto optimizers = usual();
  optimizers["muon"].log2_rate = -8.0;
  const SimulatedProblem problem(1000, optimizers);
  const auto regret_at = [&](double budget) {
    Planner planner(default_candidates(), options(budget), guessed_policy());
    drive(planner, problem);
    const Decision decision = planner.decision();
    EXPECT_EQ(decision.choice.name, "muon") << budget;
    return problem.log2_regret(decision.choice.name, decision.choice.learning_rate);
  };
  const double without = regret_at(0.0);
  const double quarter = regret_at(0.25);
  const double one = regret_at(1.0);
  EXPECT_LT(quarter, 0.6 * without);
  EXPECT_LE(one, quarter + 0.01);
  EXPECT_LT(one, 0.1);
}

TEST(Planner, FindsAnotherBestThanExpected) {
  auto optimizers = usual();
  optimizers["muon"].log2_regret = 1.2;
  optimizers["adamw"] = {.log2_rate = -7.0, .log2_regret = 0.0};
  const SimulatedProblem problem(1000, optimizers, 0.05);
  Planner planner(default_candidates(), options(0.25), guessed_policy());
  drive(planner, problem);
  const Decision decision = planner.decision();
  EXPECT_EQ(decision.choice.name, "adamw");
  EXPECT_EQ(decision.default_choice.name, "muon");
  EXPECT_LT(problem.log2_regret("adamw", decision.choice.learning_rate), 0.2);
  const std::string said = text_of(decision);
  EXPECT_NE(said.find("Without runs the choice would have been muon."), std::string::npos) << said;
}

TEST(Planner, ThePriorWinsWhereEvidenceIsNoise) {
  // A policy that knows that one run is no evidence: losses without regard to optimizer and rate change nothing.
  auto json = nlohmann::json::parse(guessed_policy().text());
  json["transfer"]["noise"] = 30.0;
  json["spending"]["smallest_gain"] = 1e-12;  // or it would not ask at all
  const Policy wary = Policy::parse(json.dump());
  EXPECT_EQ(wary.transfer.noise, 30.0);
  const SimulatedProblem problem(1000, usual());
  int runs = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    PlannerOptions some = options(0.25);
    some.seed = seed;
    Planner planner(default_candidates(), some, wary);
    const Choice by_default = planner.decision().choice;
    Philox random(seed, 77);
    while (!planner.done()) {
      for (const PlannedRun& run : planner.ask(1)) {
        RunResult result = problem.run(run);
        result.diverged = false;
        result.final_loss = result.curve_losses.back() = 3.0 + 0.05 * random.normal();
        planner.tell(run.id, result);
        ++runs;
      }
    }
    EXPECT_EQ(planner.decision().choice.name, by_default.name);
    EXPECT_NEAR(std::log2(planner.decision().choice.learning_rate), std::log2(by_default.learning_rate), 0.3);
  }
  EXPECT_GT(runs, 0);
}

TEST(Planner, OnProblemsAsThePolicyExpectsThemRunsLowerTheRegret) {
  // Rates and regrets drawn from the policy's own priors: evidence may mislead on one, but must pay in the mean.
  Philox random(11);
  double by_default = 0.0;
  double by_quarter = 0.0;
  constexpr int kProblems = 24;
  for (int i = 0; i < kProblems; ++i) {
    std::map<std::string, SimulatedOptimizer> optimizers;
    for (const Candidate& candidate : default_candidates()) {
      const Prior prior = guessed_policy().prior(candidate, {{"steps", 1000.0}, {"hidden_share", 0.9}});
      optimizers[candidate.name] = {.log2_rate = prior.rate.mean + prior.rate.deviation * random.normal(),
                                    .log2_regret = prior.regret.mean + prior.regret.deviation * random.normal(),
                                    .shift = prior.rate_shift};
    }
    const SimulatedProblem problem(1000, optimizers, 0.1);
    PlannerOptions some = options(0.25);
    some.objective = PlanObjective::steps;
    some.seed = static_cast<std::uint64_t>(i);
    Planner planner(default_candidates(), some, guessed_policy());
    const Choice first = planner.decision().choice;
    drive(planner, problem);
    const Choice last = planner.decision().choice;
    by_default += problem.log2_regret(first.name, first.learning_rate) / kProblems;
    by_quarter += problem.log2_regret(last.name, last.learning_rate) / kProblems;
  }
  EXPECT_LT(by_quarter, 0.8 * by_default) << "mean of log2 of regrets";
}

/// Tells results in an order of its own, and loses some runs on the way.
std::string shuffled_outcome(double budget, const SimulatedProblem& problem, std::uint64_t seed) {
  Planner planner(default_candidates(), options(budget), guessed_policy());
  Philox random(seed, 5);
  std::vector<PlannedRun> running;
  std::set<std::int64_t> lost;
  while (!planner.done()) {
    const int limit = static_cast<int>(1 + random.below(4));
    for (PlannedRun& run : planner.ask(limit)) running.push_back(run);
    EXPECT_FALSE(running.empty());
    if (running.empty()) break;
    const auto at = static_cast<std::ptrdiff_t>(random.below(running.size()));
    const PlannedRun run = running[static_cast<std::size_t>(at)];
    running.erase(running.begin() + at);
    if (random.below(4) == 0 && lost.insert(run.id).second) {
      planner.lost(run.id);
    } else {
      planner.tell(run.id, problem.run(run));
    }
  }
  return text_of(planner.decision()) + "\n" + planner.state();
}

TEST(Planner, OfRatesRunAtFullLengthTheLowestLossIsChosen) {
  auto optimizers = usual();
  optimizers["adamw"].log2_regret = -0.6;  // best, against what is expected
  optimizers["adamw"].log2_rate -= 0.3;    // not halfway between two powers of two: no ties
  optimizers["muon"].log2_rate = -6.3;
  const SimulatedProblem problem(1000, optimizers);
  Planner planner(default_candidates(), options(8.0), guessed_policy());
  std::map<double, PlannedRun> full;  // by loss
  while (!planner.done()) {
    for (const PlannedRun& run : planner.ask(1)) {
      const RunResult result = problem.run(run);
      if (run.steps == 1000 && !result.diverged) full[result.final_loss] = run;
      planner.tell(run.id, result);
    }
  }
  ASSERT_GE(full.size(), 2U);
  const Decision decision = planner.decision();
  EXPECT_EQ(decision.choice.name, full.begin()->second.candidate);
  EXPECT_EQ(decision.choice.learning_rate, full.begin()->second.learning_rate);
  EXPECT_EQ(decision.choice_in_steps, decision.choice.name);
}

TEST(Planner, DecisionsDoNotDependOnTheOrderOfResults) {
  const SimulatedProblem problem(1000, usual(), 0.1);
  for (const double budget : {0.25, 1.0, kAll}) {
    const std::string first = shuffled_outcome(budget, problem, 1);
    for (std::uint64_t seed = 2; seed < 5; ++seed) EXPECT_EQ(shuffled_outcome(budget, problem, seed), first) << budget;
  }
}

TEST(Planner, GoesOnFromItsStateAtEveryPoint) {
  const SimulatedProblem problem(1000, usual(), 0.1);
  for (const double budget : {0.25, kAll}) {
    Planner whole(default_candidates(), options(budget), guessed_policy());
    drive(whole, problem, 3);
    // A planner that is killed and read back before every result, with two runs under way each time.
    Planner planner(default_candidates(), options(budget), guessed_policy());
    while (!planner.done()) {
      const auto runs = planner.ask(2);
      planner = Planner::from_state(planner.state());
      const auto again = planner.ask(1);
      ASSERT_EQ(again.size(), 1U);
      EXPECT_TRUE(std::ranges::any_of(runs, [&](const PlannedRun& run) { return run.id == again[0].id; }))
          << "what was under way comes first";
      planner.tell(again[0].id, problem.run(again[0]));
    }
    EXPECT_EQ(text_of(planner.decision()), text_of(whole.decision()));
    EXPECT_EQ(planner.state(), whole.state());
    EXPECT_EQ(Planner::from_state(whole.state()).state(), whole.state());
  }
}

TEST(Planner, RefusesWhatIsNoState) {
  for (const char* text : {"", "{}", "[1]", "{\"kind\": \"normdescent planner\", \"version\": 7}",
                           "{\"kind\": \"normdescent planner\", \"version\": 1}"})
    EXPECT_THROW((void)Planner::from_state(text), std::invalid_argument) << text;
  const Planner planner(default_candidates(), options(0.25), guessed_policy());
  std::string state = planner.state();
  EXPECT_THROW((void)Planner::from_state(state.substr(0, state.size() - 5)), std::invalid_argument);
  state.replace(state.find("\"muon\""), 6, "\"moon\"");
  EXPECT_THROW((void)Planner::from_state(state), std::invalid_argument) << "a run of a candidate that is not there";
}

TEST(Planner, RefusesResultsOfRunsThatAreNotUnderWay) {
  Planner planner(default_candidates(), options(0.25), guessed_policy());
  const SimulatedProblem problem(1000, usual());
  EXPECT_THROW(planner.tell(0, {}), std::invalid_argument) << "not asked for yet";
  EXPECT_THROW(planner.lost(0), std::invalid_argument);
  const auto runs = planner.ask(1);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_THROW(planner.tell(12345, {}), std::invalid_argument);
  RunResult crooked = problem.run(runs[0]);
  crooked.curve_losses.pop_back();
  EXPECT_THROW(planner.tell(runs[0].id, crooked), std::invalid_argument);
  planner.tell(runs[0].id, problem.run(runs[0]));
  EXPECT_THROW(planner.tell(runs[0].id, problem.run(runs[0])), std::invalid_argument) << "told before";
  EXPECT_THROW(planner.lost(runs[0].id), std::invalid_argument);
}

TEST(Planner, NanIsAResult) {
  // Muon diverges wherever it is run; the planner must neither stop nor choose it.
  auto optimizers = usual();
  optimizers["muon"].diverges_above = -50.0;
  const SimulatedProblem problem(1000, optimizers);
  for (const double budget : {0.25, 1.0, kAll}) {
    Planner planner(default_candidates(), options(budget), guessed_policy());
    drive(planner, problem);
    const Decision decision = planner.decision();
    EXPECT_EQ(decision.choice.name, "adamw") << budget;
    EXPECT_TRUE(decision.candidates[4].diverged);
    EXPECT_FALSE(decision.candidates[1].diverged);
    EXPECT_NE(text_of(decision).find("muon diverged"), std::string::npos);
  }
}

TEST(Planner, TheFullRaceMeasures) {
  const SimulatedProblem problem(1000, usual(), 0.05);
  Planner planner(default_candidates(), options(kAll), guessed_policy());
  std::set<std::uint64_t> search_seeds;
  std::set<std::uint64_t> final_seeds;
  while (!planner.done()) {
    for (const PlannedRun& run : planner.ask(4)) {
      EXPECT_EQ(run.steps, 1000);
      (run.purpose == RunPurpose::final_run ? final_seeds : search_seeds).insert(run.seed);
      planner.tell(run.id, problem.run(run));
      EXPECT_LE(planner.runs_done(), planner.runs_planned());
    }
  }
  EXPECT_EQ(planner.runs_done(), planner.runs_planned());
  EXPECT_EQ(final_seeds.size(), 3U);
  for (const auto seed : final_seeds) EXPECT_FALSE(search_seeds.contains(seed)) << "final seeds are fresh";
  const Decision decision = planner.decision();
  EXPECT_EQ(decision.winner, "muon");
  EXPECT_EQ(decision.choice.name, "muon");
  const CandidateDecision& muon = decision.candidates[4];
  ASSERT_TRUE(muon.speedup_steps && muon.speedup_time);
  EXPECT_EQ(muon.speedup_steps->basis, "measured");
  EXPECT_NEAR(muon.speedup_steps->value, std::exp2(0.9), 0.35) << "over AdamW";
  EXPECT_NEAR(muon.speedup_time->value, muon.speedup_steps->value / 1.5, 1e-9) << "its steps take 1.5 times as long";
  EXPECT_LE(muon.speedup_steps->low, muon.speedup_steps->value);
  EXPECT_EQ(decision.candidates[1].speedup_steps->value, 1.0);
  EXPECT_EQ(muon.expected_regret, 1.0);
  EXPECT_GT(decision.candidates[1].expected_regret, 1.5);
}

TEST(Planner, AFullRaceThatIsNotOverDecidesByWhatItKnows) {
  const SimulatedProblem problem(1000, usual(), 0.05);
  PlannerOptions some = options(kAll);
  some.objective = PlanObjective::steps;
  Planner planner(default_candidates(), some, guessed_policy());
  for (int i = 0; i < 12; ++i) {
    for (const PlannedRun& run : planner.ask(1)) planner.tell(run.id, problem.run(run));
  }
  EXPECT_FALSE(planner.done());
  const Decision decision = planner.decision();
  EXPECT_EQ(decision.choice.name, "muon");
  EXPECT_EQ(decision.candidates[4].speedup_steps->basis, "predicted");
}

TEST(Planner, ABaselineWithAFixedRateIsRunAtItOnly) {
  std::vector<Candidate> candidates = default_candidates();
  candidates.push_back({.name = "mine", .kind = "adamw", .learning_rate = 1e-3, .rate_is_fixed = true});
  auto optimizers = usual();
  optimizers["mine"] = optimizers["adamw"];
  const SimulatedProblem problem(1000, optimizers, 0.05);
  for (const double budget : {1.0, kAll}) {
    PlannerOptions some = options(budget);
    some.baseline = "mine";
    Planner planner(candidates, some, guessed_policy());
    int runs = 0;
    while (!planner.done()) {
      for (const PlannedRun& run : planner.ask(1)) {
        if (run.candidate == "mine") {
          ++runs;
          EXPECT_EQ(run.learning_rate, 1e-3);
          EXPECT_EQ(run.purpose == RunPurpose::baseline, budget == kAll);
        }
        planner.tell(run.id, problem.run(run));
      }
    }
    EXPECT_TRUE(budget < kAll || runs == 3) << runs;
    const Decision decision = planner.decision();
    EXPECT_EQ(decision.candidates[5].learning_rate, 1e-3);
    EXPECT_EQ(decision.candidates[5].speedup_steps->value, 1.0);
    EXPECT_GT(decision.candidates[4].speedup_steps->value, 1.5);
  }
}

TEST(Planner, ALargerBudgetGoesOnWithAllResults) {
  const SimulatedProblem problem(1000, usual(), 0.1);
  Planner planner(default_candidates(), options(0.25), guessed_policy());
  const auto running = planner.ask(1);
  EXPECT_THROW(planner.set_budget(1.0), std::invalid_argument) << "a run is under way";
  planner.lost(running[0].id);
  drive(planner, problem);
  const auto before = planner.runs_done();
  const double cost = planner.cost_runs();
  planner.set_budget(1.0);
  EXPECT_FALSE(planner.done());
  drive(planner, problem);
  EXPECT_GT(planner.runs_done(), before);
  EXPECT_LE(planner.cost_runs(), 1.0);
  EXPECT_GT(planner.cost_runs(), cost);
  planner.set_budget(kAll);
  drive(planner, problem);
  EXPECT_EQ(planner.decision().candidates[4].speedup_steps->basis, "measured");
}

TEST(Planner, BatchesOfValidationAreCounted) {
  // Validation that is as dear as it gets leaves less for steps.
  const SimulatedProblem problem(1000, usual());
  PlannerOptions dear = options(0.25);
  dear.validation_batches = 150;  // two of them: a tenth of a run
  Planner planner(default_candidates(), dear, guessed_policy());
  EXPECT_LE(planner.ask(100).size(), 2U);
  Planner cheap(default_candidates(), options(0.25), guessed_policy());
  const auto runs = cheap.ask(1);
  RunResult result = problem.run(runs[0]);
  result.gradients = 100;
  result.validation_batches = 30;
  cheap.tell(runs[0].id, result);
  EXPECT_DOUBLE_EQ(cheap.cost_runs(), 0.11);
}

TEST(Planner, RefusesImpossibleOptions) {
  const auto refuses = [](auto change) {
    PlannerOptions some = options(0.25);
    change(some);
    EXPECT_THROW(Planner(default_candidates(), some), std::invalid_argument);
  };
  refuses([](auto& o) { o.steps = 0; });
  refuses([](auto& o) { o.budget_runs = -0.1; });
  refuses([](auto& o) { o.budget_runs = std::nan(""); });
  refuses([](auto& o) { o.spent_runs = -1.0; });
  refuses([](auto& o) { o.baseline = "adam"; });
  refuses([](auto& o) { o.accumulate = 0; });
  refuses([](auto& o) { o.validation_batches = -1; });
  refuses([](auto& o) { o.final_seeds = -1; });
  refuses([](auto& o) { o.search_seeds = 0; });
  refuses([](auto& o) { o.max_rates = 2; });
  refuses([](auto& o) { o.grid_factor = 1.0; });
  refuses([](auto& o) { o.curve_points = 0; });
  EXPECT_THROW(Planner({}, options(0.25)), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
