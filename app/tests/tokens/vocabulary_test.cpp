// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/vocabulary.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/tokens/encoder.hpp"
#include "support/temporary_folder.hpp"
#include "toy_vocabulary.hpp"

namespace normdescent {
namespace {

void expect_refusal(const std::string& text, const std::string& what) {
  try {
    (void)parse_vocabulary(text, "file");
    FAIL() << "accepted: " << text.substr(0, 80);
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("'file'"), std::string::npos) << error.what();
  }
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Vocabulary, ALearnedOneComesBackFromItsFile) {
  const Vocabulary learned = toy_vocabulary();
  const auto path = std::filesystem::path(testing::TempDir()) / "normdescent_toy.tiktoken";
  write_vocabulary(path, learned);
  const Vocabulary read_back = read_vocabulary(path);
  EXPECT_EQ(read_back.hash(), learned.hash());
  EXPECT_EQ(read_back.end_of_text(), learned.end_of_text());
  std::filesystem::remove(path);
}

// "th", "the" and " the", which the byte alphabet spells with U+0120.
const char* const kMerges = "#version: 0.2\nt h\nth e\n\u0120 the\n";

/// A byte in GPT-2's alphabet: printable Latin-1 as itself, the others from U+0100 on in their order.
std::string spell(unsigned char byte, unsigned rank_among_unprintable) {
  const bool is_printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
  const unsigned code = is_printable ? byte : 0x100 + rank_among_unprintable;
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0U | code >> 6U), static_cast<char>(0x80U | (code & 63U))};
}

TEST(Vocabulary, MergesAndJsonGiveTheSameTokens) {
  const Encoder merges(parse_vocabulary(kMerges, "vocab.bpe"));
  EXPECT_EQ(merges.vocabulary().size(), 256U + 3 + 1);
  EXPECT_EQ(merges.vocabulary().bytes(0), "!");  // GPT-2 numbers printable bytes first
  EXPECT_EQ(merges.vocabulary().bytes(258), " the");
  EXPECT_EQ(merges.encode("the the").size(), 2U);

  nlohmann::json json;
  json["model"] = {{"type", "BPE"}, {"merges", {"t h", "th e", "\u0120 the"}}};
  json["added_tokens"] = nlohmann::json::array({{{"id", 259}, {"content", "<|endoftext|>"}}});
  auto& vocab = json["model"]["vocab"];
  for (Token token = 0; token < 256; ++token) {
    vocab[spell(static_cast<unsigned char>(merges.vocabulary().bytes(token)[0]), token - 188)] = token;
  }
  vocab["th"] = 256;
  vocab["the"] = 257;
  vocab["\u0120the"] = 258;
  const Encoder parsed(parse_vocabulary(json.dump(), "tokenizer.json"));
  EXPECT_EQ(parsed.vocabulary().end_of_text(), 259U);
  const std::string text = random_text(1, 500);
  EXPECT_EQ(parsed.encode(text), merges.encode(text));
  // A byte-order mark is no part of the first token.
  EXPECT_EQ(parse_vocabulary("\xEF\xBB\xBF" + json.dump(), "tokenizer.json").hash(), parsed.vocabulary().hash());
  EXPECT_EQ(parse_vocabulary("\xEF\xBB\xBF" + std::string(kMerges), "vocab.bpe").hash(), merges.vocabulary().hash());
  EXPECT_EQ(parse_vocabulary("\xEF\xBB\xBF" + std::string("t h\n"), "vocab.bpe").size(), 258U);

  // The same from folders, as Hugging Face and OpenAI have them.
  const test::TemporaryFolder folder;
  EXPECT_THROW((void)read_vocabulary(folder.path()), UserError);
  write_text_atomically(folder / "merges.txt", kMerges);
  EXPECT_EQ(read_vocabulary(folder.path()).hash(), merges.vocabulary().hash());
  nlohmann::json ids = vocab;
  ids["<|endoftext|>"] = 259;
  write_text_atomically(folder / "vocab.json", ids.dump());
  EXPECT_EQ(read_vocabulary(folder.path()).hash(), merges.vocabulary().hash());
  std::swap(ids["th"], ids["the"]);
  write_text_atomically(folder / "vocab.json", ids.dump());
  EXPECT_THROW((void)read_vocabulary(folder.path()), UserError) << "another model's ids";
  write_text_atomically(folder / "vocab.json", "[]");
  EXPECT_THROW((void)read_vocabulary(folder / "merges.txt"), UserError);
  write_text_atomically(folder / "tokenizer.json", json.dump());
  EXPECT_EQ(read_vocabulary(folder.path()).hash(), parsed.vocabulary().hash());
  // Newer files have pairs.
  json["model"]["merges"] = nlohmann::json::array({{"t", "h"}, {"th", "e"}, {"\u0120", "the"}});
  EXPECT_EQ(Encoder(parse_vocabulary(json.dump(), "tokenizer.json")).encode(text), merges.encode(text));
}

