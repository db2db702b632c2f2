// SPDX-License-Identifier: Apache-2.0
// compare, probe, train and explain on a tiny budget, and everything bad that a person can give them.
#include <gtest/gtest.h>

#include <cmath>

#include "contracts.hpp"
#include "normdescent/base/text.hpp"
#include "support/measured_seconds.hpp"

namespace normdescent::cli {
namespace {

using Json = nlohmann::json;

// The smallest budget at which every part still runs.
const Arguments kTiny{"--model", "nano", "--steps", "3", "--context", "16", "--batch", "2"};
const Arguments kTinyRace = kTiny + Arguments{"--optimizers", "sgd,signsgd", "--seeds", "2", "--threads", "2"};

TEST(Help, ListsEveryCommand) {
  const Ran help = run({"--help"});
  for (const char* command : {"compare", "probe", "train", "optimizers", "tokenize", "report"}) {
    EXPECT_TRUE(contains(help.out, command)) << command;
    EXPECT_EQ(run({command, "--help"}).code, 0) << command;
  }
}

// One race as text and one as JSON, with the same seed: together they also show that a run can be repeated.
TEST(Compare, PredictsRacesAndRepeatsItselfAsJson) {
  const Scratch scratch;
  const std::string data = scratch.file("text.txt", sample_text());
  const Ran text = run(Arguments{"compare", "--data", data, "--out", scratch / "text"} + kTinyRace);
  EXPECT_EQ(text.code, 0) << text.err;
  const auto prediction = text.out.find("Predicted before the race");
  const auto measured = text.out.find("measured speed-up");
  ASSERT_NE(prediction, std::string::npos) << text.out;
  ASSERT_NE(measured, std::string::npos) << text.out;
  EXPECT_LT(prediction, measured);
  EXPECT_TRUE(contains(text.out, "report: " + scratch / "text/report.html"));
  EXPECT_TRUE(std::filesystem::exists(scratch / "text/report.html"));
  for (const auto& entry : std::filesystem::directory_iterator(scratch / "text/runs")) {
    EXPECT_TRUE(std::filesystem::exists(entry.path() / "metrics.jsonl")) << entry.path();
  }

  const Ran second = run(Arguments{"compare", "--json", "--data", data, "--out", scratch / "json"} + kTinyRace);
  EXPECT_EQ(second.code, 0) << second.err;
  Json result = one_document(second);
  for (const char* key : {"dimension", "noise_density", "noise_l1", "noise_l2", "tail_index", "smoothness",
                          "prediction", "per_parameter", "measured", "winner", "prediction_was_right"}) {
    EXPECT_TRUE(result.contains(key)) << key;
  }
  for (const char* key : {"l2", "linf", "spectral"}) EXPECT_TRUE(result["smoothness"].contains(key)) << key;
  for (const char* key : {"optimizer", "speedup_vs_sgd", "low", "high", "probability_best"}) {
    EXPECT_TRUE(result["prediction"][0].contains(key)) << key;
  }
  for (const char* key :
       {"optimizer", "learning_rate", "final_loss", "final_loss_se", "speedup_vs_sgd", "low", "high"}) {
    EXPECT_TRUE(result["measured"][0].contains(key)) << key;
  }
  EXPECT_EQ(result["complete"], true);
  EXPECT_EQ(result["task"]["data"], data);

  std::ifstream file(scratch / "text/result.json");
  Json first = Json::parse(file);
  EXPECT_TRUE(contains(text.out, as_sentence(first["verdict"]).substr(0, 20)));
  for (Json* document : {&first, &result}) {
    test::drop_measured_seconds(*document);
    document->erase("command_line");
  }
  EXPECT_EQ(first, result);
}

TEST(Probe, JsonHasTheStableKeysAndNothingIsWrittenUnasked) {
  const Scratch scratch;
  const std::string data = scratch.file("text.txt", sample_text());
  const Ran ran = run(Arguments{"probe", "--json", "--data", data, "--optimizers", "sgd,signsgd"} + kTiny);
  EXPECT_EQ(ran.code, 0) << ran.err;
  const Json result = one_document(ran);
  for (const char* key : {"dimension", "noise_density", "noise_l1", "noise_l2", "tail_index", "smoothness",
                          "prediction", "per_parameter"}) {
    EXPECT_TRUE(result.contains(key)) << key;
  }
  EXPECT_EQ(result["prediction"].size(), 2U);
  EXPECT_GT(result["noise_density"].get<double>(), 0.0);
  EXPECT_LE(result["noise_density"].get<double>(), 1.0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch / ""), std::filesystem::directory_iterator()), 1);
}

