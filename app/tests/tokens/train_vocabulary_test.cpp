// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/train_vocabulary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <stdexcept>

#include "normdescent/tokens/encoder.hpp"
#include "normdescent/tokens/pretokens.hpp"
#include "toy_vocabulary.hpp"

namespace normdescent {
namespace {

Vocabulary learn(std::string_view text, Token size) {
  const std::vector<std::string_view> texts{text};
  return train_vocabulary(texts, {.size = size, .name = "learned", .on_progress = {}});
}

std::vector<std::string> learned_tokens(const Vocabulary& vocabulary) {
  std::vector<std::string> tokens;
  for (Token token = 256; token < vocabulary.size(); ++token) tokens.push_back(vocabulary.bytes(token));
  return tokens;
}

TEST(TrainVocabulary, MergesTheMostFrequentPairFirst) {
  // Pairs of "aaabdaaabac": aa 4, ab 2, others once. With X = aa it is "XabdXabac": ab 2 and Xa 2, of which ab is the
  // smaller. With Y = ab it is "XYdXYac": XY 2.
  EXPECT_EQ(learned_tokens(learn("aaabdaaabac", 260)),
            (std::vector<std::string>{"aa", "ab", "aaab", std::string(kEndOfText)}));
}

TEST(TrainVocabulary, StopsWhenNoPairOccursTwice) {
  EXPECT_EQ(learn("abcdef", 1000).size(), 257U);  // 256 bytes and the end of text
  EXPECT_EQ(learn("", 1000).size(), 257U);
}

TEST(TrainVocabulary, AgreesWithCountingAllPairsAgainAfterEachMerge) {
  const std::string text = random_text(5, 400);
  const Vocabulary fast = learn(text, 300);
  std::vector<std::vector<std::string>> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = pretoken_end(text, begin);
    words.emplace_back();
    for (const char c : text.substr(begin, end - begin)) words.back().emplace_back(1, c);
    begin = end;
  }
  std::map<std::string, Token> ids;
  for (int byte = 0; byte < 256; ++byte) ids[std::string(1, static_cast<char>(byte))] = static_cast<Token>(byte);
  while (ids.size() < 299) {
    std::map<std::pair<Token, Token>, int> counts;
    for (const auto& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) ++counts[{ids.at(word[i]), ids.at(word[i + 1])}];
    }
    const auto best = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
    if (best == counts.end() || best->second < 2) break;
    const auto [left, right] = best->first;
    for (auto& word : words) {
      for (std::size_t i = 0; i + 1 < word.size(); ++i) {
        if (ids.at(word[i]) != left || ids.at(word[i + 1]) != right) continue;
        word[i] += word[i + 1];
        word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        ids.emplace(word[i], static_cast<Token>(ids.size()));
      }
    }
  }
  ASSERT_EQ(fast.size(), ids.size() + 1);
  for (const auto& [bytes, id] : ids) EXPECT_EQ(fast.bytes(id), bytes);
}

TEST(TrainVocabulary, CountsOverlappingPairsAsTheyStand) {
  // One word of equal letters, and one whose pairs overlap those that are merged next to them: against the definition
  // above by hand. aaaaaaa: aa 6 -> XXXa, XX 2 -> YXa.
  EXPECT_EQ(learned_tokens(learn("aaaaaaa", 300)), (std::vector<std::string>{"aa", "aaaa", std::string(kEndOfText)}));
  // ab in front of, behind and between its like: abababab -> XXXX (ab 4), XX 3 -> YY, YY once.
  EXPECT_EQ(learned_tokens(learn("abababab", 300)), (std::vector<std::string>{"ab", "abab", std::string(kEndOfText)}));
}

TEST(TrainVocabulary, RunsOfOneLetterStopAtTheLongestToken) {
  const Vocabulary vocabulary = learn(std::string(1'000'000, '^'), 4096);
  EXPECT_EQ(vocabulary.size(), 256U + 10 + 1);  // 2, 4, ... 1024
  EXPECT_EQ(Encoder(vocabulary).encode(std::string(2048, '^')).size(), 2U);
}

TEST(TrainVocabulary, TakesTimeInProportionToTheLengthOfAWord) {
  Philox random(2);
  std::string word;
  for (int i = 0; i < 2'000'000; ++i) word += static_cast<char>('a' + random.below(26));
  const std::clock_t start = std::clock();
  EXPECT_EQ(learn(word, 2000).size(), 2000U);
  // About two seconds; minutes if each merge went over the whole word.
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 30.0);
}

TEST(TrainVocabulary, DependsOnTheTextAlone) { EXPECT_EQ(toy_vocabulary().hash(), toy_vocabulary().hash()); }

TEST(TrainVocabulary, MakesItsOwnTextShorter) {
  const std::string text = random_text(7, 4000);
  EXPECT_LT(Encoder(toy_vocabulary()).encode(text).size(), text.size() / 2);
}

TEST(TrainVocabulary, RefusesSizesOutsideItsDomain) {
  EXPECT_THROW((void)learn("abc", 256), std::invalid_argument);
  EXPECT_THROW((void)learn("abc", 65537), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