TEST(Vocabulary, DamagedFilesAreRefusedInOneLine) {
  expect_refusal("", "empty");
  expect_refusal("{\"a\": 1}", "no 'model'");
  expect_refusal("{\"model\"", "parse error");
  expect_refusal("{\"model\": {\"type\": \"Unigram\", \"vocab\": {}}}", "BPE");
  expect_refusal("{\"model\": {\"vocab\": {\"a\": -1}, \"merges\": []}}", "token id");
  expect_refusal("{\"model\": {\"vocab\": {\"a\": 1e300}, \"merges\": []}}", "token id");
  expect_refusal("IQ== 0\nIg== 0\n", "comes twice");
  expect_refusal("IQ== 0\nIg== 7\n", "gap");
  expect_refusal("IQ== 0\nIg== 99999999999\n", "too large");
  expect_refusal("IQ== 0\nIg== 1000000\n", "gap");  // no room is made for a million tokens
  expect_refusal("IQ== 0\nI?== 1\n", "base64");
  expect_refusal("IQ== 0\n", "no token for the byte");
  expect_refusal("t h\ntqxy\n", "line 2");
  expect_refusal("t h\nt h\n", "exists");
  expect_refusal("th e\n", "not a token");
  expect_refusal("{\"merges\": []}", "no 'model'");
}

// Whatever bytes a file has, reading it ends in a vocabulary or a UserError.
TEST(Vocabulary, AnyDamageIsAUserError) {
  const auto path = std::filesystem::path(testing::TempDir()) / "normdescent_damage.tiktoken";
  write_vocabulary(path, toy_vocabulary());
  const std::vector<std::string> originals{read(path), kMerges,
                                           R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}})"};
  std::filesystem::remove(path);
  Philox random(17);
  int refused = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    std::string text = originals[random.below(originals.size())];
    const auto edits = 1 + random.below(4);
    for (std::uint64_t i = 0; i < edits && !text.empty(); ++i) {
      const auto place = random.below(text.size());
      if (random.below(4) == 0) {
        text.resize(place);
      } else {
        text[place] = static_cast<char>(random.below(256));
      }
    }
    try {
      (void)parse_vocabulary(text, "file");
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

TEST(Vocabulary, FindsByNameAndByPath) {
  EXPECT_EQ(find_vocabulary("bytes").size(), 256U);
  EXPECT_THROW((void)find_vocabulary("gtp2"), UserError);
}

TEST(Vocabulary, RefusesMergesThatMakeSomethingElse) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.emplace_back("ab");
  EXPECT_THROW((void)Vocabulary::of_merges("x", tokens, {{'a', 'c', 256, 0}}, std::nullopt), std::invalid_argument);
  EXPECT_THROW((void)Vocabulary::of_merges("x", tokens, {{'a', 999, 256, 0}}, std::nullopt), std::invalid_argument);
  EXPECT_THROW((void)Vocabulary::of_merges("x", tokens, {}, 999), std::invalid_argument);
  tokens.emplace_back("ab");
  EXPECT_THROW((void)Vocabulary::of_ranks("x", tokens, true), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
