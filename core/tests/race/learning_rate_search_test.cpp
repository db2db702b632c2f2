// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/learning_rate_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "normdescent/base/numbers.hpp"

namespace normdescent {
namespace {

using FinalLoss = std::function<double(const SearchRun&)>;

/// Runs a search against a function; every loss starts at 10. Returns all runs that were asked for.
std::vector<SearchRun> drive(LearningRateSearch& search, const FinalLoss& final_loss, bool in_reverse = false) {
  std::vector<SearchRun> asked;
  for (auto runs = search.next_runs(); !runs.empty() && asked.size() < 1000; runs = search.next_runs()) {
    if (in_reverse) std::ranges::reverse(runs);
    for (const auto& run : runs) {
      EXPECT_EQ(std::ranges::count(asked, run), 0) << "asked twice: " << run.exponent << " seed " << run.seed_number;
      asked.push_back(run);
      search.report(run, {.first_loss = 10.0, .final_loss = final_loss(run)});
    }
  }
  return asked;
}

/// A valley with its floor at `bottom`, 2 per grid step on each side.
FinalLoss valley(double bottom) {
  return [bottom](const SearchRun& run) { return 1.0 + 2.0 * std::abs(run.exponent - bottom); };
}

TEST(LearningRateSearch, InteriorBestNeedsThreeRatesAndSeedsForTheBestOnly) {
  LearningRateSearch search({.centre = 0.1, .factor = 10.0, .seeds = 3});
  const auto asked = drive(search, valley(0.0));
  EXPECT_EQ(asked, (std::vector<SearchRun>{{-1, 0}, {0, 0}, {1, 0}, {0, 1}, {0, 2}}));
  EXPECT_EQ(search.best_exponent(), 0);
  EXPECT_TRUE(search.best_is_interior());
  EXPECT_DOUBLE_EQ(search.learning_rate(1), 1.0);
}

TEST(LearningRateSearch, ExtendsAtEitherEndUntilTheBestIsInterior) {
  for (const int bottom : {-5, 5}) {
    LearningRateSearch search({.max_rates = 9});
    drive(search, valley(bottom));
    EXPECT_EQ(search.best_exponent(), bottom);
    EXPECT_TRUE(search.best_is_interior());
  }
}

TEST(LearningRateSearch, StopsAtMaxRatesAndSaysSo) {
  LearningRateSearch search({.max_rates = 5, .seeds = 2});
  const auto asked = drive(search, [](const SearchRun& r) { return 9.0 - 2.0 * r.exponent; });
  EXPECT_EQ(search.best_exponent(), 3);
  EXPECT_FALSE(search.best_is_interior());
  EXPECT_EQ(asked.size(), 6U);  // five rates, one more seed of the last
}

TEST(LearningRateSearch, SimilarNeighboursGetAllSeedsToo) {
  LearningRateSearch search({.seeds = 2});
  // Descent 9, similar is within 0.9: the upper neighbour is, the lower is not.
  const auto asked = drive(search, [](const SearchRun& r) {
    if (r.exponent == 0) return 1.0;
    return r.exponent == 1 ? 1.5 : 4.0;
  });
  EXPECT_EQ(asked.size(), 5U);
  EXPECT_EQ(std::ranges::count(asked, SearchRun{0, 1}), 1);
  EXPECT_EQ(std::ranges::count(asked, SearchRun{1, 1}), 1);
}

TEST(LearningRateSearch, OneLuckySeedDoesNotDecide) {
  // Seed 0 says exponent 1 (loss 1); its second seed is stuck at 6. Exponent 0 has 1.5 on both.
  LearningRateSearch search({.seeds = 2});
  drive(search, [](const SearchRun& r) {
    if (r.exponent == 1) return r.seed_number == 0 ? 1.0 : 6.0;
    return r.exponent == 0 ? 1.5 : 7.0 + std::abs(r.exponent);
  });
  EXPECT_EQ(search.best_exponent(), 0);
  EXPECT_TRUE(search.best_is_interior());
  EXPECT_EQ(search.score(1), 6.0) << "a rate whose seeds disagree is judged by its worst";
}

TEST(LearningRateSearch, SimilarSeedsAreAveraged) {
  LearningRateSearch search({.seeds = 2});
  drive(search, [](const SearchRun& r) { return r.exponent == 0 ? 1.0 + 0.5 * r.seed_number : 6.0; });
  EXPECT_EQ(search.score(0), 1.25);
}

TEST(LearningRateSearch, ARateThatDivergesOnOneSeedIsNotChosen) {
  LearningRateSearch search({.seeds = 2});
  drive(search, [](const SearchRun& r) {
    if (r.exponent == 1) return r.seed_number == 0 ? 1.0 : kInfinity;
    return r.exponent > 1 ? kInfinity : 2.0 - r.exponent;
  });
  EXPECT_EQ(search.best_exponent(), 0);
}

TEST(LearningRateSearch, DivergedGridMovesDownAndNaNCountsAsDiverged) {
  LearningRateSearch search({.max_rates = 9});
  drive(search, [](const SearchRun& r) { return r.exponent > -4 ? std::nan("") : 1.0 + std::abs(r.exponent + 4); });
  EXPECT_EQ(search.best_exponent(), -4);
}

TEST(LearningRateSearch, AllDivergedEndsWithoutMoreSeeds) {
  LearningRateSearch search({.max_rates = 4, .seeds = 3});
  EXPECT_EQ(drive(search, [](const SearchRun&) { return kInfinity; }).size(), 4U);
  EXPECT_TRUE(search.all_diverged());
  EXPECT_FALSE(search.best_is_interior());
}

TEST(LearningRateSearch, RatesTooSmallToMoveAnythingLeadUpwards) {
  LearningRateSearch search({.max_rates = 9});
  drive(search, [](const SearchRun& r) { return r.exponent < 3 ? 10.0 : 1.0 + std::abs(r.exponent - 4); });
  EXPECT_EQ(search.best_exponent(), 4);
}

TEST(LearningRateSearch, OrderOfReportsDoesNotMatter) {
  const FinalLoss bumpy = [](const SearchRun& r) {
    return 3.0 + std::abs(r.exponent - 2) + 0.3 * std::sin(7.0 * r.exponent + 3.0 * r.seed_number);
  };
  LearningRateSearch forwards({.seeds = 3});
  LearningRateSearch backwards({.seeds = 3});
  EXPECT_EQ(drive(forwards, bumpy).size(), drive(backwards, bumpy, true).size());
  EXPECT_EQ(forwards.best_exponent(), backwards.best_exponent());
}

TEST(LearningRateSearch, RefusesImpossibleOptions) {
  EXPECT_THROW(LearningRateSearch({.centre = 0.0}), std::invalid_argument);
  EXPECT_THROW(LearningRateSearch({.centre = kInfinity}), std::invalid_argument);
  EXPECT_THROW(LearningRateSearch({.factor = 1.0}), std::invalid_argument);
  EXPECT_THROW(LearningRateSearch({.max_rates = 2}), std::invalid_argument);
  EXPECT_THROW(LearningRateSearch({.seeds = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
