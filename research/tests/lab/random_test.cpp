// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent::lab {
namespace {

constexpr RandomStream kStream{0x123456789ABCDEF0U, 0xFEDCBA9876543210U};

std::uint32_t word_at(RandomStream stream, std::uint64_t position) {
  const std::uint64_t group = position / 64;
  return philox4x32(stream.seed, 16 * group + position % 16, stream.stream)[(position % 64) / 16];
}

TEST(Random, BulkWordsAreThoseOfTheScalarFunction) {
  // 70 groups and a cut one; the start is chosen so that the counter's low half overflows inside the range.
  const std::uint64_t position = 64 * ((std::uint64_t{1} << 28U) - 5);
  std::vector<std::uint32_t> words(70 * 64 + 17);
  fill_words(kStream, position, words);
  for (std::size_t i = 0; i < words.size(); ++i) ASSERT_EQ(words[i], word_at(kStream, position + i)) << i;
}

TEST(Random, NumbersDoNotDependOnHowARangeIsCut) {
  std::vector<float> whole(5000);
  fill_normal(kStream, 128, whole);
  std::vector<float> part(1000);
  fill_normal(kStream, 128 + 64 * 20, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 64 * 20));
}

TEST(Random, PositionsInsideAGroupAreRefused) {
  std::vector<float> out(4);
  EXPECT_THROW(fill_normal(kStream, 63, out), std::invalid_argument);
}

// The twin: the formula of random.hpp in double, straight from the words.
struct Pair {
  double cosine, sine, radius;
};
Pair box_muller_in_double(std::uint32_t w, std::uint32_t a) {
  const double v = static_cast<double>(w >> 1U);
  const double low = (static_cast<double>(a & 255U) + 0.5) / 256.0;
  // Upper quarter: u is 1 - (v' + low)/2^31 with v' the complement; log1p keeps it exact.
  const double log_u =
      v >= 0x60000000 ? std::log1p(-(2147483647.0 - v + low) * 0x1.0p-31) : std::log((v + low) * 0x1.0p-31);
  const double radius = std::sqrt(-2.0 * log_u);
  const double x = ((static_cast<double>((a >> 8U) & 0x3FFFFFU) - 0x200000) + 0.5) * std::numbers::pi / 2 * 0x1.0p-22;
  const double sign = (a >> 31U) != 0 ? -1.0 : 1.0;
  const bool swap = ((a >> 30U) & 1U) != 0;
  return {sign * radius * (swap ? std::sin(x) : std::cos(x)), sign * radius * (swap ? std::cos(x) : std::sin(x)),
          radius};
}

/// Largest error of normals_from_words against the twin, relative to the radius.
double worst_error(const std::vector<std::uint32_t>& words) {
  std::vector<float> normals(words.size());
  normals_from_words(words, normals);
  double worst = 0.0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t j = (i % 64) / 16;
    const std::size_t base = i - i % 64 + i % 16 + (j / 2) * 32;
    const Pair pair = box_muller_in_double(words[base], words[base + 16]);
    const double exact = j % 2 == 0 ? pair.cosine : pair.sine;
    worst = std::max(worst, std::abs(static_cast<double>(normals[i]) - exact) / pair.radius);
  }
  return worst;
}

TEST(Random, NormalsAgreeWithBoxMullerInDouble) {
  std::vector<std::uint32_t> words(std::size_t{1} << 21U);
  fill_words(kStream, 0, words);
  EXPECT_LT(worst_error(words), kNormalRelativeError);
  std::vector<float> from_words(words.size());
  std::vector<float> filled(words.size());
  normals_from_words(words, from_words);
  fill_normal(kStream, 0, filled);
  EXPECT_EQ(from_words, filled);
}

TEST(Random, NormalsAgreeWithBoxMullerForExtremeWords) {
  // Radius words: the smallest, the largest, and both sides of each seam (powers of two, 3/4 where log1p takes over).
  std::vector<std::uint32_t> radii;
  for (std::uint32_t k = 0; k < 64; ++k) {
    radii.push_back(k);
    radii.push_back(~k);
    radii.push_back(0xC0000000U - 32 + k);
  }
  for (unsigned bit = 6; bit < 32; ++bit) {
    for (std::uint32_t k = 0; k < 4; ++k) radii.push_back((1U << bit) - 2 + k);
  }
  std::vector<std::uint32_t> angles;
  for (std::uint32_t quadrant = 0; quadrant < 4; ++quadrant) {
    for (const std::uint32_t x : {0U, 1U, 0x1FFFFFU, 0x200000U, 0x3FFFFFU}) {
      for (const std::uint32_t low : {0U, 255U}) angles.push_back((quadrant << 30U) | (x << 8U) | low);
    }
  }
  std::vector<std::uint32_t> words;
  for (const std::uint32_t angle : angles) {
    for (std::size_t i = 0; i < radii.size(); i += 16) {
      for (std::size_t lane = 0; lane < 16; ++lane) words.push_back(radii[std::min(i + lane, radii.size() - 1)]);
      for (std::size_t lane = 0; lane < 16; ++lane) words.push_back(angle);
    }
  }
  words.resize((words.size() + 63) / 64 * 64, 1U);
  EXPECT_LT(worst_error(words), kNormalRelativeError);
}

