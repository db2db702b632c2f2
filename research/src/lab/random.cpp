// SPDX-License-Identifier: Apache-2.0
// Legend   w radius word   a angle word   u uniform in (0, 1)   r radius   x angle in [-pi/4, pi/4]
#include "normdescent/lab/random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include "normdescent/base/multiversion.hpp"
#include "philox_block.hpp"

namespace normdescent::lab {

namespace {

constexpr std::uint64_t kBlockGroups = 16;  // words between philox and conversion: 4 KiB, first-level cache
constexpr std::uint64_t kBlockWords = kBlockGroups * kRandomGroup;

/// Runs `convert(words, out, groups)` over blocks of whole groups and cuts the last group to the length asked for.
template <class T, class Convert>
void fill(RandomStream stream, std::uint64_t position, std::span<T> out, Convert&& convert) {
  if (position % kRandomGroup != 0) {
    throw std::invalid_argument("position = " + std::to_string(position) + ", must be a multiple of 64");
  }
  alignas(64) std::array<std::uint32_t, kBlockWords> words;
  std::uint64_t group = position / kRandomGroup;
  while (out.size() >= kRandomGroup) {
    const std::uint64_t groups = std::min<std::uint64_t>(kBlockGroups, out.size() / kRandomGroup);
    philox_groups(stream.seed, stream.stream, group, groups, words.data());
    convert(words.data(), out.data(), groups);
    out = out.subspan(groups * kRandomGroup);
    group += groups;
  }
  if (!out.empty()) {
    alignas(64) std::array<T, kRandomGroup> last;
    philox_groups(stream.seed, stream.stream, group, 1, words.data());
    convert(words.data(), last.data(), 1);
    std::copy_n(last.begin(), out.size(), out.begin());
  }
}

NORMDESCENT_MULTIVERSION
void words_to_uniform(const std::uint32_t* words, double* out, std::uint64_t groups) {
  for (std::uint64_t i = 0; i < groups * kRandomGroup; ++i) out[i] = (static_cast<double>(words[i]) + 0.5) * 0x1.0p-32;
}

// Polynomials that interpolate at the Chebyshev nodes of the interval named (errors are over that interval).
constexpr float kSine[] = {0.99999999692F, -0.16666650674F, 0.00833203579F, -0.00019503904F};    // sin x / x, 3e-9
constexpr float kCosine[] = {0.99999997233F, -0.49999856419F, 0.04165501492F, -0.00135857793F};  // cos x, 3e-8
constexpr float kArtanh[] = {0.99999999932F, 0.33333407669F, 0.19987425259F, 0.14962195240F};    // artanh s / s, 7e-10

inline float cubic(const float (&c)[4], float z) { return c[0] + z * (c[1] + z * (c[2] + z * c[3])); }

/// r = sqrt(-2 log u) with 39 bits of u: v / 2^31 and, below it, eight bits of the angle's word. In the upper quarter
/// u -> 1 - u is formed in the integers, so that small radii keep their relative accuracy.
inline float radius(std::uint32_t w, std::uint32_t a) {
  constexpr float kLog2 = 0.693147182F;
  const auto v = static_cast<std::int32_t>(w >> 1U);
  const bool high = v >= 0x60000000;
  const float low = (static_cast<float>(static_cast<std::int32_t>(a & 255U)) + 0.5F) * 0x1.0p-8F;
  const float t = static_cast<float>(high ? 0x7FFFFFFF - v : v) + low;  // 2^31 u or 2^31 (1 - u)
  // t = 2^(e + 31) m with m in [sqrt(1/2), sqrt(2)): subtracting the bits of 2^31 sqrt(1/2) makes the exponent field e.
  const auto bits = std::bit_cast<std::int32_t>(t);
  const std::int32_t e = (bits - 0x4EB504F3) >> 23;
  const float m = std::bit_cast<float>(bits - ((e + 31) << 23));
  const float f = high ? t * -0x1.0p-31F : m - 1.0F;
  const float exponent = high ? 0.0F : static_cast<float>(e);
  // log(1 + f) = 2 artanh(s), s = f / (2 + f), |s| <= 0.1716
  const float s = f / (2.0F + f);
  return std::sqrt(exponent * (-2.0F * kLog2) + (-4.0F * s) * cubic(kArtanh, s * s));
}

/// Sixteen pairs (w, a) to sixteen cosine and sixteen sine normals. Bit 31 of `a` negates both, bit 30 swaps them (two
/// mirror images that carry the quarter |x| < pi/4 of the circle to all four), bits 8 to 29 are x.
inline void box_muller(const std::uint32_t* __restrict w, const std::uint32_t* __restrict a, float* __restrict cosine,
                       float* __restrict sine) {
  constexpr auto kUnit = static_cast<float>(std::numbers::pi / 2 * 0x1.0p-22);
  for (int i = 0; i < 16; ++i) {
    const float r = std::bit_cast<float>(std::bit_cast<std::uint32_t>(radius(w[i], a[i])) | (a[i] & 0x80000000U));
    const std::int32_t fraction = static_cast<std::int32_t>((a[i] >> 8U) & 0x3FFFFFU) - 0x200000;
    const float x = (static_cast<float>(fraction) + 0.5F) * kUnit;
    const float sin_x = x * cubic(kSine, x * x);
    const float cos_x = cubic(kCosine, x * x);
    const bool swap = (a[i] & 0x40000000U) != 0;
    cosine[i] = r * (swap ? sin_x : cos_x);
    sine[i] = r * (swap ? cos_x : sin_x);
  }
}

NORMDESCENT_MULTIVERSION
void words_to_normal(const std::uint32_t* words, float* out, std::uint64_t groups) {
  for (std::uint64_t g = 0; g < groups; ++g, words += kRandomGroup, out += kRandomGroup) {
    box_muller(words, words + 16, out, out + 16);
    box_muller(words + 32, words + 48, out + 32, out + 48);
  }
}

}  // namespace

void fill_words(RandomStream stream, std::uint64_t position, std::span<std::uint32_t> out) {
  fill(stream, position, out, [](const std::uint32_t* words, std::uint32_t* to, std::uint64_t groups) {
    std::copy_n(words, groups * kRandomGroup, to);
  });
}

void fill_uniform(RandomStream stream, std::uint64_t position, std::span<double> out) {
  fill(stream, position, out, words_to_uniform);
}

void fill_normal(RandomStream stream, std::uint64_t position, std::span<float> out) {
  fill(stream, position, out, words_to_normal);
}

void normals_from_words(std::span<const std::uint32_t> words, std::span<float> out) {
  if (words.size() % kRandomGroup != 0 || words.size() != out.size()) {
    throw std::invalid_argument("words = " + std::to_string(words.size()) +
                                " of them, must be a multiple of 64 and as many as normals");
  }
  words_to_normal(words.data(), out.data(), words.size() / kRandomGroup);
}

}  // namespace normdescent::lab
