// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/tokenize.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/tokens/shard.hpp"
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

TEST_F(TokenizeTest, TextWithoutAsciiHasAValidationPart) {
  std::string prose;  // Chinese with its own punctuation and line ends; no blank, no ASCII
  for (int i = 0; i < 500; ++i) prose += i % 7 == 6 ? "\u3002" : (i % 3 == 0 ? "\u4e16\u754c" : "\u4f60\u597d");
  std::string word;  // one word of letters: no cut anywhere
  for (int i = 0; i < 500; ++i) word += "\u4e2d";
  for (const std::string& text : {prose, word, std::string(1000, 'a'), std::string(1000, '^'), std::string(1000, ' ')}) {
    fs::remove_all(root_ / "out");
    fs::create_directories(root_ / "out");
    write("all.txt", text);
    for (const Token learned : {Token{0}, Token{270}}) {
      const Encoder encoder(learned == 0 ? Vocabulary::of_bytes() : learn_vocabulary(root_ / "text", learned));
      (void)run(encoder, 10'000);
      const auto corpus = open_token_folder(root_ / "out");
      const std::string held_out = text_of(encoder, *corpus->validation);
      EXPECT_EQ(text_of(encoder, *corpus->training) + held_out, text);
      EXPECT_NEAR(static_cast<double>(held_out.size()) / static_cast<double>(text.size()), 0.1, 0.02);
      EXPECT_NE(static_cast<unsigned char>(held_out[0]) & 0xC0U, 0x80U) << "a character was cut in two";
    }
  }
}

TEST_F(TokenizeTest, TheEndOfThePreviousWordDecidesWhereTheValidationPartBegins) {
  // Bytes 0-899 are training and 900-999 validation, but for the word that begins at 895 and ends at 910.
  const std::string text = std::string(895, '.') + std::string(15, 'w') + std::string(90, '!');
  write("all.txt", text);
  (void)run(Encoder(Vocabulary::of_bytes()), 10'000);
  EXPECT_EQ(open_token_folder(root_ / "out")->validation->size(), 90U);
}

TEST_F(TokenizeTest, SaysTheTruthOfDataItCannotTake) {
  const auto message = [&](const fs::path& data) {
    try {
      (void)tokenize(Encoder(Vocabulary::of_bytes()), {.data = data, .on_progress = {}}, root_ / "out");
    } catch (const UserError& error) {
      return std::string(error.what()) + " | " + error.hint();
    }
    return std::string("no UserError");
  };
  const auto expect = [&](const fs::path& data, const char* part) {
    EXPECT_NE(message(data).find(part), std::string::npos) << message(data);
  };
  write("nul.txt", std::string("a\0b", 3));
  expect(root_ / "text" / "nul.txt", "is not text: it holds NUL bytes");
  expect(root_ / "text", "there is no text in");
  expect(root_ / "text", "1 binary files skipped; nul.txt: it holds NUL bytes");
  write("short.txt", "123456789");
  expect(root_ / "text" / "short.txt", "is too short: of its 9 bytes");
  write("empty.txt", "");
  expect(root_ / "text" / "empty.txt", "is empty");
  expect(root_ / "text" / "none.txt", "does not exist");
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  expect(root_ / "pipe", "neither a file nor a folder but a pipe");
  expect(root_ / "pipe", "write it to a file first");
}

TEST_F(TokenizeTest, WhatAnEarlierCallWroteIntoTheDataIsNoText) {
  write("all.txt", words(1000));
  const Encoder encoder(Vocabulary::of_bytes());
  const TokenManifest first = run(encoder);
  fs::rename(root_ / "out", root_ / "text" / "tokens");
  fs::create_directories(root_ / "out");
  EXPECT_EQ(run(encoder).bytes, first.bytes);
}

TEST_F(TokenizeTest, SlicesOfLongTextHaveTheTokensOfTheWhole) {
  // A word across the border of the first slice of 64 MiB, its second letter split by the end of what is read at first.
  constexpr std::size_t kSlice = std::size_t{64} << 20U;
  std::string text((kSlice - 80) / 10 * 10, 'x');
  for (std::size_t i = 0; i < text.size(); i += 10) text[i] = ' ';
  for (int i = 0; i < 60'000; ++i) text += "\u4e2d";
  text += " end " + std::string(5000, '.');
  for (int i = 0; i < 10; ++i) write(std::to_string(i) + ".txt", i == 0 ? text : "a tenth file for validation");
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.insert(tokens.end(), {"xx", "xxxx", "\xe4\xb8", "\u4e2d", "\u4e2d\u4e2d"});
  const Encoder encoder(Vocabulary::of_ranks("small", tokens, false));
  (void)run(encoder, 1'000'000'000);
  const auto corpus = open_token_folder(root_ / "out");
  const auto expected = encoder.encode(text, 2);
  std::vector<std::int64_t> written(expected.size());
  ASSERT_GE(corpus->training->size(), written.size());
  corpus->training->copy(0, written);
  EXPECT_TRUE(std::equal(written.begin(), written.end(), expected.begin()));
}

TEST_F(TokenizeTest, APartOfAShardsNameSaysThatItIsHeldOut) {
  const auto held_out = [&](const std::string& name) {
    fs::remove_all(root_ / "out");
    fs::create_directories(root_ / "out");
    ShardWriter writer(root_ / "out", "shard", 100);
    for (const std::size_t count : {5U, 7U, 9U}) {
      writer.append(std::vector<Token>(count, 1));
      writer.finish();
    }
    fs::rename(writer.files()[0], root_ / "out" / "plain_train.bin");
    fs::rename(writer.files()[1], root_ / "out" / "other_val_000.bin");
    fs::rename(writer.files()[2], root_ / "out" / name);
    return open_token_folder(root_ / "out")->validation->size() == 16;
  };
  for (const char* name : {"val.bin", "web_val_000001.bin", "x-Validation-3.bin", "VAL7.bin", "valid.bin", "2eval.bin"})
    EXPECT_TRUE(held_out(name)) << name;
  for (const char* name : {"medieval_000.bin", "retrieval_train_000.bin", "interval.bin", "value_0.bin", "train_0.bin",
                           "\u00e9val.bin"})
    EXPECT_FALSE(held_out(name)) << name;
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
  // A shard that another process cuts meanwhile is a message, from the first window on that is not there any more.
  const fs::path shard = root_ / "out" / "train_000001.bin";
  const std::string content = read_text(shard);
  fs::resize_file(shard, 1500);
  const auto an_epoch = [&] {
    for (std::uint64_t number = 0; number < 200; ++number) (void)objective->gradient(Batch::number(1, number, 4));
  };
  EXPECT_THROW(an_epoch(), UserError);
  write_text_atomically(shard, content);

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
