// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "contracts.hpp"

namespace normdescent::cli {
namespace {

TEST(Lab, ListNamesEveryExperimentWithItsClaim) {
  const auto document = one_document(run({"lab", "list", "--json"}));
  ASSERT_GE(document["experiments"].size(), 12U);
  const Ran text = run({"lab", "list"});
  for (const auto& experiment : document["experiments"]) {
    EXPECT_FALSE(experiment["claim"].get<std::string>().empty());
    EXPECT_TRUE(contains(text.out, experiment["name"])) << experiment["name"];
  }
}

TEST(Lab, RunGivesTheStableKeysAndFilesOnRequest) {
  const Scratch scratch;
  const Ran ran = run({"lab", "run", "toy-deterministic", "--json", "--out", scratch / "run"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const auto document = one_document(ran);
  EXPECT_EQ(document["experiment"], "toy-deterministic");
  EXPECT_TRUE(document["parameters"].is_object());
  EXPECT_FALSE(document["rows"].empty());
  ASSERT_FALSE(document["checks"].empty());
  for (const char* key : {"name", "passed", "value", "expected"})
    EXPECT_TRUE(document["checks"][0].contains(key)) << key;
  EXPECT_TRUE(std::filesystem::exists(scratch / "run/rows.csv"));
  EXPECT_TRUE(std::filesystem::exists(scratch / "run/result.json"));
}

TEST(Lab, UnknownExperimentIsRefusedWithTheNearestName) {
  expect_refusal(run({"lab", "run", "toy-determinstic"}), "toy-determinstic", "toy-deterministic");
  expect_refusal(run({"lab", "run", "toy-deterministic", "--scale", "-1"}), "--scale");
}

}  // namespace
}  // namespace normdescent::cli
