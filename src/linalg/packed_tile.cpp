// SPDX-License-Identifier: Apache-2.0
#include "packed_tile.hpp"

#include <algorithm>
#include <utility>

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // false alarms inside g++ 12's own avx512fintrin.h (PR 105593)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#define NORMDESCENT_TILES __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#endif

namespace normdescent::packed {

#if defined(__x86_64__)

namespace {

constexpr Index kLanes = 16;  // groups, or floats, in a vector
constexpr Index kVectors = kTileColumns / kLanes;

/// The first `count` lanes of a vector; any count.
inline __mmask16 first_lanes(Index count) {
  return static_cast<__mmask16>((1U << std::clamp(count, Index{0}, kLanes)) - 1U);
}

/// Sixteen rows of a 16 x 16 matrix become its columns: numbers, then pairs of them, then quarters of vectors change
/// places.
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
NORMDESCENT_TILES inline void store_groups(Group* to, __m512i x, bool is_last) {
  if (width < kLanes && is_last) {
    _mm512_mask_storeu_epi32(to, first_lanes(width), x);
  } else {
    _mm512_storeu_si512(to, x);
  }
}

// Group g of up to sixteen lanes that lie side by side: one row of floats, two of Bfloat16.
NORMDESCENT_TILES inline __m512i read_group(const float* from, Index /*along*/, Index /*left*/, __mmask16 exists) {
  return _mm512_maskz_loadu_epi32(exists, from);
}
NORMDESCENT_TILES inline __m512i read_group(const Bfloat16* from, Index along, Index left, __mmask16 exists) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(exists, from));
  if (left == 1) return low;
  const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(exists, from + along));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

template <Index width, class S>
NORMDESCENT_TILES void pack_rows(const Lanes<S>& from, Index depth, Group* panel) {
  const __mmask16 exists = first_lanes(std::min(from.count, width));
  const S* entry = from.data;
  for (Index left = depth; left > 0; left -= kTogether<S>, panel += width, entry += kTogether<S> * from.along) {
    store_groups<width>(panel, read_group(entry, from.along, left, exists), left <= kTogether<S>);
  }
}

// Up to sixteen groups of one lane.
NORMDESCENT_TILES inline __m512i read_lane(const float* from, Index left) {
  return _mm512_maskz_loadu_epi32(first_lanes(left), from);
}
NORMDESCENT_TILES inline __m512i read_lane(const Bfloat16* from, Index left) {
  const auto exists = left >= 2 * kLanes ? ~__mmask32{0} : static_cast<__mmask32>((1U << left) - 1U);
  return _mm512_maskz_loadu_epi16(exists, from);
}

template <Index width, class S>
NORMDESCENT_TILES void pack_transposed(const Lanes<S>& from, Index depth, Group* panel) {
  constexpr Index kStep = kLanes * kTogether<S>;
  const Index lanes = std::min(width, from.count);
  for (Index k = 0; k < depth; k += kStep, panel += kLanes * width) {
    const Index left = depth - k;
    __m512i x[kLanes];
#pragma GCC unroll 16
    for (Index j = 0; j < kLanes; ++j) {
      x[j] = j < lanes ? read_lane(from.data + j * from.across + k, left) : _mm512_setzero_si512();
    }
    transpose(x);
    const Index groups = std::min((left + kTogether<S> - 1) / kTogether<S>, kLanes);
#pragma GCC unroll 16
    for (Index g = 0; g < kLanes; ++g) {
      if (g < groups) store_groups<width>(panel + g * width, x[g], g + 1 == groups && left <= kStep);
    }
  }
}

template <Index width, class S>
void pack(const Lanes<S>& from, Index depth, Group* panel) {
  (from.across == 1 ? pack_rows<width, S> : pack_transposed<width, S>)(from, depth, panel);
}

