// SPDX-License-Identifier: Apache-2.0
#include "normdescent/compare/evidence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "normdescent/optimizers/catalog.hpp"
#include "support/quadratic_problem.hpp"

namespace normdescent {
namespace {

const test::QuadraticProblem& quadratic() {
  static const test::QuadraticProblem problem({.curvature = std::vector<double>(60, 1.0), .batch_size = 2});
  return problem;
}

std::vector<Contestant> contestants() {
  return {{"sgd", sgd({.learning_rate = 0.1})}, {"signsgd", signsgd({.learning_rate = 0.02})}};
}

EvidenceOptions hundred_steps() {
  return {.probe = {.pilot_steps = 4}, .steps = 100, .short_share = 0.3, .ladder_share = 0.1, .divergence_factor = 1e6};
}

TEST(Evidence, ShortRunIsTheBetterOfTwoRatesHalfADecadeApart) {
  const Evidence evidence = gather_evidence(quadratic(), contestants(), hundred_steps());
  ASSERT_EQ(evidence.short_steps, 30);
  ASSERT_EQ(evidence.short_runs.size(), 2U);
  for (const ShortRun& run : evidence.short_runs) {
    SCOPED_TRACE(run.optimizer);
    std::vector<ShortTrial> ladder;
    std::vector<ShortTrial> pair;
    for (const ShortTrial& trial : run.trials) (trial.steps == 10 ? ladder : pair).push_back(trial);
    EXPECT_GE(ladder.size(), 3U);
    EXPECT_LE(ladder.size(), 6U);
    ASSERT_EQ(pair.size(), 2U);
    EXPECT_EQ(pair[0].steps, 30);
    EXPECT_NEAR(pair[1].learning_rate / pair[0].learning_rate, std::sqrt(10.0), 1e-9);
    const auto& better = *std::ranges::min_element(pair, {}, &ShortTrial::final_loss);
    EXPECT_EQ(run.learning_rate, better.learning_rate);
    ASSERT_FALSE(run.losses.empty());
    EXPECT_EQ(run.losses.back(), better.final_loss);
    EXPECT_EQ(run.steps.back(), 30.0);

    // Around the ladder's best rate at this length: three times as long, for a sign method 3^-0.35 of it.
    const auto& top = *std::ranges::min_element(ladder, {}, &ShortTrial::final_loss);
    const double shift = run.optimizer == "sgd" ? 1.0 : std::pow(3.0, -0.35);
    EXPECT_NEAR(std::sqrt(pair[0].learning_rate * pair[1].learning_rate) / (shift * top.learning_rate), 1.0, 1e-9);
  }
}

TEST(Evidence, RaceIsCentredWhereTheShortRateLeadsAtItsLength) {
  Evidence evidence;
  evidence.short_steps = 20;
  evidence.short_runs = {{.optimizer = "sgd", .learning_rate = 0.5, .steps = {0, 20}, .losses = {2, 1}, .trials = {}},
                         {.optimizer = "signsgd", .learning_rate = 0.5, .steps = {}, .losses = {}, .trials = {}}};
  auto centred = centred_by_short_race(contestants(), evidence, 100);
  EXPECT_NEAR(learning_rate_of(centred[0].spec), 0.5, 1e-6);
  EXPECT_NEAR(learning_rate_of(centred[1].spec), 0.02, 1e-9) << "a short run that diverged says nothing";
  evidence.short_runs[1].losses = {2, 1};
  centred = centred_by_short_race(contestants(), evidence, 100);
  EXPECT_NEAR(learning_rate_of(centred[1].spec), 0.5 * std::pow(5.0, -0.35), 1e-6);
}

TEST(Evidence, WithoutAShareThereIsNoShortRace) {
  EvidenceOptions options = hundred_steps();
  options.short_share = 0.0;
  const Evidence evidence = gather_evidence(quadratic(), contestants(), options);
  EXPECT_EQ(evidence.probe.status, ProbeStatus::completed);
  EXPECT_EQ(evidence.short_steps, 0);
  EXPECT_TRUE(evidence.short_runs.empty());
}

TEST(Evidence, StopLeavesNoShortRace) {
  std::stop_source source;
  const auto stop_in_short_race = [&](double fraction, std::string_view) {
    if (fraction > 0.75) source.request_stop();
  };
  const Evidence evidence =
      gather_evidence(quadratic(), contestants(), hundred_steps(), stop_in_short_race, source.get_token());
  EXPECT_EQ(evidence.probe.status, ProbeStatus::stopped);
  EXPECT_TRUE(evidence.short_runs.empty());
}

}  // namespace
}  // namespace normdescent
