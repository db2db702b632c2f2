// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/philox.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace normdescent {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(Philox, HasTheKnownAnswersOfItsAuthors) {  // Random123, kat_vectors, philox4x32 10 rounds
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  EXPECT_EQ(philox4x32(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32(kOnes, kOnes, kOnes), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, IsAFunctionOfSeedStreamAndPosition) {
  Philox whole(7, 3);
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 10; ++i) values.push_back(whole());
  for (std::uint64_t position = 0; position < 10; ++position) {
    EXPECT_EQ(Philox(7, 3, position)(), values[position]);
    EXPECT_NE(Philox(8, 3, position)(), values[position]);
    EXPECT_NE(Philox(7, 4, position)(), values[position]);
  }
}

TEST(Philox, UniformStaysInTheOpenIntervalWithTheRightMoments) {
  Philox random(1);
  constexpr int kDraws = 100000;
  double sum = 0.0;
  double squares = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_GT(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    squares += u * u;
  }
  // Five standard errors: sqrt(1/12/n) and sqrt(4/45/n).
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
}

TEST(Philox, NormalHasMomentsOneAndThree) {
  Philox random(2);
  constexpr int kDraws = 100000;
  double sum = 0.0, squares = 0.0, fourth = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double z = random.normal();
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  // Five standard errors: variances of z, z^2, z^4 are 1, 2, 96.
  EXPECT_NEAR(sum / kDraws, 0.0, 5 * std::sqrt(1.0 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0, 5 * std::sqrt(2.0 / kDraws));
  EXPECT_NEAR(fourth / kDraws, 3.0, 5 * std::sqrt(96.0 / kDraws));
}

TEST(Philox, BelowReachesEveryValueAndNoOther) {
  Philox random(3);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.below(7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(random.below(1), 0U);
}

}  // namespace
}  // namespace normdescent
