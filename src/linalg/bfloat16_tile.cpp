// SPDX-License-Identifier: Apache-2.0
#include "bfloat16_tile.hpp"

#include <algorithm>
#include <utility>

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 says so of the operands that its own header leaves open
#endif
#include <immintrin.h>
#define NORMDESCENT_TILES __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#endif

namespace normdescent::bfloat16 {

#if defined(__x86_64__)

namespace {

constexpr Index kLanes = 16;  // pairs, or floats, in a vector
constexpr Index kVectors = kTileColumns / kLanes;

/// The first `count` lanes of a vector; any count.
inline __mmask16 first_lanes(Index count) {
  return static_cast<__mmask16>((1U << std::clamp(count, Index{0}, kLanes)) - 1U);
}

/// Sixteen rows of a 16 x 16 matrix become its columns: lanes, then pairs, then quarters of vectors change places.
NORMDESCENT_TILES inline void transpose(__m512i* x) {
  __m512i y[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
    x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
    x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    y[i] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
    y[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xDD);
    y[i + 8] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
    y[i + 12] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xDD);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    x[i] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0x88);
    x[i + 4] = _mm512_shuffle_i32x4(y[i + 4], y[i + 12], 0x88);
    x[i + 8] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0xDD);
    x[i + 12] = _mm512_shuffle_i32x4(y[i + 4], y[i + 12], 0xDD);
  }
}

/// A whole vector where what it writes beyond the panel's width is overwritten next: masked stores are slow.
template <Index width>
NORMDESCENT_TILES inline void store_pairs(Pair* to, __m512i x, bool is_last) {
  if (width < kLanes && is_last) {
    _mm512_mask_storeu_epi32(to, first_lanes(width), x);
  } else {
    _mm512_storeu_si512(to, x);
  }
}

/// Lanes side by side in memory: entry k becomes the low half of its pairs, entry k + 1 the high half.
template <Index width>
NORMDESCENT_TILES void interleave(const Lanes& from, Index depth, Pair* panel) {
  const __mmask16 exists = first_lanes(std::min(from.count, width));
  const Bfloat16* entry = from.data;
  Index k = 0;
  for (; k + 2 < depth; k += 2, panel += width, entry += 2 * from.along) {
    const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(exists, entry));
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(exists, entry + from.along));
    store_pairs<width>(panel, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)), /*is_last=*/false);
  }
  if (k == depth) return;
  __m512i pairs = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(exists, entry));
  if (k + 1 < depth) {
    const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(exists, entry + from.along));
    pairs = _mm512_or_si512(pairs, _mm512_slli_epi32(high, 16));
  }
  store_pairs<width>(panel, pairs, /*is_last=*/true);
}

/// Pairs side by side in memory.
template <Index width>
NORMDESCENT_TILES void turn(const Lanes& from, Index depth, Pair* panel) {
  for (Index k = 0; k < depth; k += 2 * kLanes) {
    const Index left = depth - k;
    const auto exists = left >= 2 * kLanes ? ~__mmask32{0} : static_cast<__mmask32>((1U << left) - 1U);
    __m512i x[kLanes];
#pragma GCC unroll 16
    for (Index j = 0; j < kLanes; ++j) {
      x[j] = j < std::min(width, from.count) ? _mm512_maskz_loadu_epi16(exists, from.data + j * from.across + k)
                                             : _mm512_setzero_si512();
    }
    transpose(x);
    const Index pairs = std::min((left + 1) / 2, kLanes);
#pragma GCC unroll 16
    for (Index p = 0; p < kLanes; ++p) {
      if (p < pairs) store_pairs<width>(panel + p * width, x[p], p + 1 == pairs && left <= 2 * kLanes);
    }
    panel += kLanes * width;
  }
}

template <Index rows>
NORMDESCENT_TILES void tile(const Pair* left, const Pair* right, Index pairs, const Tile& c) {
  __m512 sums[rows][kVectors];
#pragma GCC unroll 12
  for (Index r = 0; r < rows; ++r) {
    // What is written at the end is on its way meanwhile.
    if (c.narrow == nullptr) __builtin_prefetch(c.wide + r * c.row, 1);
    for (Index v = 0; v < kVectors; ++v) sums[r][v] = _mm512_setzero_ps();
  }
  for (Index p = 0; p < pairs; ++p, left += kTileRows, right += kTileColumns) {
    __m512bh b[kVectors];
    for (Index v = 0; v < kVectors; ++v) b[v] = reinterpret_cast<__m512bh>(_mm512_load_si512(right + v * kLanes));
#pragma GCC unroll 12
    for (Index r = 0; r < rows; ++r) {
      const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi32(left[r]));
      for (Index v = 0; v < kVectors; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], a, b[v]);
    }
  }
  for (Index v = 0; v < kVectors; ++v) {
    const __mmask16 exists = first_lanes(c.columns - v * kLanes);
    const __m512 bias = c.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(exists, c.bias + v * kLanes);
#pragma GCC unroll 12
    for (Index r = 0; r < rows; ++r) {
      const Index to = r * c.row + v * kLanes;
      __m512 x = _mm512_add_ps(sums[r][v], bias);
      if (c.narrow != nullptr) {
        _mm256_mask_storeu_epi16(c.narrow + to, exists, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
      } else {
        if (c.adds) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(exists, c.wide + to));
        _mm512_mask_storeu_ps(c.wide + to, exists, x);
      }
    }
  }
}

using TileFunction = void (*)(const Pair*, const Pair*, Index, const Tile&);
template <std::size_t... fewer>
constexpr auto tiles_of(std::index_sequence<fewer...>) {
  return std::array<TileFunction, sizeof...(fewer)>{&tile<Index{fewer} + 1>...};
}
constexpr auto kTiles = tiles_of(std::make_index_sequence<kTileRows>{});  // by rows - 1

}  // namespace

bool has_tiles() {
  static const bool result = __builtin_cpu_supports("avx512bf16") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                             __builtin_cpu_supports("avx512vl") != 0;
  return result;
}

void pack_left(const Lanes& from, Index depth, Pair* panel) {
  (from.across == 1 ? interleave<kTileRows> : turn<kTileRows>)(from, depth, panel);
}

void pack_right(const Lanes& from, Index depth, Pair* panel) {
  for (Index first = 0; first < kTileColumns; first += kLanes) {
    const Lanes part{from.data + first * from.across, from.along, from.across, from.count - first};
    (from.across == 1 ? interleave<kTileColumns> : turn<kTileColumns>)(part, depth, panel + first);
  }
}

void multiply_tile(const Pair* left, const Pair* right, Index pairs, const Tile& c) {
  kTiles[static_cast<std::size_t>(c.rows - 1)](left, right, pairs, c);
}

#else

bool has_tiles() { return false; }
void pack_left(const Lanes&, Index, Pair*) {}
void pack_right(const Lanes&, Index, Pair*) {}
void multiply_tile(const Pair*, const Pair*, Index, const Tile&) {}

#endif

}  // namespace normdescent::bfloat16
