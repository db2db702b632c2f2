// SPDX-License-Identifier: Apache-2.0
// Contracts that hold for every command line.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "normdescent/base/version.hpp"
#include "run.hpp"

namespace normdescent::cli {
namespace {

/// Wrong usage: exit code 2, nothing on standard output, one line that says what, one that hints.
void expect_refusal(const Ran& ran, const std::string& what, const std::string& hint) {
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err.find("normdescent: "), 0U) << ran.err;
  EXPECT_NE(ran.err.find(what), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("hint: " + hint), std::string::npos) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 2) << ran.err;
}

TEST(Program, RefusesWhatItDoesNotKnowAndSuggestsTheNearest) {
  expect_refusal(run({}), "no command given", "normdescent --help");
  expect_refusal(run({"reprot"}), "unknown command 'reprot'", "did you mean report?");
  expect_refusal(run({"xyzzy"}), "unknown command 'xyzzy'", "normdescent --help");
  expect_refusal(run({"--jason"}), "unknown option '--jason'", "normdescent --help");
  expect_refusal(run({"report", "--jsno", "x"}), "unknown option '--jsno' for normdescent report",
                 "did you mean --json?");
  expect_refusal(run({"report", "a", "b"}), "unexpected argument 'b'", "normdescent report --help");
  expect_refusal(run({"report"}), "folder", "normdescent report --help");
}

TEST(Program, HelpAndVersionAreResults) {
  const Ran help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* command : {"report"}) EXPECT_NE(help.out.find(command), std::string::npos) << command;
  const Ran version = run({"--version"});
  EXPECT_EQ(version.out, std::string("normdescent ") + kVersion + "\n");
}

TEST(ReportCommand, WritesThePageAndSaysWhere) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "normdescent_cli_report";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "result.json") << R"({"command": "compare", "verdict": "Muon wins."})";
  const Ran ran = run({"report", folder.string(), "--json"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(nlohmann::json::parse(ran.out)["report"], (folder / "report.html").string());
  EXPECT_TRUE(std::filesystem::exists(folder / "report.html"));

  std::ofstream(folder / "result.json") << "{";
  expect_refusal(run({"report", folder.string()}), "not a JSON object", "result.json is damaged");
  std::filesystem::remove_all(folder);
  expect_refusal(run({"report", folder.string()}), "no result.json in ", "");
}

}  // namespace
}  // namespace normdescent::cli
