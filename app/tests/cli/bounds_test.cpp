// SPDX-License-Identifier: Apache-2.0
// The bounds command: its contract keys, refusals, and the constants it takes from a probe's file.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run.hpp"

namespace normdescent::cli {
namespace {

const std::vector<std::string> kSignSgd{"bounds", "--method", "signsgd", "--delta",   "1",  "--smoothness",
                                        "2",      "--noise",  "0.5",     "--epsilon", "0.1"};

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(BoundsCommand, JsonHasTheContractsKeys) {
  const Ran ran = run(with(kSignSgd, {"--json"}));
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["method"], "signsgd");
  EXPECT_EQ(json["upper"]["steps"], 1600.0);
  EXPECT_EQ(json["upper"]["batch"], 400.0);
  EXPECT_EQ(json["upper"]["samples"], 640000.0);
  EXPECT_EQ(json["upper"]["source"], "U1 [arXiv:2605.06615, Theorem 1]");
  EXPECT_NEAR(json["lower"]["samples"].get<double>(), 45.3125, 1e-9);
  EXPECT_TRUE(json["lower"]["source"].is_string());
  EXPECT_EQ(json["assumptions"][0]["tag"], "N1");
}

TEST(BoundsCommand, TextSaysEnoughNeededAndAssumptions) {
  const Ran ran = run(kSignSgd);
  EXPECT_EQ(ran.code, 0);
  for (const char* part : {"signsgd: E||grad f|| <= 0.100 in l1", "enough   640000 samples", "needed   45.3 samples",
                           "S-quad: ", "constants derived here"})
    EXPECT_NE(ran.out.find(part), std::string::npos) << part << "\n" << ran.out;
}

TEST(BoundsCommand, AdagradIsComparedWithSgd) {
  const std::vector<std::string> constants{
      "bounds", "--method",  "adagrad", "--delta",     "1",   "--smoothness", "2",    "--noise",
      "0.5",    "--epsilon", "0.1",     "--dimension", "100", "--density",    "0.05", "--curvature-density",
      "0.25"};
  const auto json = nlohmann::json::parse(run(with(constants, {"--alignment", "0.5", "--json"})).out);
  EXPECT_DOUBLE_EQ(json["speedup_over_sgd"]["deterministic"].get<double>(), 4.0);
  EXPECT_DOUBLE_EQ(json["speedup_over_sgd"]["noise"].get<double>(), 5.0);
  const Ran text = run(with(constants, {"--alignment", "0.5"}));
  EXPECT_NE(text.out.find("over SGD 4.00 without noise, 5.00 on the noise term"), std::string::npos) << text.out;
  const Ran refused = run(with(constants, {"--alignment", "1.5"}));
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("alignment = 1.5, must be in [0, 1]"), std::string::npos) << refused.err;
}

TEST(BoundsCommand, CountsBeyondDoublesAreNullWithALogarithm) {
  auto arguments = with(kSignSgd, {"--tail", "1.05", "--json"});
  arguments[8] = "1e3";     // noise
  arguments[10] = "1e-12";  // epsilon
  const auto json = nlohmann::json::parse(run(arguments).out);
  EXPECT_TRUE(json["upper"]["samples"].is_null());
  EXPECT_GT(json["upper"]["log10_samples"].get<double>(), 308.0);
}

TEST(BoundsCommand, RefusesValuesOutsideTheirDomain) {
  const auto expect_refusal = [](std::vector<std::string> arguments, const std::string& what) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 2) << what;
    EXPECT_EQ(ran.out, "") << what;
    EXPECT_NE(ran.err.find(what), std::string::npos) << ran.err;
  };
  auto negative = kSignSgd;
  negative[4] = "-1";
  expect_refusal(negative, "delta = -1, must be positive and finite");
  auto nan = kSignSgd;
  nan[8] = "nan";
  expect_refusal(nan, "noise = nan, must be non-negative and finite");
  auto satisfied = kSignSgd;
  satisfied[10] = "3";
  expect_refusal(satisfied, "epsilon = 3, must be in (0, 2)");
  expect_refusal(with(kSignSgd, {"--tail", "2.5"}), "tail = 2.5, must be in (1, 2]");
  expect_refusal(with(kSignSgd, {"--dimension", "10", "--density", "0.05"}),
                 "density = 0.05, must be in [1/dimension, 1]");
  auto unknown = kSignSgd;
  unknown[2] = "sigmum";
  expect_refusal(unknown, "did you mean signum?");
  expect_refusal({"bounds", "--method", "signsgd"}, "--delta");
  expect_refusal({"bounds", "--probe", "/nonexistent"}, "cannot read /nonexistent");
}

TEST(BoundsCommand, ProbeFileGivesTheConstantsOfOneSample) {
  const auto file = std::filesystem::path(testing::TempDir()) / "normdescent_bounds_probe.json";
  std::ofstream(file) << R"({"dimension": 1000, "batch_size": 16, "loss": 5.0, "noise_density": 0.3, "geometries": [
    {"geometry": "euclidean", "noise_scale": 0.5, "gradient_norm": 1.0, "smoothness": 10.0},
    {"geometry": "sign", "noise_scale": 8.65, "gradient_norm": 20.0, "smoothness": 500.0},
    {"geometry": "spectral", "noise_scale": 2.0, "gradient_norm": 0.0, "smoothness": null}]})";
  const Ran ran = run({"bounds", "--probe", file.string(), "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["delta"], 5.0);
  ASSERT_EQ(json["geometries"].size(), 2U);                                         // the spectral one was not measured
  EXPECT_NEAR(json["geometries"][0]["critical_batch"].get<double>(), 16.0, 1e-12);  // (2 0.5 4/1)^2
  bool has_signum = false;
  for (const auto& entry : json["bounds"])
    if (entry["method"] == "signum") has_signum = entry["epsilon"] == 10.0 && entry["upper"]["samples"] > 0;
  EXPECT_TRUE(has_signum);
  EXPECT_EQ(run({"bounds", "--probe", file.string(), "--noise", "1"}).code, 2);  // given twice
  std::ofstream(file) << "{}";
  EXPECT_NE(run({"bounds", "--probe", file.string()}).err.find("has no number \"batch_size\""), std::string::npos);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace normdescent::cli
