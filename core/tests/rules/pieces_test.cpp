// SPDX-License-Identifier: Apache-2.0
#include "normdescent/rules/pieces.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <set>
#include <tuple>
#include <vector>

namespace normdescent::rules {
namespace {

class WithThreads {
 public:
  explicit WithThreads(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~WithThreads() { omp_set_num_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

std::set<std::tuple<std::size_t, Index, Index>> pieces_of(const std::vector<Index>& sizes, int threads) {
  const WithThreads with_threads(threads);
  std::set<std::tuple<std::size_t, Index, Index>> pieces;
  for_each_piece(
      sizes.size(), [&](std::size_t i) { return sizes[i]; },
      [&](std::size_t i, Index first, Index count) {
#pragma omp critical
        pieces.emplace(i, first, count);
      });
  return pieces;
}

const std::vector<std::vector<Index>> kLists = {
    {},
    {0},
    {1},
    {0, 0, 5, 0},
    {kPieceElements},
    {kPieceElements - 64},
    {kPieceElements - 63, 1},
    {3 * kPieceElements + 17, 0, 1, 63, 64, 65, 5 * kPieceElements},
    std::vector<Index>(3000, 7),
};

TEST(Pieces, CoverEveryElementExactlyOnce) {
  for (const auto& sizes : kLists) {
    for (const int threads : {1, 2, 3}) {
      const auto pieces = pieces_of(sizes, threads);
      std::vector<Index> covered(sizes.size(), 0);
      for (const auto& [i, first, count] : pieces) {  // in order of array and first
        EXPECT_EQ(first, covered[i]);
        EXPECT_GT(count, 0);
        covered[i] += count;
      }
      EXPECT_EQ(covered, sizes);
    }
  }
}

TEST(Pieces, DoNotDependOnThreads) {
  for (const auto& sizes : kLists) EXPECT_EQ(pieces_of(sizes, 1), pieces_of(sizes, 3));
}

TEST(Pieces, AreBoundedAndStartOnWholeCacheLines) {
  for (const auto& [i, first, count] : pieces_of({10 * kPieceElements + 1, 100, 4 * kPieceElements}, 2)) {
    EXPECT_LE(count, kPieceElements);
    EXPECT_EQ(first % 64, 0);
  }
}

TEST(Pieces, OfThousandsOfSmallArraysRunOnBothThreads) {
  const WithThreads with_threads(2);
  std::set<int> threads;
  int team = 0;
  for_each_piece(
      20000, [](std::size_t) { return Index{10}; },
      [&](std::size_t, Index, Index) {
#pragma omp critical
        {
          threads.insert(omp_get_thread_num());
          team = omp_get_num_threads();
        }
      });
  EXPECT_EQ(team, 2);
  EXPECT_LE(threads.size(), 2U);
}

}  // namespace
}  // namespace normdescent::rules