TEST(Train, LowersTheLossWritesMetricsAndResumesToTheSameEnd) {
  const Scratch scratch;
  const std::string data = scratch.file("text.txt", sample_text());
  const Arguments common{"train",   "--data",         data,  "--context", "16", "--batch", "2", "--optimizer",
                         "signsgd", "--weight-decay", "0.1", "--steps",   "12", "--json"};
  const Ran whole = run(common + Arguments{"--out", scratch / "whole"});
  EXPECT_EQ(whole.code, 0) << whole.err;
  const Json end = one_document(whole);
  EXPECT_EQ(end["status"], "completed");
  EXPECT_LT(end["final_loss"].get<double>(), end["first_loss"].get<double>());
  std::ifstream metrics(scratch / "whole/metrics.jsonl");
  int lines = 0;
  for (std::string line; std::getline(metrics, line); ++lines) {
    const Json entry = Json::parse(line);
    for (const char* key : {"step", "tokens", "train_loss", "val_loss", "learning_rate", "tokens_per_second"}) {
      EXPECT_TRUE(entry.contains(key)) << key;
    }
  }
  EXPECT_GE(lines, 12);

  // A request to stop that came first: the run ends after a step, says how to go on, and goes on to the same loss.
  std::stop_source stop;
  stop.request_stop();
  const Ran stopped = run(common + Arguments{"--out", scratch / "parts"}, stop.get_token());
  EXPECT_EQ(stopped.code, 1);
  EXPECT_TRUE(contains(stopped.err, "--resume " + scratch / "parts")) << stopped.err;
  const Ran rest = run({"train", "--json", "--resume", scratch / "parts"});
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_EQ(one_document(rest)["final_loss"], end["final_loss"]);
}

