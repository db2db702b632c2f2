// SPDX-License-Identifier: Apache-2.0
#include "normdescent/scoreboard/judge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/predict/features.hpp"

namespace normdescent {
namespace {

double standing(const std::vector<double>& truth, std::size_t j) {
  double sum = 0.0;
  for (const double other : truth) sum += (truth[j] > other ? 0.5 : 0.0) - (truth[j] < other ? 0.5 : 0.0);
  return sum;
}

/// Three entrants on `count` problems. Log2 speed-ups of SignSGD and AdamW are 0.5 + slope x (and noise) and
/// 1.5 - slope x of the feature "sparsity"; the order of final losses follows the speed-ups.
std::vector<JudgedProblem> synthetic(std::size_t count, double slope, double noise = 0.0) {
  std::vector<JudgedProblem> problems;
  for (std::size_t i = 0; i < count; ++i) {
    Philox random(7, i);
    const double x = 4.0 * random.uniform() - 1.0;
    const std::vector<double> truth = {0.0, 0.5 + slope * x + noise * random.normal(), 1.5 - slope * x};
    JudgedProblem problem;
    problem.example.problem = "p" + std::to_string(i);
    problem.family = i % 2 == 0 ? "even" : "odd";
    const char* names[] = {"sgd", "signsgd", "adamw"};
    for (std::size_t j = 0; j < 3; ++j) {
      std::vector<double> values(features().size(), kNaN);
      values[feature_index("sparsity")] = x;
      problem.example.optimizers.push_back({.optimizer = names[j],
                                            .features = values,
                                            .over_sgd = truth[j],
                                            .over_adamw = truth[j] - truth[2],
                                            .standing = standing(truth, j),
                                            .rate_ratio = -0.25});
      problem.short_learning_rates.push_back(-1.0 - static_cast<double>(i % 3));
      problem.learning_rates.push_back(problem.short_learning_rates.back() - 0.25);
    }
    const auto winner = std::ranges::max_element(truth) - truth.begin();
    for (std::ptrdiff_t j = 0; j < 3; ++j) problem.best.push_back(j == winner ? 1.0 : 0.0);
    for (std::size_t a = 0; a < 3; ++a) {
      problem.order.emplace_back();
      for (std::size_t b = 0; b < 3; ++b)
        problem.order.back().push_back(truth[a] == truth[b] ? 0 : truth[a] > truth[b] ? -1 : 1);
    }
    problems.push_back(std::move(problem));
  }
  return problems;
}

Predictor named(const std::string& name) {
  for (Predictor& p : predictors()) {
    if (p.name == name) return std::move(p);
  }
  throw std::logic_error("no predictor " + name);
}

/// Says the same of every problem.
Predictor constant(std::vector<double> over_sgd) {
  return {.name = "constant", .summary = "", .forecast = [over_sgd](std::span<const Example>, const Example&) {
            PointForecast forecast{.over_sgd = over_sgd, .over_adamw = over_sgd, .standing = {}};
            for (double& value : forecast.over_adamw) value -= over_sgd.back();
            return forecast;
          }};
}

TEST(Judge, RightModelScoresPerfectly) {
  const auto problems = synthetic(12, 0.8);
  const Predictor oracle{.name = "oracle", .summary = "", .forecast = [](std::span<const Example>, const Example& e) {
                           const double x = e.optimizers[1].features[feature_index("sparsity")];
                           const double sign = 0.5 + 0.8 * x;
                           const double adamw = 1.5 - 0.8 * x;
                           return PointForecast{{0.0, sign, adamw}, {-adamw, sign - adamw, 0.0}, {}};
                         }};
  const Score s = score(oracle, problems);
  EXPECT_EQ(s.decisive_pairs, 36);
  EXPECT_EQ(s.pairs_right, 1.0);
  EXPECT_NEAR(s.error_over_sgd, 0.0, 1e-12);
  EXPECT_NEAR(s.error_over_adamw, 0.0, 1e-12);
  EXPECT_EQ(s.favourite_best, 1.0);
  // One imagined problem in which all are alike is mixed into the 11 others: (11 + 1/3) / 12 for the winner.
  const double miss = 1.0 - (11.0 + 1.0 / 3.0) / 12.0;
  const double other = (1.0 / 3.0) / 12.0;
  EXPECT_NEAR(s.brier, miss * miss + 2.0 * other * other, 1e-9);
}

TEST(Judge, CombinationRecoversALinearLaw) {
  const auto problems = synthetic(24, 0.8);
  const Score combination = score(named("combination"), problems);
  const Score mean = score(named("mean of the zoo"), problems);
  // Standings are steps in x where a smooth function is fitted: pairs near a tie may be missed, 24 x 3 of them are not.
  EXPECT_GT(combination.pairs_right, 0.9);
  EXPECT_LT(mean.pairs_right, 0.8);
  // A twentieth of a bit, of a spread of 0.8 x 4 / sqrt(12).
  EXPECT_LT(combination.error_over_sgd, 0.05);
  EXPECT_GT(mean.error_over_sgd, 0.2);
}

TEST(Judge, KnownPairsTiesCountHalf) {
  auto problems = synthetic(4, 0.0);  // 0 < 0.5 < 1.5 everywhere: 3 pairs each
  EXPECT_NEAR(score(constant({0.0, 1.0, 2.0}), problems).pairs_right, 1.0, 1e-12);
  EXPECT_NEAR(score(constant({0.0, 2.0, 1.0}), problems).pairs_right, 2.0 / 3.0, 1e-12);
  EXPECT_NEAR(score(constant({0.0, 1.0, 1.0}), problems).pairs_right, 2.5 / 3.0, 1e-12);
  EXPECT_NEAR(score(named("all equal"), problems).pairs_right, 0.5, 1e-12);
  problems[0].order[1][2] = problems[0].order[2][1] = 0;  // inside noise: no pair
  EXPECT_EQ(score(constant({0.0, 1.0, 2.0}), problems).decisive_pairs, 11);
}

TEST(Judge, StandingsOrderWhereAPredictorHasThem) {
  const auto problems = synthetic(4, 0.0);  // 0 < 0.5 < 1.5
  Predictor fast_start = constant({0.0, 2.0, 1.0});
  const auto speedups = fast_start.forecast;
  fast_start.forecast = [speedups](std::span<const Example> training, const Example& e) {
    PointForecast forecast = speedups(training, e);
    forecast.standing = {-1.0, 0.0, 1.0};
    return forecast;
  };
  EXPECT_EQ(score(fast_start, problems).pairs_right, 1.0);
  EXPECT_EQ(score(fast_start, problems).favourite_best, 1.0);
}

TEST(Judge, KnownErrorAndCoverage) {
  const auto problems = synthetic(10, 0.0);
  const Score s = score(constant({0.0, 0.0, 1.0}), problems);  // off by 0.5 and 0.5 from 0.5 and 1.5
  EXPECT_NEAR(s.error_over_sgd, 0.5, 1e-12);
  EXPECT_EQ(s.coverage_over_sgd, 1.0);  // the errors of the others are the same 0.5
}

TEST(Judge, IntervalsCoverAsOftenAsTheySay) {
  const auto problems = synthetic(60, 0.0, 1.0);
  // SignSGD is off by a normal error, AdamW never: (0.8 + 1) / 2 of all cases. Standard deviation of the share over 60
  // problems sqrt(0.16 / 60) / 2 = 0.026; three of them.
  EXPECT_NEAR(score(constant({0.0, 0.5, 1.5}), problems).coverage_over_sgd, 0.9, 0.08);
}

TEST(Judge, BrierOfAKnownForecast) {
  auto problems = synthetic(2, 0.0);
  Score s = score(constant({0.0, 0.5, 1.5}), problems);
  double expected = 0.0;
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const double p = s.forecasts[i].probability_best[j];
      expected += (p - problems[i].best[j]) * (p - problems[i].best[j]) / 2.0;
    }
  }
  EXPECT_NEAR(s.brier, expected, 1e-12);
  std::int64_t given = 0;
  for (const CalibrationBin& bin : s.calibration) given += bin.count;
  EXPECT_EQ(given, 6);
}

