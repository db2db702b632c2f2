// SPDX-License-Identifier: Apache-2.0
#include "normdescent/policy/policy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/policy/decide.hpp"
#include "policy/guessed_policy.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;
using test::guessed_policy;

/// The shipped policy's text after a change.
template <class Change>
std::string changed(Change change) {
  Json json = Json::parse(shipped_policy().text());
  change(json);
  return json.dump();
}

void expect_refused(const std::string& text, const std::string& names) {
  try {
    (void)Policy::parse(text);
    ADD_FAILURE() << "not refused: " << names;
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find(names), std::string::npos) << error.what();
  }
}

Candidate candidate(const std::string& name, std::optional<double> rate = {}, bool is_fixed = false) {
  return {.name = name, .kind = name, .learning_rate = rate, .rate_is_fixed = is_fixed};
}

TEST(Policy, TheShippedFileKnowsWhatCompareRaces) {
  for (const Candidate& one : default_candidates()) {
    EXPECT_TRUE(shipped_policy().knows(one.kind)) << one.kind;
    const Prior prior = shipped_policy().prior(one, {{"steps", 1000.0}});
    EXPECT_GT(std::exp2(prior.rate.mean), 1e-6);
    EXPECT_LT(std::exp2(prior.rate.mean), 10.0);
    EXPECT_GT(prior.regret.deviation, 0.0);
  }
}

TEST(Policy, RefusesFilesThatItCannotUse) {
  EXPECT_NO_THROW((void)Policy::parse(shipped_policy().text()));
  expect_refused("{", "not JSON");
  expect_refused("[]", "object");
  expect_refused(changed([](Json& json) { json.erase("transfer"); }), "transfer is missing");
  expect_refused(changed([](Json& json) { json["transfer"].erase("noise"); }), "transfer.noise");
  expect_refused(changed([](Json& json) { json["kinds"].erase("custom"); }), "kinds.custom");
  expect_refused(changed([](Json& json) { json["kinds"]["adamw"]["rate_deviation"] = -1.0; }), "adamw.rate_deviation");
  expect_refused(changed([](Json& json) { json["kinds"]["lion"]["log2_rate"]["moon"] = 1.0; }), "no feature moon");
  expect_refused(changed([](Json& json) { json["spending"]["divisors"] = {0}; }), "divisors");
}

TEST(Policy, FeaturesMoveThePriorAndUnusableOnesCountAsUsual) {
  const auto muon = candidate("muon");
  const auto at = [&](const Features& features) { return guessed_policy().prior(muon, features); };
  EXPECT_LT(at({{"hidden_share", 1.0}}).regret.mean, at({{"hidden_share", 0.0}}).regret.mean)
      << "without hidden matrices there is nothing to orthogonalize";
  EXPECT_EQ(at({{"steps", std::nan("")}}).rate.mean, at({}).rate.mean);
  EXPECT_EQ(at({{"steps", -1.0}}).rate.mean, at({}).rate.mean);
  EXPECT_EQ(at({{"no such feature", 7.0}}).rate.mean, at({}).rate.mean);
}

TEST(Policy, FeaturesAreClippedToWhatTheRulesKnow) {
  const Policy policy = Policy::parse(changed([](Json& json) {
    json["features"]["steps"]["low"] = 100;
    json["features"]["steps"]["high"] = 800;
    json["kinds"]["muon"]["log2_rate"]["steps"] = -0.5;
  }));
  const auto rate_at = [&](double steps) { return policy.prior(candidate("muon"), {{"steps", steps}}).rate.mean; };
  EXPECT_NEAR(rate_at(800) - rate_at(100), -1.5, 1e-9);
  EXPECT_EQ(rate_at(1e9), rate_at(800));
  EXPECT_EQ(rate_at(1), rate_at(100));
  EXPECT_EQ(rate_at(0), rate_at(100)) << "none is few, not unknown";
}

TEST(Policy, TheShippedRatesStayReasonableOnLargeModels) {
  const Features gpt2{{"steps", 20000.0}, {"batch_size", 512.0},  {"parameters", 1.24e8},
                      {"matrices", 48.0}, {"hidden_share", 0.68}, {"embedding_share", 0.32}};
  const auto rate_of = [&](const char* name) { return shipped_policy().prior(candidate(name), gpt2).rate.mean; };
  EXPECT_NEAR(rate_of("muon"), -8.0, 2.0);
  EXPECT_NEAR(rate_of("adamw"), -10.5, 2.0);
  EXPECT_LT(rate_of("sgd-momentum"), 0.0);
  EXPECT_NEAR(rate_of("lion"), -13.0, 2.5);
}