TEST(Train, ADivergingRunFailsInOneLine) {
  const Scratch scratch;
  const std::string data = scratch.file("text.txt", sample_text());
  const Ran ran = run(Arguments{"train", "--data", data, "--optimizer", "sgd", "--learning-rate", "1e9", "--out",
                                scratch / "run", "--context", "16", "--batch", "2", "--steps", "30"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(contains(ran.err, "normdescent: the run diverged: ")) << ran.err;
}

TEST(Compare, AStopKeepsWhatWasMeasured) {
  const Scratch scratch;
  const std::string data = scratch.file("text.txt", sample_text());
  std::stop_source stop;
  stop.request_stop();
  const Ran ran = run(Arguments{"compare", "--data", data, "--out", scratch / "run"} + kTinyRace, stop.get_token());
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(contains(ran.err, "interrupted; what was measured is in ")) << ran.err;
  std::ifstream file(scratch / "run/result.json");
  EXPECT_EQ(Json::parse(file)["complete"], false);
  EXPECT_TRUE(std::filesystem::exists(scratch / "run/report.html"));
}

TEST(Explain, ShowsWhatHappensToEachParameter) {
  const Ran ran = run({"optimizers", "explain", "muon", "--model", "gpt2-124m"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "h.11.mlp.c_proj.weight"));
  EXPECT_TRUE(contains(ran.out, "msign"));
  EXPECT_TRUE(contains(ran.out, "adam"));
  const Json rows = one_document(run({"optimizers", "explain", "lion", "--set", "beta1=0.5", "--json"}))["parameters"];
  EXPECT_TRUE(contains(rows[0]["estimator"], "0.5")) << rows[0];
}

// ---- bad input ------------------------------------------------------------------------------------------------------

class BadInput : public testing::TestWithParam<const char*> {};

// Every line of the table once with each command that takes --data.
TEST_P(BadInput, DataIsRefusedInOneLine) {
  const Scratch scratch;
  const std::string command = GetParam();
  const auto with_data = [&](const std::string& data) {
    return run({command, "--data", data, "--out", scratch / "out"});
  };
  expect_refusal(with_data(scratch / "missing.txt"), "missing.txt");
  expect_refusal(with_data(scratch.file("empty.txt", "")), "empty.txt");
  expect_refusal(with_data(scratch.file("short.txt", "too short")), "short");
  expect_refusal(with_data(scratch.file("binary.bin", std::string("\0\1\2ELF\0\0", 8) + std::string(5000, '\0'))),
                 "binary");
  std::filesystem::create_directories(scratch / "no_text");
  expect_refusal(with_data(scratch / "no_text"), "no_text");
  EXPECT_FALSE(std::filesystem::exists(scratch / "out")) << "the output folder is made after the input was accepted";
}

TEST_P(BadInput, NumbersAreRefusedInOneLine) {
  const std::string command = GetParam();
  for (const char* number : {"0", "-3", "abc", "1.5", "", "nan", "99999999999999999999"}) {
    expect_refusal(run({command, "--steps", number}),
                   "--steps: '" + std::string(number) + "' is not an integer above 0",
                   "normdescent " + command + " --help");
  }
  expect_refusal(run({command, "--batch", "0"}), "--batch: '0' is not an integer");
  expect_refusal(run({command, "--context", "-1"}), "--context: '-1' is not an integer");
  expect_refusal(run({command, "--context", "100000"}), "context");
  expect_refusal(run({command, "--threads", "0"}), "--threads: '0' is not an integer");
  expect_refusal(run({command, "--seed", "-1"}), "--seed: '-1' is not an integer");
  expect_refusal(run({command, "--steps"}), "--steps");
}

TEST_P(BadInput, NamesAreRefusedWithTheNearest) {
  const std::string command = GetParam();
  expect_refusal(run({command, "--model", "nanoo"}), "nanoo", "nano");
  expect_refusal(run({command, "--task", "lmm"}), "unknown task 'lmm'", "lm");
  expect_refusal(run({command, "--stesp", "3"}), "unknown option '--stesp'", "did you mean --steps?");
}

TEST_P(BadInput, OptionsOfAnotherTaskAreRefused) {
  const std::string command = GetParam();
  if (command == "train") GTEST_SKIP() << "train knows the task lm only";
  expect_refusal(run({command, "--label", "y"}), "--label does not go with --task lm");
  expect_refusal(run({command, "--task", "classify", "--tokenizer", "gpt2"}), "--tokenizer does not go with");
  expect_refusal(run({command, "--task", "classify"}), "--task classify needs --data FILE");
  expect_refusal(run({command, "--problem", "x", "--batch", "3"}), "--batch does not go with --problem");
}

TEST_P(BadInput, OutputFoldersAreRefused) {
  const Scratch scratch;
  const std::string data = scratch.file("text.txt", sample_text());
  const std::string command = GetParam();
  const Arguments common =
      Arguments{command, "--data", data} + Arguments{"--steps", "3", "--context", "16", "--batch", "2"};
  std::filesystem::create_directories(scratch / "full");
  (void)scratch.file("full/precious.txt", "do not overwrite");
  expect_refusal(run(common + Arguments{"--out", scratch / "full"}), "full");
  expect_refusal(run(common + Arguments{"--out", data}), "text.txt");
  expect_refusal(run(common + Arguments{"--out", "/proc/normdescent"}), "/proc/normdescent");
}

INSTANTIATE_TEST_SUITE_P(Commands, BadInput, testing::Values("compare", "probe", "train"));

TEST(BadInput, OptimizersAreRefusedWithTheNearest) {
  for (const char* command : {"compare", "probe"}) {
    expect_refusal(run({command, "--optimizers", "sgd,singsgd"}), "unknown optimizer 'singsgd'",
                   "did you mean signsgd?");
    expect_refusal(run({command, "--optimizers", "sgd,sgd"}), "given twice");
    expect_refusal(run({command, "--optimizers", ""}), "--optimizers");
    expect_refusal(run({command, "--optimizers", "sgd,,muon"}), "unknown optimizer ''");
  }
  expect_refusal(run({"train", "--optimizer", "mune"}), "mune", "muon");
  expect_refusal(run({"optimizers", "explain", "mune"}), "mune", "muon");
  expect_refusal(run({"optimizers", "explain", "muon", "--model", "nanoo"}), "nanoo", "nano");
}

TEST(BadInput, LearningRatesAndSettingsAreRefused) {
  for (const char* rate : {"0", "-1", "abc", "nan", "inf", "1e999"}) {
    expect_refusal(run({"train", "--learning-rate", rate}),
                   "--learning-rate: '" + std::string(rate) + "' is not a number above 0");
  }
  expect_refusal(run({"train", "--set", "beta"}), "--set beta has no value");
  expect_refusal(run({"train", "--set", "beta=2"}), "beta = 2, must be");
  expect_refusal(run({"train", "--set", "bata=0.5"}), "bata", "beta");
  expect_refusal(run({"train", "--set", "beta=0.5", "--set", "beta=0.6"}), "given twice");
  expect_refusal(run({"train", "--learning-rate", "1", "--set", "learning_rate=1"}), "given twice");
  expect_refusal(run({"train", "--resume", "/nonexistent", "--out", "x"}), "--resume");
  expect_refusal(run({"train", "--resume", "/nonexistent"}), "/nonexistent");
}

}  // namespace
}  // namespace normdescent::cli
