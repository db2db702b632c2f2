// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/stochastic_rounding.hpp"

#include <algorithm>
#include <array>

#include "normdescent/base/hash.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

// A draw of Philox is eight numbers of 16 bits. Number j of draw k of a block is for entry 64 j + k, so that the lanes
// of a vector are neighbours everywhere.
constexpr std::size_t kNumbers = 8;
constexpr std::size_t kDraws = 64;
constexpr std::size_t kBlock = kNumbers * kDraws;

constexpr std::uint64_t counter(std::uint64_t step, std::uint64_t draw) { return (step << 40U) + draw; }

using Words = std::array<std::array<std::uint32_t, kDraws>, kNumbers / 2>;

NORMDESCENT_MULTIVERSION void draw_words(std::uint64_t seed, std::uint64_t first, std::uint64_t stream, Words& words) {
  for (std::size_t k = 0; k < kDraws; ++k) {
    const auto x = philox4x32(seed, first + k, stream);
    words[0][k] = x[0];
    words[1][k] = x[1];
    words[2][k] = x[2];
    words[3][k] = x[3];
  }
}

NORMDESCENT_MULTIVERSION void round_row(const float* x, const std::uint32_t* words, unsigned shift, Bfloat16* out,
                                        std::size_t n) {
  for (std::size_t k = 0; k < n; ++k)
    out[k] = round_stochastically(x[k], static_cast<std::uint16_t>(words[k] >> shift));
}

}  // namespace

std::uint64_t rounding_stream(const std::string& name) {
  return hash_bytes({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
}

std::uint16_t rounding_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t step, std::uint64_t i) {
  const auto words = philox4x32(seed, counter(step, i / kBlock * kDraws + i % kDraws), stream);
  const std::uint64_t j = i % kBlock / kDraws;
  return static_cast<std::uint16_t>(words[j / 2] >> (16U * (j % 2)));
}

void round_piece_stochastically(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t seed,
                                std::uint64_t stream, std::uint64_t step, std::uint64_t first) {
  Words words;
  for (std::size_t i = 0; i < x.size(); i += kDraws) {
    const std::size_t at = first + i;
    const std::size_t j = at % kBlock / kDraws;
    if (i == 0 || j == 0) draw_words(seed, counter(step, at / kBlock * kDraws), stream, words);
    round_row(x.data() + i, words[j / 2].data(), 16U * (j % 2), out.data() + i, std::min(kDraws, x.size() - i));
  }
}

void round_stochastically(std::span<const float> x, std::span<Bfloat16> out, std::uint64_t seed, std::uint64_t stream,
                          std::uint64_t step) {
  constexpr std::size_t kPiece = 32 * kBlock;
  const std::size_t pieces = (x.size() + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (pieces > 1)
  for (std::size_t p = 0; p < pieces; ++p) {
    const std::size_t first = p * kPiece;
    const std::size_t count = std::min(kPiece, x.size() - first);
    round_piece_stochastically(x.subspan(first, count), out.subspan(first, count), seed, stream, step, first);
  }
}

}  // namespace normdescent