TEST(Policy, AFirstGuessIsWeighedAndAFixedRateIsTaken) {
  const Policy& policy = guessed_policy();
  const Prior unguided = policy.prior(candidate("adamw"), {});
  const Prior guided = policy.prior(candidate("adamw", std::exp2(unguided.rate.mean + 2.0)), {});
  EXPECT_GT(guided.rate.mean, unguided.rate.mean);
  EXPECT_LT(guided.rate.mean, unguided.rate.mean + 2.0);
  EXPECT_LT(guided.rate.deviation, unguided.rate.deviation);
  const Prior fixed = policy.prior(candidate("adamw", 1.0, true), {});
  EXPECT_EQ(fixed.rate.mean, 0.0);
  EXPECT_EQ(fixed.rate.deviation, 0.0);
  EXPECT_GT(fixed.regret.mean, unguided.regret.mean + 1.0) << "rate 1 is far from any rate that AdamW likes";
}

TEST(Policy, OptimizersOfOnesOwnNeedARate) {
  const Policy& policy = guessed_policy();
  const Candidate mine{.name = "mine", .kind = "custom", .learning_rate = 0.01, .rate_is_fixed = false};
  EXPECT_EQ(policy.prior(mine, {}).rate.mean, std::log2(0.01));
  Candidate without_rate = mine;
  without_rate.learning_rate.reset();
  EXPECT_THROW((void)policy.prior(without_rate, {}), std::invalid_argument);
  EXPECT_THROW((void)policy.prior(candidate("adamw", -1.0), {}), std::invalid_argument);
  EXPECT_THROW((void)policy.prior(candidate("adamw", {}, true), {}), std::invalid_argument);
}

TEST(Policy, LossesBecomeStepsByCloseness) {
  const Policy::Transfer transfer{.closeness_floor = 0.05, .closeness_scale = 0.5};
  EXPECT_EQ(closeness_regret(1.0, 1.0, 3.0, transfer), 0.0);
  EXPECT_DOUBLE_EQ(closeness_regret(1.1, 1.0, 3.0, transfer), 0.5) << "a twentieth left undone: log2(2)";
  EXPECT_DOUBLE_EQ(closeness_regret(9.0, 1.0, 3.0, transfer), 0.5 * std::log2(21.0))
      << "worse than the start: as at it";
}

TEST(Suggest, MuonWhereThereAreHiddenMatricesElseNot) {
  const auto candidates = default_candidates();
  const Decision deep = suggest(candidates, {{"hidden_share", 0.9}}, 500, 32, guessed_policy());
  EXPECT_EQ(deep.choice.name, "muon");
  EXPECT_NEAR(std::log2(deep.choice.learning_rate), -6.0, 1.0);
  EXPECT_GE(deep.candidates[4].expected_regret, 1.0);
  EXPECT_EQ(deep.winner, std::nullopt) << "nothing was measured";
  const Decision shallow =
      suggest(candidates, {{"hidden_share", 0.0}, {"embedding_share", 0.9}}, 500, 32, guessed_policy());
  EXPECT_EQ(shallow.choice.name, "adamw");
  EXPECT_EQ(deep.default_choice.name, deep.choice.name);
  double sum = 0.0;
  for (const CandidateDecision& one : deep.candidates) {
    sum += one.probability_best;
    EXPECT_LT(one.learning_rate_low, one.learning_rate);
    EXPECT_GT(one.learning_rate_high, one.learning_rate);
    ASSERT_TRUE(one.speedup_steps.has_value());
    EXPECT_EQ(one.speedup_steps->basis, "predicted");
    EXPECT_LE(one.speedup_steps->low, one.speedup_steps->value);
  }
  EXPECT_NEAR(sum, 1.0, 1e-9);
  EXPECT_THROW((void)suggest(candidates, {}, 0, 32), std::invalid_argument);
  EXPECT_THROW((void)suggest(candidates, {}, 10, 0), std::invalid_argument);
  EXPECT_THROW((void)suggest({}, {}, 10, 1), std::invalid_argument);
}

TEST(Suggest, TheShippedPolicyKnowsMuonToo) {
  const Decision deep = suggest(default_candidates(), {{"hidden_share", 0.9}}, 500, 32);
  EXPECT_EQ(deep.choice.name, "muon");
  EXPECT_NEAR(std::log2(deep.choice.learning_rate), -5.5, 1.5);
}

