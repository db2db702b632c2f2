// SPDX-License-Identifier: Apache-2.0
// train --preset, --scale and --explain.
#include "contracts.hpp"

namespace normdescent::cli {
namespace {

using Json = nlohmann::json;

Json explained(const Arguments& more) { return one_document(run(Arguments{"train", "--explain", "--json"} + more)); }

TEST(Presets, ListNamesThemAll) {
  const auto list = one_document(run({"train", "--preset", "list", "--json"}))["presets"];
  EXPECT_EQ(list.size(), 8U);
  const Ran text = run({"train", "--preset", "list"});
  for (const auto& preset : list) EXPECT_TRUE(contains(text.out, preset["name"])) << preset;
}

TEST(Presets, ValuesAreThePapersUnlessGiven) {
  const auto all = explained({"--preset", "sgd-paper"});
  const auto expect = [](const Json& from, const char* name, const char* value, const char* source) {
    EXPECT_EQ(from[name]["value"], value) << name;
    EXPECT_EQ(from[name]["source"], source) << name;
  };
  const char* const preset = "preset sgd-paper";
  expect(all, "steps", "10000", preset);
  expect(all, "batch", "512", preset);
  expect(all, "micro-batch", "128", preset);
  expect(all, "context", "512", preset);
  expect(all, "warmup", "0.1", preset);
  expect(all, "schedule", "one-cycle", preset);
  expect(all, "seed", "42", preset);
  expect(all, "model", "gpt2-124m", preset);
  expect(all, "set learning_rate", "0.01", preset);
  expect(all, "set l2_penalty", "0.1", preset);
  expect(all, "set beta", "0.9", preset);
  expect(all, "set clip_norm", "1", preset);
  expect(all, "set nesterov", "false", "the optimizer's default");

  const auto some = explained({"--preset", "sgd-paper", "--scale", "0.01", "--steps", "77", "--model", "nano", "--set",
                               "beta=0.5", "--learning-rate", "0.3", "--clip", "2"});
  expect(some, "steps", "77", "given");
  expect(some, "batch", "5", preset);
  expect(some, "model", "nano", "given");
  expect(some, "context", "the model's", preset);
  expect(some, "set beta", "0.5", "given");
  expect(some, "set learning_rate", "0.3", "given");
  expect(some, "set clip_norm", "2", "given");
  expect(some, "set l2_penalty", "0.1", preset);
  expect(explained({}), "steps", "1000", "default");
}

TEST(Presets, ScaledPresetTrains) {
  const Scratch scratch;
  for (const char* preset : {"signsgd-paper", "heavy-tail-paper-muonlight"}) {
    const Ran ran =
        run({"train", "--preset", preset, "--scale", "0.001", "--model", "nano", "--evaluate-every", "0", "--tokenizer",
             "bytes", "--data", scratch.file("text.txt", sample_text()), "--out", scratch / preset, "--json"});
    ASSERT_EQ(ran.code, 0) << ran.err;
    const auto document = one_document(ran);
    EXPECT_EQ(document["status"], "completed");
    EXPECT_GT(document["matrix_peak_flops"], 0.0);
    EXPECT_GT(document["share_of_matrix_peak"], 0.0);
    EXPECT_LT(document["share_of_matrix_peak"], 2.0) << "a rate above the peak would be a miscount";
  }
}

TEST(Presets, RefusesBadInputInOneLine) {
  expect_refusal(run({"train", "--preset", "signsgd-papr"}), "no preset 'signsgd-papr'", "signsgd-paper");
  expect_refusal(run({"train", "--preset", "sgd-paper", "--scale", "2"}), "scale = 2");
  expect_refusal(run({"train", "--scale", "0.5"}), "--preset");
  expect_refusal(run({"train", "--preset", "sgd-paper", "--optimizer", "muon"}), "--optimizer");
  expect_refusal(run({"train", "--explain", "--clip", "1", "--set", "clip_norm=2"}), "clipping is given twice");
  expect_refusal(run({"train", "--on-nonfinite", "ignore"}), "--on-nonfinite");
}

TEST(Presets, AResumeWithOtherDataOrderOrContextIsRefusedByName) {
  const Scratch scratch;
  const std::string text = scratch.file("text.txt", sample_text());
  const Arguments base{"train", "--data", text, "--steps", "3", "--batch", "4", "--threads", "1"};
  ASSERT_EQ(run(base + Arguments{"--context", "16", "--out", scratch / "run"}).code, 0);
  const auto resumed = [&](const Arguments& more) { return run(base + more + Arguments{"--resume", scratch / "run"}); };
  EXPECT_EQ(resumed({"--context", "16"}).code, 0);
  expect_refusal(resumed({"--context", "8"}), "--context cannot change in a run that goes on: it was begun with 16");
  expect_refusal(resumed({"--window-order", "shuffled"}), "--window-order cannot change");
  expect_refusal(resumed({"--micro-batch", "2"}), "--micro-batch cannot change");
  expect_refusal(resumed({"--clip", "1"}), "--clip cannot change in a run that goes on: it was begun with 0");
  (void)scratch.file("text.txt", sample_text(401));
  expect_refusal(resumed({"--context", "16"}), "its data_hash is");
  expect_refusal(run({"train", "--resume", scratch / "run"}), "the content of the data is another");
}

}  // namespace
}  // namespace normdescent::cli