TEST(Random, NormalsHaveTheMomentsOfTheNormal) {
  // Tolerances: 5 standard errors, sd of z^k is sqrt(m_2k - m_k^2) with m = 1, 3, 15, 105, 10395.
  const std::size_t count = std::size_t{1} << 23U;
  std::vector<float> z(count);
  fill_normal({7, 1}, 0, z);
  double m1 = 0.0, m2 = 0.0, m3 = 0.0, m4 = 0.0, m6 = 0.0;
  for (const float value : z) {
    const double x = value;
    m1 += x;
    m2 += x * x;
    m3 += x * x * x;
    m4 += x * x * x * x;
    m6 += x * x * x * x * x * x;
  }
  const auto n = static_cast<double>(count);
  const double root = std::sqrt(n);
  EXPECT_NEAR(m1 / n, 0.0, 5 / root);
  EXPECT_NEAR(m2 / n, 1.0, 5 * std::sqrt(2.0) / root);
  EXPECT_NEAR(m3 / n, 0.0, 5 * std::sqrt(15.0) / root);
  EXPECT_NEAR(m4 / n, 3.0, 5 * std::sqrt(96.0) / root);
  EXPECT_NEAR(m6 / n, 15.0, 5 * std::sqrt(10395.0 - 225.0) / root);
}

TEST(Random, TailsAreGaussianToSixSigma) {
  const std::size_t block = std::size_t{1} << 20U;
  const int blocks = 256;
  std::vector<float> z(block);
  const double levels[] = {1, 2, 3, 4, 5, 5.5};
  std::int64_t beyond[6] = {};
  float largest = 0.0F;
  for (int b = 0; b < blocks; ++b) {
    fill_normal({11, 3}, static_cast<std::uint64_t>(b) * block, z);
    for (const float value : z) {
      const float size = std::abs(value);
      if (size < 1.0F) continue;
      largest = std::max(largest, size);
      for (int k = 0; k < 6; ++k) beyond[k] += static_cast<double>(size) > levels[k] ? 1 : 0;
    }
  }
  const double n = static_cast<double>(block) * blocks;
  for (int k = 0; k < 6; ++k) {
    const double expected = n * std::erfc(levels[k] / std::numbers::sqrt2);
    // 5 standard deviations of a Poisson count.
    EXPECT_NEAR(static_cast<double>(beyond[k]), expected, 5 * std::sqrt(expected)) << levels[k];
  }
  // P(max of 2^28 normals < 5.2) = exp(-53), P(max > 7.5) = 2e-5.
  EXPECT_GT(largest, 5.2F);
  EXPECT_LT(largest, 7.5F);
}

// With the agreement for extreme words above, this is the law of the implementation.
TEST(Random, RadiusHasTheExactTailBeyondSixSigma) {
  // Exhaustive where it matters: the share of (word, low bits) with radius above r must be exp(-r^2/2).
  for (const double r : {6.0, 6.5, 7.0}) {
    std::int64_t count = 0;
    for (std::uint32_t v = 0; v < 64; ++v) {
      for (std::uint32_t low = 0; low < 256; ++low) count += box_muller_in_double(v << 1U, low).radius > r ? 1 : 0;
    }
    const double expected = std::exp(-r * r / 2) * 0x1.0p39;
    EXPECT_NEAR(static_cast<double>(count), expected, 1.0) << r;  // one grid cell
  }
}

TEST(Random, DigitsOfNormalsAreUniform) {
  // chi^2 of 256 equal-probability cells, 2^20 draws; 400 is 6.4 sd above 255.
  std::vector<float> z(std::size_t{1} << 20U);
  fill_normal({5, 9}, 0, z);
  std::vector<double> cells(256, 0.0);
  for (const float value : z) {
    const double u = 0.5 * std::erfc(-static_cast<double>(value) / std::numbers::sqrt2);
    cells[std::min<std::size_t>(255, static_cast<std::size_t>(u * 256))] += 1.0;
  }
  const double expected = static_cast<double>(z.size()) / 256;
  double chi2 = 0.0;
  for (const double c : cells) chi2 += (c - expected) * (c - expected) / expected;
  EXPECT_LT(chi2, 400.0);
  EXPECT_GT(chi2, 130.0);  // as far below
}

double correlation(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum / static_cast<double>(a.size());
}

TEST(Random, StreamsLagsAndSquaresAreUncorrelated) {
  const std::size_t count = std::size_t{1} << 20U;
  const double limit = 5.0 / std::sqrt(static_cast<double>(count));
  std::vector<float> base(count), other(count);
  fill_normal({1, 1}, 0, base);
  for (const RandomStream stream : {RandomStream{2, 1}, RandomStream{1, 2}, RandomStream::of(1, 1, 0)}) {
    fill_normal(stream, 0, other);
    EXPECT_LT(std::abs(correlation(base, other)), limit);
  }
  for (const std::size_t lag : {1U, 16U, 32U, 64U, 1024U}) {  // neighbours, partners of a pair, groups, blocks
    EXPECT_LT(std::abs(correlation(std::span(base).first(count - lag), std::span(base).subspan(lag))), limit) << lag;
    std::vector<float> squares(count);
    for (std::size_t i = 0; i < count; ++i) squares[i] = base[i] * base[i] - 1.0F;  // sd sqrt 2 each
    EXPECT_LT(std::abs(correlation(std::span(squares).first(count - lag), std::span(squares).subspan(lag))), 2 * limit)
        << lag;
  }
}

TEST(Random, UniformsStayInsideTheOpenUnitInterval) {
  std::vector<double> u(1U << 16U);
  std::vector<std::uint32_t> words(u.size());
  fill_uniform(kStream, 64, u);
  fill_words(kStream, 64, words);
  double sum = 0.0;
  for (std::size_t i = 0; i < u.size(); ++i) {
    ASSERT_EQ(u[i], (words[i] + 0.5) * 0x1.0p-32);
    sum += u[i];
  }
  EXPECT_NEAR(sum / static_cast<double>(u.size()), 0.5, 5 * std::sqrt(1.0 / 12 / static_cast<double>(u.size())));
}

}  // namespace
}  // namespace normdescent::lab
