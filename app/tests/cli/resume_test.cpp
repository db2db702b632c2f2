// SPDX-License-Identifier: Apache-2.0
// A run folder knows its run: train --resume DIR alone, and what may stand beside it.
#include "contracts.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "recorded_options.hpp"

namespace normdescent::cli {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

class Resume : public testing::Test {
 protected:
  [[nodiscard]] Arguments train(const Arguments& more) const {
    return Arguments{"train", "--data", text_, "--context", "16", "--batch", "2", "--threads", "1", "--json"} + more;
  }
  [[nodiscard]] Ran resumed(const Arguments& more = {}, const std::string& name = "run") const {
    return run(Arguments{"train", "--resume", scratch_ / name, "--json"} + more);
  }
  /// Begun, and stopped before its first step: no checkpoint is there.
  void begin(const Arguments& more, const std::string& name = "run") const {
    std::stop_source stop;
    stop.request_stop();
    ASSERT_EQ(run(train(more) + Arguments{"--out", scratch_ / name}, stop.get_token()).code, 1);
    fs::remove_all(scratch_ / (name + "/checkpoint-0"));
  }
  [[nodiscard]] std::vector<Json> losses(const std::string& name) const {
    std::vector<Json> out;
    std::ifstream file(scratch_ / (name + "/metrics.jsonl"));
    for (std::string line; std::getline(file, line);) out.push_back(Json::parse(line)["train_loss"]);
    return out;
  }
  Scratch scratch_;
  std::string text_ = scratch_.file("text.txt", sample_text());
};

TEST_F(Resume, NeedsNoOtherOptionFromBeforeTheFirstCheckpointOn) {
  const Arguments options{"--optimizer", "lion",           "--set",    "beta1=0.8",     "--learning-rate",
                          "0.002",       "--steps",        "9",        "--seed",        "4",
                          "--schedule",  "linear",         "--clip",   "0.5",           "--weight-decay",
                          "0.1",         "--window-order", "shuffled", "--micro-batch", "1"};
  ASSERT_EQ(run(train(options) + Arguments{"--out", scratch_ / "whole"}).code, 0);
  begin(options);
  const Ran rest = resumed();
  ASSERT_EQ(rest.code, 0) << rest.err;
  EXPECT_EQ(one_document(rest)["optimizer"], "lion");
  EXPECT_EQ(losses("run"), losses("whole"));
  EXPECT_EQ(read_text(scratch_ / "run/checkpoint-9/model.safetensors"),
            read_text(scratch_ / "whole/checkpoint-9/model.safetensors"));
}

TEST_F(Resume, OptionsOfAPresetAreInTheFolder) {
  const Arguments preset{"--preset", "sgd-paper",   "--scale", "0.001",  "--model",
                         "nano",     "--tokenizer", "bytes",   "--seed", "3"};
  begin(preset);
  const Json record = Json::parse(read_text(scratch_ / "run/run.json"));
  EXPECT_EQ(record["preset"], "sgd-paper");
  EXPECT_EQ(record["options"]["optimizer"][0], "sgd");
  EXPECT_EQ(record["optimizer"]["beta"], "0.9");
  EXPECT_EQ(record["identity"]["seed"], 3);
  const Ran rest = resumed();
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_EQ(one_document(rest)["steps"], 10);
  EXPECT_EQ(resumed(preset).code, 0) << "the same options again change nothing";
  expect_refusal(resumed({"--preset", "signsgd-paper"}), "--preset cannot change");
}

TEST_F(Resume, WhatWouldChangeTheResultIsRefusedByName) {
  begin({"--steps", "4"});
  const std::vector<std::pair<Arguments, std::string>> refused = {
      {{"--batch", "3"}, "--batch cannot change in a run that goes on: it was begun with 2"},
      {{"--model", "small"}, "--model cannot change"},
      {{"--optimizer", "lion"}, "--optimizer cannot change in a run that goes on: it was begun with muon"},
      {{"--learning-rate", "0.1"}, "--learning-rate cannot change in a run that goes on: it was begun with 0.001"},
      {{"--weight-decay", "0.1"}, "--weight-decay cannot change"},
      {{"--set", "beta=0.5"}, "--set beta cannot change in a run that goes on: it was begun with 0.95"},
      {{"--schedule", "linear"}, "--schedule cannot change"},
      {{"--warmup", "0.5"}, "--warmup cannot change"},
      {{"--seed", "2"}, "--seed cannot change"},
      {{"--monitor", "2"}, "--monitor cannot change"},
      {{"--on-nonfinite", "skip"}, "--on-nonfinite cannot change"},
      {{"--tokenizer", "gpt2"}, "--tokenizer cannot change"},
      {{"--init-from", "x"}, "--init-from cannot change in a run that goes on: it was begun without it"},
      {{"--steps", "3"}, "--steps cannot change in a run that goes on: it was begun with 4"}};
  const std::string before = read_text(scratch_ / "run/run.json");
  for (const auto& [options, what] : refused) expect_refusal(resumed(options), what);
  EXPECT_EQ(read_text(scratch_ / "run/run.json"), before);
  const Ran rest =
      resumed({"--threads", "2", "--evaluate-every", "2", "--checkpoint-every", "1", "--keep-checkpoints", "3",
               "--background-checkpoints", "never", "--learning-rate", "1e-3", "--set", "beta=0.950"});
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_TRUE(fs::exists(scratch_ / "run/checkpoint-2"));
}

// A new option must be either recorded, or among those that say what the program is to do now.
TEST_F(Resume, EveryOptionIsRecorded) {
  begin({"--steps", "4", "--init-from", "x"}, "unused");
  CLI::App command;
  TrainCommandOptions options;
  add_train_options(command, options);
  options.task.data = options.task.window_order = "x";
  options.task.context = options.task.micro_batch = 7;
  options.processes.shard_state = options.processes.majority_vote = true;
  options.settings = {"beta=0.5"};
  auto recorded = record_of(options, "").options;
  options.task.init_from = "x";
  recorded.merge(record_of(options, "").options);
  for (const char* elsewhere : {"help", "resume", "out", "json", "explain", "estimate", "preset", "scale",
                                "learning-rate", "clip", "weight-decay"})  // the last three are settings
    recorded[elsewhere];
  for (const auto* option : command.get_options())
    EXPECT_TRUE(recorded.contains(option->get_lnames().front())) << option->get_lnames().front();
}

TEST_F(Resume, MoreStepsGoOnWhereTheScheduleAllowsIt) {
  const Arguments constant{"--schedule", "constant", "--warmup", "0.25", "--evaluate-every", "0"};
  ASSERT_EQ(run(train(constant) + Arguments{"--steps", "8", "--out", scratch_ / "run"}).code, 0);
  const Ran more = resumed({"--steps", "16"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_EQ(one_document(more)["steps"], 16);
  // The same two steps of warm-up in a run that was planned with 16.
  ASSERT_EQ(run(train(constant) + Arguments{"--steps", "16", "--warmup", "0.125", "--out", scratch_ / "whole"}).code,
            0);
  EXPECT_EQ(losses("run"), losses("whole"));
  EXPECT_EQ(resumed().code, 0) << "the folder knows the new length";
  expect_refusal(resumed({"--steps", "8"}), "--steps cannot change in a run that goes on: it was begun with 16");

  ASSERT_EQ(run(train({"--steps", "8", "--out", scratch_ / "cosine"})).code, 0);
  expect_refusal(resumed({"--steps", "16"}, "cosine"), "--steps 16 cannot lengthen the run: it was planned with 8",
                 "only a constant schedule");
  EXPECT_EQ(resumed({}, "cosine").code, 0) << "and nothing has changed";
}

TEST_F(Resume, DataIsItsContentWhereverItLies) {
  begin({"--steps", "4"});
  fs::create_directories(scratch_ / "elsewhere");
  fs::rename(text_, scratch_ / "elsewhere/moved.txt");
  expect_refusal(resumed(), "text.txt' does not exist");
  (void)scratch_.file("other.txt", sample_text(401));
  expect_refusal(resumed({"--data", scratch_ / "other.txt"}), "its data_hash is", "");
  EXPECT_EQ(resumed({"--data", scratch_ / "elsewhere/moved.txt"}).code, 0);
  EXPECT_EQ(resumed().code, 0) << "the folder knows where it lies now";
}

TEST_F(Resume, ATokenizerOfAFileIsKept) {
  const Ran learned = run({"tokenize", "--data", text_, "--learn", "300", "--out", scratch_ / "tokens"});
  ASSERT_EQ(learned.code, 0) << learned.err;
  fs::copy_file(scratch_ / "tokens/tokenizer.tiktoken", scratch_ / "mine.tiktoken");
  begin({"--steps", "4", "--tokenizer", scratch_ / "mine.tiktoken"});
  fs::remove(scratch_ / "mine.tiktoken");
  const Ran rest = resumed();
  EXPECT_EQ(rest.code, 0) << rest.err;
}

TEST_F(Resume, FoldersWithoutARunAreRefused) {
  fs::create_directories(scratch_ / "empty");
  expect_refusal(resumed({}, "empty"), "no run has begun in");
  EXPECT_TRUE(fs::is_empty(scratch_ / "empty"));
  expect_refusal(resumed({}, "missing"), "there is no run folder");
  begin({"--steps", "4"});
  (void)scratch_.file("run/run.json", "{");
  expect_refusal(resumed(), "run.json is not readable");

  // Of an earlier version: its checkpoints say whose they are, if all options are repeated.
  ASSERT_EQ(run(train({"--steps", "4", "--out", scratch_ / "old"})).code, 0);
  fs::remove(scratch_ / "old/run.json");
  EXPECT_EQ(run(train({"--steps", "4", "--resume", scratch_ / "old"})).code, 0);
  expect_refusal(run({"train", "--data", text_, "--resume", scratch_ / "old"}), "cannot resume from");
}

TEST_F(Resume, WhatCannotBeginLeavesNoFolder) {
  expect_refusal(run({"train", "--data", scratch_ / "nothing", "--out", scratch_ / "a/b"}), "nothing");
  expect_refusal(run(train({"--out", scratch_ / "a/b", "--init-from", scratch_ / "nothing"})), "nothing");
  EXPECT_FALSE(fs::exists(scratch_ / "a"));
}

// ---- bytes that are no UTF-8 ----------------------------------------------------------------------------------------

TEST_F(Resume, PathsOfAnyBytesCostNothing) {
  const std::string place = scratch_ / "caf\xE9";
  fs::create_directories(place);
  fs::copy_file(text_, place + "/in.txt");
  const Ran ran = run({"train", "--data", place + "/in.txt", "--context", "16", "--batch", "2", "--steps", "2", "--out",
                       place + "/run", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string folder = one_document(ran)["folder"];
  EXPECT_TRUE(folder.ends_with("caf\\xe9/run")) << folder;
  EXPECT_TRUE(fs::exists(place + "/run/checkpoint-2"));
  EXPECT_EQ(run({"train", "--resume", place + "/run"}).code, 0) << "the path in run.json is the path";
  const Ran exported = run({"export", "--run", place + "/run", "--out", place + "/hf", "--json"});
  EXPECT_TRUE(one_document(exported)["folder"].get<std::string>().ends_with("caf\\xe9/hf"));
  const Ran again = run({"train", "--init-from", place + "/hf", "--data", text_, "--context", "16", "--batch", "2",
                         "--steps", "2", "--out", scratch_ / "again", "--json"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(one_document(again)["model"].get<std::string>().ends_with("caf\\xe9/hf"));
  const Ran tokens =
      run({"tokenize", "--data", place + "/in.txt", "--tokenizer", "bytes", "--out", place + "/t", "--json"});
  ASSERT_EQ(tokens.code, 0) << tokens.err;
  EXPECT_TRUE(one_document(tokens)["source"].get<std::string>().ends_with("caf\\xe9/in.txt"));
  EXPECT_TRUE(fs::exists(place + "/t/tokens.json"));
  const Ran probed = run({"probe", "--data", place + "/in.txt", "--context", "16", "--batch", "2", "--steps", "3",
                          "--optimizers", "sgd,signsgd", "--out", place + "/p", "--json"});
  EXPECT_EQ(probed.code, 0) << probed.err;
  EXPECT_TRUE(one_document(probed)["task"]["data"].get<std::string>().ends_with("caf\\xe9/in.txt"));
  const Ran page = run({"report", place + "/p", "--json"});
  EXPECT_TRUE(one_document(page)["report"].get<std::string>().ends_with("caf\\xe9/p/report.html"));
}

// ---- shards that are not what they are said to be -------------------------------------------------------------------

TEST_F(Resume, TokensBeyondTheVocabularyAreFoundBeforeTheFirstStep) {
  ASSERT_EQ(run({"tokenize", "--data", text_, "--tokenizer", "bytes", "--out", scratch_ / "tokens"}).code, 0);
  std::string shard = read_text(scratch_ / "tokens/train_000000.bin");
  const std::size_t place = shard.size() - 400;  // in the last of many sequences
  shard[place + 1] = 3;
  (void)scratch_.file("tokens/train_000000.bin", shard);
  const Ran ran = run({"train", "--data", scratch_ / "tokens", "--context", "16", "--batch", "2", "--steps", "2",
                       "--out", scratch_ / "run"});
  expect_refusal(ran, "train_000000.bin' holds token", "another tokenizer");
  EXPECT_TRUE(contains(ran.err, " at place " + std::to_string((place - 1024) / 2))) << ran.err;
  EXPECT_FALSE(fs::exists(scratch_ / "run"));
}

TEST_F(Resume, ShardsAreKnownByTheirTokens) {
  ASSERT_EQ(run({"tokenize", "--data", text_, "--tokenizer", "bytes", "--out", scratch_ / "tokens"}).code, 0);
  const Arguments options{"train", "--data", scratch_ / "tokens", "--context", "16", "--batch", "2", "--steps", "2"};
  ASSERT_EQ(run(options + Arguments{"--out", scratch_ / "run"}).code, 0);
  fs::rename(scratch_ / "tokens", scratch_ / "moved");
  EXPECT_EQ(resumed({"--data", scratch_ / "moved"}).code, 0);
  std::string shard = read_text(scratch_ / "moved/train_000000.bin");
  shard[2000] = shard[2000] == 'a' ? 'b' : 'a';
  (void)scratch_.file("moved/train_000000.bin", shard);
  expect_refusal(resumed(), "its data_hash is");
}

}  // namespace
}  // namespace normdescent::cli
