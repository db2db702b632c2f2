// SPDX-License-Identifier: Apache-2.0
// tokenize, and training on what it wrote.
#include "contracts.hpp"

namespace normdescent::cli {
namespace {

TEST(Tokenize, LearnsATokenizerAndTrainingTakesItsShards) {
  const Scratch scratch;
  const std::string text = scratch.file("text.txt", sample_text(2000));
  const auto json =
      one_document(run({"tokenize", "--data", text, "--learn", "300", "--out", scratch / "tokens", "--json"}));
  EXPECT_EQ(json["tokenizer"], "bpe-300");
  EXPECT_EQ(json["vocabulary"], 300);
  EXPECT_EQ(json["bytes"], sample_text(2000).size());
  EXPECT_LT(json["training_tokens"], json["bytes"]);
  const auto trained = one_document(run({"train", "--data", scratch / "tokens", "--steps", "2", "--context", "16",
                                         "--batch", "2", "--out", scratch / "run", "--json"}));
  EXPECT_EQ(trained["steps"], 2);
  // The same text and tokenizer without shards.
  const auto direct =
      one_document(run({"train", "--data", text, "--tokenizer", scratch / "tokens/tokenizer.tiktoken", "--steps", "2",
                        "--context", "16", "--batch", "2", "--out", scratch / "direct", "--json"}));
  EXPECT_NEAR(direct["first_loss"].get<double>(), trained["first_loss"].get<double>(), 0.2);
}

TEST(Tokenize, RefusesBadInputInOneLine) {
  const Scratch scratch;
  const std::string text = scratch.file("text.txt", sample_text());
  int folder = 0;
  const auto with = [&](const Arguments& arguments) {
    return run(Arguments{"tokenize", "--out", scratch / std::to_string(folder++)} + arguments);
  };
  expect_refusal(run({"tokenize", "--data", text}), "--out is required");
  expect_refusal(with({"--data", scratch / "missing.txt", "--tokenizer", "bytes"}), "missing.txt");
  expect_refusal(with({"--data", scratch.file("empty.txt", ""), "--tokenizer", "bytes"}), "empty.txt");
  expect_refusal(with({"--data", text, "--tokenizer", "gtp2"}), "gtp2", "gpt2");
  expect_refusal(with({"--data", text, "--tokenizer", text}), "not a tokenizer");
  expect_refusal(with({"--data", text, "--learn", "10"}), "--learn: '10'");
  expect_refusal(with({"--data", text, "--learn", "300", "--tokenizer", "bytes"}), "--learn");
  expect_refusal(with({"--data", text, "--tokens-per-shard", "0"}), "--tokens-per-shard: '0'");
  expect_refusal(run({"tokenize", "--data", text, "--tokenizer", "bytes", "--out", text}), "text.txt");
  expect_refusal(run({"train", "--data", text, "--tokenizer", "gtp2", "--out", scratch / "run"}), "gtp2", "gpt2");
  const std::string shard = scratch.file("x.bin", "no shard");
  expect_refusal(run({"train", "--data", shard, "--out", scratch / "run"}), "x.bin");
}

}  // namespace
}  // namespace normdescent::cli
