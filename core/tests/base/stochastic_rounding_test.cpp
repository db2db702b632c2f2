// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/stochastic_rounding.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace normdescent {
namespace {

using Limits = std::numeric_limits<float>;

// All 2^16 draws of one number: an exact expectation, up to the sum's own rounding in fp64.
double expectation(float x) {
  double sum = 0.0;
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    sum += static_cast<double>(to_float(round_stochastically(x, static_cast<std::uint16_t>(bits))));
  }
  return sum / 0x10000;
}

TEST(StochasticRounding, IsUnbiasedExactly) {
  for (const float x : {1.0F, 1.001F, -1.001F, 3.14159265F, 1e-30F, -7e20F, 0.99999994F, 1e-40F, -3e-45F}) {
    EXPECT_NEAR(expectation(x), static_cast<double>(x), 1e-12 * std::abs(static_cast<double>(x))) << x;
  }
}

TEST(StochasticRounding, TakesOneOfTheTwoNeighbours) {
  const float x = 1.001F;
  for (std::uint32_t bits = 0; bits < 0x10000U; bits += 37) {
    const float rounded = to_float(round_stochastically(x, static_cast<std::uint16_t>(bits)));
    EXPECT_TRUE(rounded == 1.0F || rounded == 1.0F + 0x1p-7F) << rounded;
  }
}

TEST(StochasticRounding, KeepsNumbersOfTheType) {
  for (const std::uint16_t bits : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{0xFFFF}}) {
    for (const float x : {0.0F, -0.0F, 1.0F, -2.5F, 0x1p-126F, Limits::infinity(), -Limits::infinity()}) {
      EXPECT_EQ(round_stochastically(x, bits), to_bfloat16(x)) << x;
    }
    EXPECT_TRUE(std::isnan(to_float(round_stochastically(Limits::quiet_NaN(), bits))));
    EXPECT_EQ(to_float(round_stochastically(Limits::max(), bits)), 0x1.FEp127F);
    EXPECT_EQ(to_float(round_stochastically(Limits::lowest(), bits)), -0x1.FEp127F);
  }
}

TEST(StochasticRounding, MeanOfManyEntriesIsTheNumber) {
  const std::vector<float> x(100000, 1.0F + 0x1p-10F);
  std::vector<Bfloat16> out(x.size());
  round_stochastically(x, out, 7, 8, 9);
  double sum = 0.0;
  for (const Bfloat16 y : out) sum += static_cast<double>(to_float(y));
  // A draw is 2^-7 or 0 above 1, with probability 1/8: standard deviation 2^-7 sqrt(7)/8, five of the mean's.
  const double tolerance = 5 * 0x1p-7 * std::sqrt(7.0) / 8 / std::sqrt(1e5);
  EXPECT_NEAR(sum / 1e5, 1.0 + 0x1p-10, tolerance);
}

TEST(StochasticRounding, DependsOnSeedStreamStepAndPositionAndNotOnThreads) {
  const std::vector<float> x(70001, 1.0F + 0x1p-9F);
  const auto rounded = [&](std::uint64_t seed, std::uint64_t stream, std::uint64_t step, int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    std::vector<Bfloat16> out(x.size());
    round_stochastically(x, out, seed, stream, step);
    omp_set_num_threads(before);
    return out;
  };
  const auto first = rounded(1, 2, 3, 1);
  EXPECT_EQ(rounded(1, 2, 3, 2), first);
  EXPECT_NE(rounded(2, 2, 3, 1), first);
  EXPECT_NE(rounded(1, 3, 3, 1), first);
  EXPECT_NE(rounded(1, 2, 4, 1), first);
  EXPECT_NE(std::vector<Bfloat16>(first.begin(), first.begin() + 64),
            std::vector<Bfloat16>(first.begin() + 64, first.begin() + 128));
}

TEST(StochasticRounding, PiecesAndSingleEntriesAreThoseOfTheWhole) {
  std::vector<float> x(70001);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1.0F + 1e-5F * static_cast<float>(i % 997);
  std::vector<Bfloat16> whole(x.size());
  round_stochastically(x, whole, 1, 2, 3);
  std::vector<Bfloat16> pieces(x.size());
  StochasticRounding rounding(1, 2, 3);
  for (std::size_t first = 0; first < x.size(); first += 64 * 11) {
    const std::size_t count = std::min<std::size_t>(64 * 11, x.size() - first);
    rounding.round(std::span(x).subspan(first, count), std::span(pieces).subspan(first, count), first);
  }
  EXPECT_EQ(pieces, whole);
  std::vector<std::uint64_t> seen;
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(round_stochastically(x[i], rounding_bits(1, 2, 3, i)), whole[i]) << i;
    // Four neighbours' bits in one number: that they never repeat says that no bits are used twice.
    if (i % 4 == 0) seen.push_back(0);
    seen.back() = seen.back() << 16U | rounding_bits(1, 2, 3, i);
  }
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

// Entries from 2^32 on have another key: a piece across the border, and one back before it, take each their own.
TEST(StochasticRounding, KeysChangeEveryTwoToTheThirtyTwoEntries) {
  const std::vector<float> x(64, 1.0F + 0x1p-9F);
  StochasticRounding rounding(1, 2, 3);
  const std::uint64_t border = std::uint64_t{1} << 32U;
  for (const std::uint64_t first : {border - 30, border, std::uint64_t{0}, 2 * border - 1}) {
    std::vector<Bfloat16> out(x.size());
    rounding.round(x, out, first);
    for (std::size_t k = 0; k < x.size(); ++k) {
      EXPECT_EQ(out[k], round_stochastically(x[k], rounding_bits(1, 2, 3, first + k))) << first << " + " << k;
    }
  }
  std::vector<Bfloat16> low(x.size());
  std::vector<Bfloat16> high(x.size());
  rounding.round(x, low, 0);
  rounding.round(x, high, border);
  EXPECT_NE(low, high);
}

}  // namespace
}  // namespace normdescent
