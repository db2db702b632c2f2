// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/tokenize.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "normdescent/base/user_error.hpp"
#include "normdescent/train/gpt_problem.hpp"

namespace normdescent {
namespace {

namespace fs = std::filesystem;

class TokenizeTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            ("normdescent_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(root_);
    fs::create_directories(root_ / "text");
    fs::create_directories(root_ / "out");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(root_ / "text" / name, std::ios::binary) << content;
  }
  [[nodiscard]] static std::string words(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "word" + std::to_string(i % 97) + (i % 11 == 0 ? "\n" : " ");
    return text;
  }
  [[nodiscard]] TokenManifest run(const Encoder& encoder, std::int64_t tokens_per_shard = 1000) const {
    return tokenize(encoder, {.data = root_ / "text", .tokens_per_shard = tokens_per_shard, .on_progress = {}},
                    root_ / "out");
  }

  fs::path root_;
};

std::string text_of(const Encoder& encoder, const TokenSource& source) {
  std::vector<std::int64_t> tokens(source.size());
  source.copy(0, tokens);
  std::vector<Token> ids;
  for (const auto token : tokens) {
    if (token != encoder.vocabulary().end_of_text()) ids.push_back(static_cast<Token>(token));
  }
  return encoder.decode(ids);
}

TEST_F(TokenizeTest, ShardsHoldTheTextSplitAsTheCorpusSplitsIt) {
  std::string expected_training;
  std::string expected_validation;
  for (int i = 10; i < 32; ++i) {
    const std::string text = words(100 + i);
    write(std::to_string(i) + ".txt", text);
    (i % 10 == 9 ? expected_validation : expected_training) += text;  // the tenth and twentieth of the files
  }
  write("binary", std::string("a\0b", 3));
  const Encoder encoder(learn_vocabulary(root_ / "text", 400));
  const TokenManifest manifest = run(encoder);
  EXPECT_EQ(manifest.documents, 22);

  const auto corpus = open_token_folder(root_ / "out");
  EXPECT_EQ(corpus->vocabulary, static_cast<Index>(encoder.vocabulary().size()));
  EXPECT_EQ(static_cast<std::int64_t>(corpus->training->size()), manifest.training_tokens);
  EXPECT_EQ(text_of(encoder, *corpus->training), expected_training);
  EXPECT_EQ(text_of(encoder, *corpus->validation), expected_validation);
  std::vector<std::int64_t> first(1);
  corpus->training->copy(0, first);
  EXPECT_EQ(first[0], encoder.vocabulary().end_of_text());  // every document begins with it
  // The tokenizer that was written is the one that was used.
  EXPECT_EQ(read_vocabulary(root_ / "out" / "tokenizer.tiktoken").hash(), manifest.hash);
}

TEST_F(TokenizeTest, OfOneFileTheLastTenthIsHeldOut) {
  const std::string text = words(5000);
  write("all.txt", text);
  const Encoder encoder(Vocabulary::of_bytes());
  const TokenManifest manifest = run(encoder, 10'000);
  EXPECT_EQ(manifest.training_tokens + manifest.validation_tokens, static_cast<std::int64_t>(text.size()));
  EXPECT_NEAR(static_cast<double>(manifest.validation_tokens) / static_cast<double>(text.size()), 0.1, 0.001);
  const auto corpus = open_token_folder(root_ / "out");
  EXPECT_EQ(text_of(encoder, *corpus->training) + text_of(encoder, *corpus->validation), text);
}

TEST_F(TokenizeTest, ShuffledEpochsVisitEveryWindowOnceEach) {
  write("all.txt", words(2000));
  const Encoder encoder(learn_vocabulary(root_ / "text", 300));
  (void)run(encoder);
  const auto corpus = open_token_folder(root_ / "out");
  const Index context = 16;
  const auto windows = static_cast<std::uint32_t>((corpus->training->size() - 1) / context);
  std::map<std::uint64_t, int> starts;
  std::vector<std::uint64_t> orders[2];
  for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
    for (std::uint64_t i = 0; i < windows; ++i) {
      const auto start =
          window_start(WindowOrder::shuffled_epochs, corpus->training->size(), context + 1, 5, epoch * windows + i);
      EXPECT_EQ(start % context, 0U);
      ASSERT_LE(start + context + 1, corpus->training->size());
      ++starts[start];
      orders[epoch].push_back(start);
    }
  }
  EXPECT_EQ(starts.size(), windows);
  for (const auto& [start, visits] : starts) EXPECT_EQ(visits, 2) << start;
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_FALSE(std::ranges::is_sorted(orders[0]));
}

TEST_F(TokenizeTest, AModelTrainsOnShardsAndRefusesForeignTokens) {
  write("all.txt", words(2000));
  (void)run(Encoder(learn_vocabulary(root_ / "text", 300)));
  const GptShape shape{.layers = 1, .width = 16, .heads = 2, .context = 8, .vocabulary = 300};
  const GptProblemOptions options{.shape = shape, .batch_size = 4, .order = WindowOrder::shuffled_epochs};
  const auto objective = make_gpt_problem(options, open_token_folder(root_ / "out"))->instantiate(1);
  EXPECT_GT(objective->gradient(Batch::number(1, 0, 4)), 0.0);

  // tokens.json says 256, the shards hold more.
  std::string manifest = TokenManifest{.tokenizer = "bytes", .vocabulary = 256}.to_json();
  std::ofstream(root_ / "out" / "tokens.json") << manifest;
  GptProblemOptions small = options;
  small.shape.vocabulary = 256;
  EXPECT_THROW((void)make_gpt_problem(small, open_token_folder(root_ / "out")), UserError);
}

TEST_F(TokenizeTest, IncompleteFoldersAreRefused) {
  EXPECT_FALSE(holds_token_shards(root_ / "text"));
  write("all.txt", words(2000));
  (void)run(Encoder(Vocabulary::of_bytes()), 100'000);
  EXPECT_TRUE(holds_token_shards(root_ / "out"));
  std::ofstream(root_ / "out" / "tokens.json") << "{";
  EXPECT_THROW((void)open_token_folder(root_ / "out"), UserError);
  for (const char* count : {"-1", "0.5", "1e300"}) {
    std::string manifest = TokenManifest{.tokenizer = "bytes", .vocabulary = 256, .documents = 12345}.to_json();
    manifest.replace(manifest.find("12345"), 5, count);
    std::ofstream(root_ / "out" / "tokens.json") << manifest;
    EXPECT_THROW((void)open_token_folder(root_ / "out"), UserError) << count;
  }
  fs::remove(root_ / "out" / "tokens.json");
  EXPECT_EQ(open_token_folder(root_ / "out")->vocabulary, 50257);  // as llm.c's folders, which have none
  fs::remove(root_ / "out" / "val_000000.bin");
  EXPECT_THROW((void)open_token_folder(root_ / "out"), UserError);
  EXPECT_THROW((void)open_token_folder(root_ / "out" / "train_000000.bin"), UserError);
  fs::remove(root_ / "text" / "all.txt");
  EXPECT_THROW((void)run(Encoder(Vocabulary::of_bytes())), UserError);  // no text
}

}  // namespace
}  // namespace normdescent