// The judged problem's own race must not reach its prediction, interval or probability.
TEST(Judge, NothingLeaksFromTheJudgedRace) {
  const auto problems = synthetic(8, 0.5, 0.5);
  auto changed = problems;
  for (Observation& o : changed[3].example.optimizers) {
    o.over_sgd += 5.0;
    o.over_adamw -= 3.0;
    o.standing = -o.standing;
    o.rate_ratio = 2.0;
  }
  changed[3].best = {1.0, 0.0, 0.0};
  for (const Predictor& predictor : predictors()) {
    const Forecast a = leave_one_out(predictor, problems, 3);
    const Forecast b = leave_one_out(predictor, changed, 3);
    EXPECT_EQ(a.centre.over_sgd, b.centre.over_sgd) << predictor.name;
    EXPECT_EQ(a.centre.over_adamw, b.centre.over_adamw) << predictor.name;
    EXPECT_EQ(a.half_width_sgd, b.half_width_sgd) << predictor.name;
    EXPECT_EQ(a.half_width_adamw, b.half_width_adamw) << predictor.name;
    EXPECT_EQ(a.probability_best, b.probability_best) << predictor.name;
  }
  // The test has teeth: that race does reach the predictions of the others.
  const Predictor combination = named("combination");
  EXPECT_NE(leave_one_out(combination, problems, 0).centre.over_sgd,
            leave_one_out(combination, changed, 0).centre.over_sgd);
}

