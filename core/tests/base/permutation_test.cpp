// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/permutation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace normdescent {
namespace {

TEST(Permuted, VisitsEveryIndexOnce) {
  for (const std::uint64_t n : {1U, 2U, 3U, 4U, 5U, 17U, 64U, 1000U, 4097U}) {
    std::vector<int> visits(n);
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto image = permuted(i, n, 1, 2);
      ASSERT_LT(image, n);
      ++visits[image];
    }
    for (const int count : visits) ASSERT_EQ(count, 1) << n;
  }
}

TEST(Permuted, OrdersOfOtherSeedsAndStreamsAgreeOnlyByChance) {
  constexpr std::uint64_t kN = 10'000;
  int same_seed = 0;
  int same_stream = 0;
  int fixed_points = 0;
  for (std::uint64_t i = 0; i < kN; ++i) {
    const auto image = permuted(i, kN, 1, 0);
    same_seed += static_cast<int>(image == permuted(i, kN, 2, 0));
    same_stream += static_cast<int>(image == permuted(i, kN, 1, 1));
    fixed_points += static_cast<int>(image == i);
  }
  // Matches of random permutations are Poisson with mean 1; ten or more have probability 1e-7.
  EXPECT_LT(same_seed, 10);
  EXPECT_LT(same_stream, 10);
  EXPECT_LT(fixed_points, 10);
}

TEST(Permuted, NeighboursLandFarApart) {
  constexpr std::uint64_t kN = 5000;
  double distance = 0.0;
  for (std::uint64_t i = 0; i + 1 < kN; ++i) {
    distance += std::abs(static_cast<double>(permuted(i, kN, 3, 0)) - static_cast<double>(permuted(i + 1, kN, 3, 0)));
  }
  // Mean n/3 of two uniform positions; its standard error here is n / sqrt(18 n) = 17, the limit is five of them.
  EXPECT_NEAR(distance / (kN - 1), kN / 3.0, 5 * 17.0);
}

}  // namespace
}  // namespace normdescent