template <class S>
struct Arithmetic;
template <>
struct Arithmetic<float> {
  NORMDESCENT_TILES static __m512 multiply_add(__m512i a, __m512i b, __m512 sum) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum);
  }
};
template <>
struct Arithmetic<Bfloat16> {
  NORMDESCENT_TILES static __m512 multiply_add(__m512i a, __m512i b, __m512 sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};

template <class S, Index rows>
NORMDESCENT_TILES void tile(const Group* left, const Group* right, Index groups, const Tile& c) {
  __m512 sums[rows][kVectors];
#pragma GCC unroll 12
  for (Index r = 0; r < rows; ++r) {
    // What is written at the end is on its way meanwhile.
    if (c.narrow == nullptr) __builtin_prefetch(c.wide + r * c.row, 1);
    for (Index v = 0; v < kVectors; ++v) sums[r][v] = _mm512_setzero_ps();
  }
  for (Index g = 0; g < groups; ++g, left += kTileRows, right += kTileColumns) {
    __m512i b[kVectors];
    for (Index v = 0; v < kVectors; ++v) b[v] = _mm512_load_si512(right + v * kLanes);
#pragma GCC unroll 12
    for (Index r = 0; r < rows; ++r) {
      const __m512i a = _mm512_set1_epi32(left[r]);
      for (Index v = 0; v < kVectors; ++v) sums[r][v] = Arithmetic<S>::multiply_add(a, b[v], sums[r][v]);
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

using TileFunction = void (*)(const Group*, const Group*, Index, const Tile&);
template <class S, std::size_t... fewer>
constexpr auto tiles_of(std::index_sequence<fewer...>) {
  return std::array<TileFunction, sizeof...(fewer)>{&tile<S, Index{fewer} + 1>...};
}
template <class S>
constexpr auto kTiles = tiles_of<S>(std::make_index_sequence<kTileRows>{});  // by rows - 1

}  // namespace

template <class S>
bool has_tiles() {
  static const bool result = __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                             (std::is_same_v<S, float> || __builtin_cpu_supports("avx512bf16") != 0);
  return result;
}

template <class S>
void pack_left(const Lanes<S>& from, Index depth, Group* panel) {
  pack<kTileRows>(from, depth, panel);
}

template <class S>
void pack_right(const Lanes<S>& from, Index depth, Group* panel) {
  for (Index first = 0; first < kTileColumns; first += kLanes) {
    const Lanes<S> part{from.data + first * from.across, from.along, from.across, from.count - first};
    pack<kTileColumns>(part, depth, panel + first);
  }
}

NORMDESCENT_TILES void transpose_square(const float* from, Index from_row, float* to, Index to_row) {
  __m512i x[kSquare];
#pragma GCC unroll 16
  for (Index j = 0; j < kSquare; ++j) x[j] = _mm512_loadu_si512(from + j * from_row);
  transpose(x);
#pragma GCC unroll 16
  for (Index i = 0; i < kSquare; ++i) _mm512_storeu_si512(to + i * to_row, x[i]);
}

template <class S>
void multiply_tile(const Group* left, const Group* right, Index groups, const Tile& c) {
  kTiles<S>[static_cast<std::size_t>(c.rows - 1)](left, right, groups, c);
}

#else

template <class S>
bool has_tiles() {
  return false;
}
template <class S>
void pack_left(const Lanes<S>&, Index, Group*) {}
template <class S>
void pack_right(const Lanes<S>&, Index, Group*) {}
void transpose_square(const float*, Index, float*, Index) {}
template <class S>
void multiply_tile(const Group*, const Group*, Index, const Tile&) {}

#endif

#define NORMDESCENT_INSTANTIATE(S)                          \
  template bool has_tiles<S>();                             \
  template void pack_left(const Lanes<S>&, Index, Group*);  \
  template void pack_right(const Lanes<S>&, Index, Group*); \
  template void multiply_tile<S>(const Group*, const Group*, Index, const Tile&)
NORMDESCENT_INSTANTIATE(float);
NORMDESCENT_INSTANTIATE(Bfloat16);
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent::packed
