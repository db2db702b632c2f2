// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/pretokens.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "toy_vocabulary.hpp"

namespace normdescent {
namespace {

using Pieces = std::vector<std::string>;

Pieces cut(std::string_view text) {
  Pieces pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = pretoken_end(text, begin);
    pieces.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

TEST(Pretokens, ABlankBelongsToTheWordBehindIt) {
  EXPECT_EQ(cut("Hello world 42 !?"), (Pieces{"Hello", " world", " 42", " !?"}));
  EXPECT_EQ(cut("x1y2"), (Pieces{"x", "1", "y", "2"}));
}

TEST(Pretokens, ASpaceRunKeepsItsLastCharacterForWhatFollows) {
  EXPECT_EQ(cut("a   b"), (Pieces{"a", "  ", " b"}));
  EXPECT_EQ(cut("a\n\nb"), (Pieces{"a", "\n", "\n", "b"}));
  EXPECT_EQ(cut("a \n"), (Pieces{"a", " \n"}));
  EXPECT_EQ(cut("   "), (Pieces{"   "}));
  EXPECT_EQ(cut("a\u3000\u3000b"), (Pieces{"a", "\u3000", "\u3000", "b"}));
}

TEST(Pretokens, ContractionsAreLowerCaseAndStartAPiece) {
  EXPECT_EQ(cut("don't we'll I'M o'clock"), (Pieces{"don", "'t", " we", "'ll", " I", "'", "M", " o", "'", "clock"}));
  EXPECT_EQ(cut("!'s"), (Pieces{"!'", "s"}));  // the quote already belongs to the punctuation
  EXPECT_EQ(cut("'"), (Pieces{"'"}));
  EXPECT_EQ(cut("'r"), (Pieces{"'", "r"}));
}

TEST(Pretokens, ClassesAreUnicodes) {
  EXPECT_EQ(cut("\u00e9t\u00e9\u4e2d"), (Pieces{"\u00e9t\u00e9\u4e2d"}));  // letters of two scripts
  EXPECT_EQ(cut("7\u0661\u00bd\u2167"), (Pieces{"7\u0661\u00bd\u2167"}));  // digits, a fraction, Roman eight
  EXPECT_EQ(cut("a\u0301"), (Pieces{"a", "\u0301"}));                      // a combining mark is no letter
  EXPECT_EQ(cut("\U0001F642!"), (Pieces{"\U0001F642!"}));
}

TEST(Pretokens, InvalidUtf8IsCutIntoBytesThatCountAsPunctuation) {
  EXPECT_EQ(cut("a\xff\xfe z"), (Pieces{"a", "\xff\xfe", " z"}));
  EXPECT_EQ(cut("\xe4\xb8"), (Pieces{"\xe4\xb8"}));  // the beginning of a character, at the end of the text
}

TEST(SafeCut, TextEncodedInPartsHasTheSamePieces) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text = random_text(seed, 300);
    const Pieces whole = cut(text);
    for (std::size_t wanted = 0; wanted < text.size(); wanted += seed < 4 ? 1 : 17) {
      const std::size_t at = safe_cut(text, wanted);
      ASSERT_GE(at, wanted);
      Pieces parts = cut(std::string_view(text).substr(0, at));
      const Pieces rest = cut(std::string_view(text).substr(at));
      parts.insert(parts.end(), rest.begin(), rest.end());
      ASSERT_EQ(parts, whole) << "seed " << seed << ", cut at " << at;
    }
  }
}

TEST(SafeCut, TextOfEveryScriptHasCuts) {
  // Neither blanks nor ASCII: a cut stands at each change between letters, digits and punctuation.
  const std::string text = "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u0661\u0662\u043f\u0440\u0438\u3000\u0432\u0435\u0442";
  std::vector<std::size_t> cuts;
  for (std::size_t i = safe_cut(text, 1); i < text.size(); i = safe_cut(text, i + 1)) cuts.push_back(i);
  EXPECT_EQ(cuts, (std::vector<std::size_t>{6, 9, 15, 18, 22, 28}));
  EXPECT_EQ(safe_cut("\u4f60\u597d\u4f60\u597d", 2), 12U) << "one word has none";
  EXPECT_EQ(safe_cut("ab cd", 1), 2U);
  EXPECT_EQ(safe_cut("don't", 1), 3U);
  EXPECT_EQ(safe_cut("don't", 4), 5U) << "the quote may belong to the letter behind it";
}

TEST(CharacterBegin, IsWhereTheCharacterBegins) {
  const std::string text = "a\u00e9\u4e2d\U0001F642\xff\xe4\xb8";  // bytes 0, 1-2, 3-5, 6-9, 10, 11 and 12 of no character
  const std::vector<std::size_t> expected{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 12, 13, 13};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(character_begin(text, i), expected[i]) << i;
}

}  // namespace
}  // namespace normdescent