TEST(Judge, NothingLeaksFromTheFamilyWhereItIsLeftOut) {
  const auto problems = synthetic(8, 0.5, 0.5);
  auto changed = problems;
  for (std::size_t i = 1; i < 8; i += 2) {  // family "odd"
    changed[i].example.optimizers[1].over_sgd += 4.0;
    changed[i].example.optimizers[1].standing = -1.0;
  }
  const Predictor combination = named("combination, family left out");
  const Forecast a = leave_one_out(combination, problems, 3);
  const Forecast b = leave_one_out(combination, changed, 3);
  EXPECT_EQ(a.centre.over_sgd, b.centre.over_sgd);
  EXPECT_EQ(a.half_width_sgd, b.half_width_sgd);
  EXPECT_EQ(a.probability_best, b.probability_best);
  EXPECT_NE(leave_one_out(combination, problems, 2).centre.over_sgd,
            leave_one_out(combination, changed, 2).centre.over_sgd);
}

TEST(Judge, RateRulesHaveTheirKnownErrors) {
  const auto scores = score_rates(synthetic(9, 0.0));
  EXPECT_NEAR(scores[0].median_error, 0.0, 1e-12);   // the ratio is the same everywhere
  EXPECT_NEAR(scores[1].median_error, 0.0, 1e-12);   // and so is its mean
  EXPECT_NEAR(scores[2].median_error, 0.25, 1e-12);  // and missing here
  EXPECT_EQ(scores[0].count, 27);
}

TEST(Judge, APredictedRateFollowsTheFeatures) {
  auto problems = synthetic(24, 0.0);
  for (JudgedProblem& problem : problems) {
    for (std::size_t j = 0; j < problem.learning_rates.size(); ++j) {
      Observation& o = problem.example.optimizers[j];
      o.rate_ratio = 0.5 * o.features[feature_index("sparsity")];
      problem.learning_rates[j] = problem.short_learning_rates[j] + o.rate_ratio;
    }
  }
  const auto scores = score_rates(problems);
  EXPECT_LT(scores[0].median_error, 0.5 * scores[1].median_error);
}

}  // namespace
}  // namespace normdescent
