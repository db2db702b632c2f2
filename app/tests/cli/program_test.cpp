// SPDX-License-Identifier: Apache-2.0
// What holds for every command line, and the commands that need no model.
#include <gtest/gtest.h>

#include <cmath>

#include "contracts.hpp"
#include "normdescent/base/version.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "progress.hpp"
#include "text_table.hpp"

namespace normdescent::cli {
namespace {

TEST(Program, RefusesWhatItDoesNotKnowAndSuggestsTheNearest) {
  expect_refusal(run({}), "no command given", "normdescent --help");
  expect_refusal(run({"reprot"}), "unknown command 'reprot'", "did you mean report?");
  expect_refusal(run({"xyzzy"}), "unknown command 'xyzzy'", "normdescent --help");
  expect_refusal(run({"--jason"}), "unknown option '--jason'", "normdescent --help");
  expect_refusal(run({"report", "--jsno", "x"}), "unknown option '--jsno' for normdescent report",
                 "did you mean --json?");
  expect_refusal(run({"report", "a", "b"}), "unexpected argument 'b'", "normdescent report --help");
  expect_refusal(run({"report"}), "folder", "normdescent report --help");
  expect_refusal(run({"optimizers", "lsit"}), "unexpected argument 'lsit'", "did you mean list?");
  expect_refusal(run({"optimizers"}), "subcommand is required", "normdescent optimizers --help");
}

TEST(Program, HelpAndVersionAreResults) {
  const Ran help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* command : {"optimizers", "report"}) EXPECT_TRUE(contains(help.out, command)) << command;
  EXPECT_EQ(run({"--version"}).out, std::string("normdescent ") + kVersion + "\n");
}

TEST(Program, ABrokenStandardOutputIsAFailure) {
  std::ostream out(nullptr);  // every write fails
  std::ostringstream err;
  Session session{.out = out, .err = err, .err_is_terminal = false, .command_line = {}, .stop = {}};
  EXPECT_EQ(run_program(std::vector<std::string>{"optimizers", "list"}, session), 1);
  EXPECT_TRUE(contains(err.str(), "could not write to standard output"));
}

TEST(OptimizersList, NamesEveryOptimizerAndOptionOfTheCatalog) {
  const Ran text = run({"optimizers", "list"});
  const auto json = one_document(run({"optimizers", "list", "--json"}));
  ASSERT_EQ(json["optimizers"].size(), optimizer_catalog().size());
  for (std::size_t i = 0; i < optimizer_catalog().size(); ++i) {
    const OptimizerInfo& info = optimizer_catalog()[i];
    const auto& entry = json["optimizers"][i];
    EXPECT_TRUE(contains(text.out, info.summary)) << info.name;
    EXPECT_EQ(entry["name"], info.name);
    EXPECT_EQ(entry["options"].size(), info.options.size());
    for (const auto& option : info.options) EXPECT_TRUE(contains(text.out, option.meaning)) << option.name;
  }
}

TEST(ReportCommand, WritesThePageAndSaysWhere) {
  const Scratch scratch;
  (void)scratch.file("result.json", R"({"command": "compare", "verdict": "Muon wins."})");
  const Ran ran = run({"report", scratch / "", "--json"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(one_document(ran)["report"], scratch / "report.html");
  EXPECT_TRUE(std::filesystem::exists(scratch / "report.html"));
}

TEST(ReportCommand, RefusesAFolderWithoutAResult) {
  const Scratch scratch;
  expect_refusal(run({"report", scratch / ""}), "no result.json in ", "hint: ");
  expect_refusal(run({"report", scratch / "nothing"}), "no result.json in ", "hint: ");
  (void)scratch.file("result.json", "{");
  expect_refusal(run({"report", scratch / ""}), "not a JSON object", "hint: result.json is damaged");
}

TEST(ConvertLr, PrintsTheSameStepInEveryConvention) {
  const Ran ran = run({"optimizers", "convert-lr", "0.01", "--from", "moonlight", "--shape", "768x2500", "--json"});
  EXPECT_EQ(ran.code, 0);
  const auto json = one_document(ran);
  for (const auto& row : json["converted"]) {
    if (row["convention"] != "jordan") continue;
    EXPECT_NEAR(row["learning_rate"].get<double>(), 0.1, 1e-15);
  }
  EXPECT_EQ(one_document(run({"optimizers", "convert-lr", "1e-3", "--json"}))["from"], "adamw");
  expect_refusal(run({"optimizers", "convert-lr", "1", "--from", "jordan", "--shape", "7"}), "--shape 7", "hint: ");
  expect_refusal(run({"optimizers", "convert-lr", "1", "--from", "jordon"}), "did you mean jordan?", "");
}

TEST(TextTable, AlignsByCodePointsAndTrimsLineEnds) {
  using enum TextTable::Align;
  TextTable table({{"name"}, {"value", right}, {"note"}});
  table.add_row({"sgd", "1.0 ± 0.1", ""});
  table.add_row({"signsgd", "22", "x"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "name         value  note\n"
            "sgd      1.0 ± 0.1\n"
            "signsgd         22  x\n");
  EXPECT_THROW(table.add_row({"too", "few"}), std::logic_error);
}

TEST(TextTable, WrapsAtSpaces) {
  EXPECT_EQ(wrapped("aa bb cc dd", 5), "aa bb\ncc dd");
  EXPECT_EQ(wrapped("aa bb", 2, 2), "aa\n  bb");
  EXPECT_EQ(wrapped("longword", 3), "longword");
}

TEST(Progress, ExtrapolatesTheTimeLeft) {
  EXPECT_EQ(progress_text(0.25, 30.0), "[#####---------------]  25%  about 1 min 30 s left");
  EXPECT_EQ(progress_text(0.0, 30.0), "[--------------------]   0%");
  EXPECT_EQ(progress_text(std::nan(""), 30.0), progress_text(0.0, 30.0));
  EXPECT_EQ(progress_text(1e300, 30.0), progress_text(1.0, 30.0));
  EXPECT_EQ(progress_text(1.0, 30.0), "[####################] 100%");
  EXPECT_EQ(progress_text(0.5, 0.1), "[##########----------]  50%");  // nothing to extrapolate from yet
}

TEST(Progress, PlainLinesWhereThereIsNoTerminal) {
  std::ostringstream err;
  {
    Progress progress(err, /*is_terminal=*/false);
    progress.update("racing", 0.0, "run 0 of 9");
    progress.update("racing", 0.01, "run 0 of 9");  // the same tenth: no new line
    progress.note("sgd diverged");
  }
  EXPECT_EQ(err.str(), "racing: 0%  run 0 of 9\nsgd diverged\n");
}

TEST(Progress, ATerminalsBarIsGoneAtTheEnd) {
  std::ostringstream err;
  {
    Progress progress(err, /*is_terminal=*/true);
    progress.update("probing", 0.5);
  }
  const std::string text = err.str();
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\033[K"));
}

}  // namespace
}  // namespace normdescent::cli
