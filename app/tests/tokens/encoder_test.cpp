// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/encoder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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
  try {
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
  } catch (const UserError& error) {
    GTEST_SKIP() << error.what() << " (npm ci --prefix web)";
  }
}

}  // namespace
}  // namespace normdescent
