// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/experiment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace normdescent::lab {
namespace {

void expect_all_checks_pass(const ExperimentResult& result) {
  EXPECT_FALSE(result.checks.empty());
  for (const auto& check : result.checks) {
    EXPECT_TRUE(check.passed) << result.name << ": " << check.name << " = " << check.value << ", expected "
                              << check.expected;
  }
}

TEST(Experiment, ChecksFailOnNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(check_at_least("x", nan, 0).passed);
  EXPECT_FALSE(check_at_most("x", nan, 0).passed);
  EXPECT_FALSE(check_between("x", nan, 0, 1).passed);
  EXPECT_FALSE(check_near("x", nan, 0, 1).passed);
  EXPECT_TRUE(check_near("x", 1.5, 1, 0.5).passed);
}

TEST(Experiment, JsonHasTheStableKeysAndNullForInfinity) {
  ExperimentResult result;
  result.name = "demo";
  result.parameters = {{"d", std::int64_t{3}}};
  result.rows = {{{"eta", 0.5}, {"final", std::numeric_limits<double>::infinity()}},
                 {{"note", std::string("a,\"b\"")}}};
  result.checks = {check_at_least("holds", 2.0, 1.0)};
  const auto json = nlohmann::json::parse(to_json(result));
  EXPECT_EQ(json["experiment"], "demo");
  EXPECT_EQ(json["parameters"]["d"], 3);
  EXPECT_EQ(json["rows"][0]["eta"], 0.5);
  EXPECT_TRUE(json["rows"][0]["final"].is_null());
  EXPECT_EQ(json["checks"][0]["name"], "holds");
  EXPECT_EQ(json["checks"][0]["passed"], true);
  EXPECT_EQ(json["checks"][0]["value"], 2.0);
  EXPECT_EQ(json["checks"][0]["expected"], ">= 1");
  EXPECT_EQ(to_csv(result), "eta,final,note\n0.5,inf,\n,,\"a,\"\"b\"\"\"\n");
}

TEST(Experiment, UnknownNamesAndBadOptionsAreRefused) {
  EXPECT_THROW((void)run_experiment("toy-determinstic", {}), std::invalid_argument);
  EXPECT_THROW((void)run_experiment("toy-sparse-noise", {.scale = 0.0}), std::invalid_argument);
  EXPECT_THROW((void)run_experiment("toy-sparse-noise", {.threads = 0}), std::invalid_argument);
}

TEST(Experiment, ToyDeterministicReproducesThePublishedCurves) {
  expect_all_checks_pass(run_experiment("toy-deterministic", {}));
}

TEST(Experiment, ToySparseNoiseSettlesAtTheDerivedLevels) {
  expect_all_checks_pass(run_experiment("toy-sparse-noise", {.scale = 0.2}));
}

TEST(Experiment, SignSgdStaysAboveItsLowerBound) {
  expect_all_checks_pass(run_experiment("signsgd-lower-bound", {.scale = 0.1, .threads = 2}));
}

TEST(Experiment, SgdStaysAboveItsLowerBound) {
  expect_all_checks_pass(run_experiment("sgd-l1-lower-bound", {.scale = 0.01, .threads = 2}));
}

TEST(Experiment, SamplesGrowAsTheDimensionForSgdOnly) {
  expect_all_checks_pass(run_experiment("dimension-scaling", {.scale = 0.01, .threads = 2}));
}

// The whole range of epsilon takes a minute of processor time; its short end is straight enough at p = 2.
TEST(Experiment, SamplesGrowAsTheFourthPowerAtFiniteVariance) {
  int found = 0;
  for (const auto& check : run_experiment("epsilon-scaling", {.scale = 0.01, .threads = 2}).checks) {
    if (!check.name.starts_with("signum, p = 2.0") && !check.name.starts_with("sgd, p = 2.0")) continue;
    EXPECT_TRUE(check.passed) << check.name << " = " << check.value << ", expected " << check.expected;
    ++found;
  }
  EXPECT_EQ(found, 2);
}

double number_in(const Row& row, std::string_view column) {
  for (const auto& [name, field] : row) {
    if (name == column) return std::get<double>(field);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

TEST(Experiment, ChartsOfBoundsShowTheColumnsTheyName) {
  for (const char* name : {"signsgd-lower-bound", "adagrad-lower-bound"}) {
    const auto result = run_experiment(name, {.scale = 0.01, .threads = 2});
    ASSERT_EQ(result.charts.size(), 1U);
    for (const auto& [series_name, column] : {std::pair{"lower bound", "lower_samples"},
                                              {"measured", "measured_samples"},
                                              {"upper bound", "upper_samples"}}) {
      std::vector<double> x, y;
      for (const auto& row : result.rows) {
        if (std::isnan(number_in(row, column)) || number_in(row, "noise_l1") == 0.0) continue;
        x.push_back(number_in(row, "target"));
        y.push_back(number_in(row, column));
      }
      const auto& all = result.charts[0].series;
      const auto series = std::ranges::find(all, series_name, &Series::name);
      ASSERT_NE(series, all.end()) << name << ": " << series_name;
      EXPECT_EQ(series->x, x) << name << ": " << series_name;
      EXPECT_EQ(series->y, y) << name << ": " << series_name;
      EXPECT_GE(y.size(), 5U);
    }
  }
}

TEST(Experiment, MuonStaysAboveItsLowerBound) {
  expect_all_checks_pass(run_experiment("muon-lower-bound", {.scale = 0.25, .threads = 2}));
}

TEST(Experiment, AdaGradStaysAboveItsLowerBound) {
  expect_all_checks_pass(run_experiment("adagrad-lower-bound", {.scale = 0.25, .threads = 2}));
}

TEST(Experiment, SamplesGrowAsOneOverTheDensityForSgdOnly) {
  expect_all_checks_pass(run_experiment("density-scaling", {.scale = 0.5, .threads = 2}));
}

TEST(Experiment, BrokenAssumptionsBreakTheirBounds) { expect_all_checks_pass(run_experiment("teeth", {})); }

TEST(Experiment, EveryExperimentHasAClaimAndAUniqueName) {
  std::set<std::string> names;
  for (const auto& info : experiment_catalog()) {
    EXPECT_FALSE(info.claim.empty()) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(find_experiment(info.name), &info);
  }
}

TEST(Experiment, ResultsDoNotDependOnThreads) {
  const auto one = run_experiment("toy-sparse-noise", {.scale = 0.02, .threads = 1});
  const auto two = run_experiment("toy-sparse-noise", {.scale = 0.02, .threads = 3});
  EXPECT_EQ(to_json(one), to_json(two));
}

}  // namespace
}  // namespace normdescent::lab
