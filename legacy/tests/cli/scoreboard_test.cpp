// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "contracts.hpp"
#include "run.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent::cli {
namespace {

TEST(Scoreboard, RefusesAFolderWithoutOne) {
  const test::TemporaryFolder folder;
  expect_refusal(run({"scoreboard", "--judge", folder.path().string()}), "there is no scoreboard in", "hint: ");
  expect_refusal(run({"scoreboard", "--fit", folder.path().string()}), "there is no scoreboard in", "hint: ");
}

TEST(Scoreboard, RefusesWhatContradictsItself) {
  expect_refusal(run({"scoreboard", "--quick", "--problems", "a"}), "--problems", "");
  expect_refusal(run({"scoreboard", "--threads", "0"}), "--threads", "");
}

TEST(Scoreboard, RefusesProblemsThatAreNotThere) {
  const test::TemporaryFolder folder;
  // Without LibTorch there are none at all, which is said instead.
  const Ran ran = run({"scoreboard", "--problems", "bigram-zpif", "--out", folder / "out"});
  EXPECT_EQ(ran.code, kBadUsage);
  EXPECT_TRUE(ran.err.find("bigram-zpif") != std::string::npos || ran.err.find("LibTorch") != std::string::npos)
      << ran.err;
}

TEST(Scoreboard, ListIsJsonWhereJsonIsAskedFor) {
  const Ran ran = run({"scoreboard", "--list", "--json"});
  if (ran.code != kDone) {
    EXPECT_NE(ran.err.find("LibTorch"), std::string::npos) << ran.err;
    return;
  }
  const auto list = nlohmann::json::parse(ran.out);
  EXPECT_GE(list.size(), 24U);
  for (const auto& problem : list) EXPECT_GT(problem.at("steps").get<int>(), 0) << problem;
}

}  // namespace
}  // namespace normdescent::cli
