// SPDX-License-Identifier: Apache-2.0
// From training to text: export, generate, and training that begins with exported weights.
#include <algorithm>
#include <filesystem>

#include "contracts.hpp"
#include "normdescent/files/checked_folder.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/io/safetensors.hpp"

namespace normdescent::cli {
namespace {

class Weights : public testing::Test {
 protected:
  static constexpr const char* kSteps = "6";
  Arguments train(const std::string& name, const Arguments& more = {}) const {
    return Arguments{"train",   "--data", text_,       "--steps", kSteps,  "--context",     "16",
                     "--batch", "2",      "--threads", "1",       "--out", scratch_ / name, "--json"} +
           more;
  }
  Scratch scratch_;
  std::string text_ = scratch_.file("text.txt", sample_text());
};

TEST_F(Weights, ExportedWeightsWriteTheTextOfTheRun) {
  ASSERT_EQ(run(train("run")).code, 0);
  const Ran exported = run({"export", "--run", scratch_ / "run", "--out", scratch_ / "hf", "--json"});
  ASSERT_EQ(exported.code, 0) << exported.err;
  EXPECT_EQ(one_document(exported)["parameters"], 979'360);
  const Arguments text{"generate", "--prompt", "line 3", "--tokens", "20", "--json"};
  const auto ours = one_document(run(text + Arguments{"--run", scratch_ / "run"}));
  const auto theirs = one_document(run(text + Arguments{"--weights", scratch_ / "hf", "--tokenizer", "bytes"}));
  EXPECT_EQ(ours["tokens"], theirs["tokens"]);
  EXPECT_EQ(ours["tokens"].size(), 20U);
  EXPECT_EQ(ours["prompt_tokens"], 6);
  // Exporting what was exported changes no byte.
  ASSERT_EQ(run({"export", "--weights", scratch_ / "hf", "--out", scratch_ / "again"}).code, 0);
  for (const char* file : {"model.safetensors", "config.json"})
    EXPECT_EQ(read_text(scratch_ / (std::string("hf/") + file)), read_text(scratch_ / (std::string("again/") + file)));
}

TEST_F(Weights, TextIsTheSameForTheSameSeedAndPrintedAfterThePrompt) {
  ASSERT_EQ(run(train("run")).code, 0);
  const auto text = [&](const Arguments& more) {
    return run(Arguments{"generate", "--run", scratch_ / "run", "--prompt", "the", "--tokens", "12"} + more);
  };
  const Ran first = text({});
  EXPECT_EQ(first.code, 0);
  EXPECT_EQ(first.out.substr(0, 3), "the");
  EXPECT_EQ(first.out.size(), 3U + 12U + 1U) << "a token is a byte";
  EXPECT_EQ(text({}).out, first.out);
  EXPECT_NE(text({"--seed", "2"}).out, first.out);
  EXPECT_EQ(text({"--greedy"}).out, text({"--greedy", "--seed", "2"}).out);
  EXPECT_EQ(text({"--top-k", "1"}).out, text({"--greedy"}).out);
}

TEST_F(Weights, TrainingBeginsWithTheWeightsOfARunOrAnExport) {
  const auto first = one_document(run(train("run")));
  ASSERT_EQ(run({"export", "--run", scratch_ / "run", "--out", scratch_ / "hf"}).code, 0);
  const auto from_run = one_document(run(train("a", {"--init-from", scratch_ / "run"})));
  const auto from_export = one_document(run(train("b", {"--init-from", scratch_ / "hf"})));
  EXPECT_LT(from_run["first_loss"], first["first_loss"]);
  EXPECT_EQ(from_run["first_loss"], from_export["first_loss"]);
  EXPECT_EQ(from_run["final_loss"], from_export["final_loss"]);
  EXPECT_EQ(from_export["model"], scratch_ / "hf");
}

TEST_F(Weights, ARunWithATokenizerOfItsOwnKeepsIt) {
  ASSERT_EQ(run({"tokenize", "--data", text_, "--learn", "280", "--out", scratch_ / "tokens"}).code, 0);
  std::filesystem::copy_file(scratch_ / "tokens/tokenizer.tiktoken", scratch_ / "mine.tiktoken");
  ASSERT_EQ(run(train("run", {"--tokenizer", scratch_ / "mine.tiktoken"})).code, 0);
  std::filesystem::remove(scratch_ / "mine.tiktoken");
  const auto json =
      one_document(run({"generate", "--run", scratch_ / "run", "--prompt", "quick", "--tokens", "5", "--json"}));
  EXPECT_LT(json["prompt_tokens"], 5) << "merged";
  EXPECT_EQ(json["tokens"].size(), 5U);
}

TEST_F(Weights, WeightsThatAreNotFiniteAreRefusedWithTheirTensor) {
  ASSERT_EQ(run(train("run")).code, 0);
  ASSERT_EQ(run({"export", "--run", scratch_ / "run", "--out", scratch_ / "hf"}).code, 0);
  const auto poison = [](const std::filesystem::path& file, const std::string& tensor) {
    StateDict state = read_safetensors(file);
    std::ranges::fill(state.tensors.at(tensor).bytes, std::byte{0xFF});  // NaN
    return write_safetensors(file, state);
  };
  poison(scratch_ / "hf/model.safetensors", "transformer.h.1.attn.c_attn.weight");
  // The same in the run's checkpoint, with the checksums of a run that wrote it so.
  const std::filesystem::path checkpoint = scratch_ / "run/checkpoint-6";
  const std::filesystem::path before = scratch_ / "before";
  std::filesystem::rename(checkpoint, before);
  FolderWriter folder(checkpoint);
  for (const auto& entry : std::filesystem::directory_iterator(before)) {
    const std::string name = entry.path().filename().string();
    if (name == kChecksumFile) continue;
    std::filesystem::copy_file(entry.path(), folder.file(name));
    folder.add(name, name == "model.safetensors" ? poison(folder.file(name), "h.1.attn.c_attn.weight")
                                                 : write_text_atomically(folder.file(name), read_text(entry.path())));
  }
  folder.commit();
  int number = 0;
  for (const std::string source : {"run", "hf"}) {
    const Arguments from{source == "run" ? "--run" : "--weights", scratch_ / source};
    const std::string what = "h.1.attn.c_attn.weight is not finite";
    for (const Arguments& way : {Arguments{}, Arguments{"--greedy"}, Arguments{"--top-k", "3"}}) {
      const Arguments tokenizer = source == "run" ? Arguments{} : Arguments{"--tokenizer", "bytes"};
      expect_refusal(run(Arguments{"generate", "--prompt", "a"} + from + tokenizer + way), what);
    }
    expect_refusal(run(Arguments{"export", "--out", scratch_ / std::to_string(number++)} + from), what);
    expect_refusal(run(train(std::to_string(number++), {"--init-from", scratch_ / source})), what);
  }
}

TEST_F(Weights, RefusesBadInputInOneLine) {
  ASSERT_EQ(run(train("run")).code, 0);
  expect_refusal(run({"generate"}), "--run");
  expect_refusal(run({"generate", "--run", scratch_ / "missing"}), "missing");
  expect_refusal(run({"generate", "--run", scratch_ / "run", "--tokenizer", "bytes"}), "--tokenizer");
  expect_refusal(run({"generate", "--run", scratch_ / "run", "--prompt", ""}), "--prompt is empty");
  expect_refusal(run({"generate", "--run", scratch_ / "run", "--temperature", "0"}), "--temperature: '0'");
  expect_refusal(run({"generate", "--run", scratch_ / "run", "--top-p", "1.5"}), "top_p = 1.5");
  expect_refusal(run({"generate", "--weights", scratch_ / "run/checkpoint-6", "--tokenizer", "bytes"}), "config.json");
  expect_refusal(run({"generate", "--weights", scratch_.file("x.bin", "no model"), "--tokenizer", "bytes"}), "x.bin");
  expect_refusal(run({"export", "--run", scratch_ / "run"}), "--out");
  expect_refusal(run({"export", "--run", scratch_ / "run", "--out", scratch_ / "run"}), "not empty");
  expect_refusal(run(train("new", {"--init-from", scratch_ / "run", "--model", "nano"})), "--init-from");
  expect_refusal(run(train("new", {"--init-from", text_})), "text.txt");
  expect_refusal(run({"train", "--data", text_, "--init-from", scratch_ / "run", "--context", "65"}), "--context 65");
  write_text_atomically(scratch_ / "run/model.json", "{}");
  expect_refusal(run({"generate", "--run", scratch_ / "run"}), "model.json");
}

}  // namespace
}  // namespace normdescent::cli