TEST(Suggest, GivesTheSameAnswerEveryTime) {
  const Decision a = suggest(default_candidates(), {{"hidden_share", 0.5}}, 2000, 8);
  const Decision b = suggest(default_candidates(), {{"hidden_share", 0.5}}, 2000, 8);
  for (std::size_t j = 0; j < a.candidates.size(); ++j)
    EXPECT_EQ(a.candidates[j].probability_best, b.candidates[j].probability_best);
}

TEST(Decide, StepTimesAreMeasuredOnesOrFollowThem) {
  const Field field({candidate("adamw"), candidate("muon")}, {}, guessed_policy(), "");
  const auto unmeasured = field.log2_step_times(std::vector<double>{0.0, 0.0});
  const double ratio = unmeasured[1] - unmeasured[0];
  EXPECT_GT(ratio, 0.0) << "Muon's step costs more";
  const auto one = field.log2_step_times(std::vector<double>{0.25, 0.0});
  EXPECT_DOUBLE_EQ(one[0], -2.0);
  EXPECT_DOUBLE_EQ(one[1], -2.0 + ratio);
  const auto both = field.log2_step_times(std::vector<double>{0.25, 0.125});
  EXPECT_DOUBLE_EQ(both[1], -3.0);
}

TEST(Decide, TheClockTakesTheChoiceOnlyByMoreThanAQuarter) {
  const Field field({candidate("adamw"), candidate("muon")}, {{"hidden_share", 1.0}}, guessed_policy(), "");
  const Belief belief = field.believe({});
  const double lead = belief.value(0) - belief.value(1);  // of Muon, in log2 of steps
  ASSERT_GT(lead, 0.0);
  const auto chosen = [&](double muon_seconds, PlanObjective objective) {
    const Measured measured{{1.0, muon_seconds}, {1, 1}, {false, false}};
    return decide(field, belief, measured, objective, guessed_policy(), 1);
  };
  const double even = std::exp2(lead);
  EXPECT_EQ(chosen(1.2 * even, PlanObjective::automatic).choice.name, "muon");
  EXPECT_EQ(chosen(1.2 * even, PlanObjective::automatic).choice_in_time, "adamw");
  EXPECT_EQ(chosen(1.2 * even, PlanObjective::time).choice.name, "adamw");
  EXPECT_EQ(chosen(1.3 * even, PlanObjective::automatic).choice.name, "adamw");
  EXPECT_EQ(chosen(1.3 * even, PlanObjective::steps).choice.name, "muon");
  bool is_said = false;
  for (const std::string& reason : chosen(1.3 * even, PlanObjective::automatic).reasons)
    is_said =
        is_said || (reason.find("By the clock adamw") == 0 && reason.find("so it is the choice") != std::string::npos);
  EXPECT_TRUE(is_said);
  EXPECT_THROW((void)plan_objective("speed"), std::invalid_argument);
}

TEST(Decide, NamesAndBaselinesAreChecked) {
  const auto make = [](std::vector<Candidate> candidates, const std::string& baseline) {
    return Field(std::move(candidates), {}, guessed_policy(), baseline);
  };
  EXPECT_THROW(make({}, ""), std::invalid_argument);
  EXPECT_THROW(make({candidate("muon"), candidate("muon")}, ""), std::invalid_argument);
  EXPECT_THROW(make({candidate("muon")}, "adam"), std::invalid_argument);
  EXPECT_EQ(make({candidate("muon"), candidate("adamw")}, "").baseline(), 1U);
  EXPECT_EQ(make({candidate("muon"), candidate("lion")}, "").baseline(), 0U);
  EXPECT_EQ(make({candidate("muon"), candidate("lion")}, "lion").baseline(), 1U);
}

TEST(DeriveSeed, DependsOnEachOfItsArgumentsAndFits32Bits) {
  const auto seed = derive_seed(1, Purpose::search_run, 0);
  EXPECT_EQ(seed, derive_seed(1, Purpose::search_run, 0));
  EXPECT_NE(seed, derive_seed(2, Purpose::search_run, 0));
  EXPECT_NE(seed, derive_seed(1, Purpose::final_run, 0));
  EXPECT_NE(seed, derive_seed(1, Purpose::search_run, 1));
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_LT(derive_seed(i, Purpose::probe, i), std::uint64_t{1} << 32U);
}

}  // namespace
}  // namespace normdescent
