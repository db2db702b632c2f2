// SPDX-License-Identifier: Apache-2.0
#include "tile_product.hpp"

#include <cstdint>
#include <cstring>

#include "normdescent/base/multiversion.hpp"
#include "product.hpp"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace normdescent::gpt {

namespace {

template <class T>
inline void read(T& to, const void* from) {
  std::memcpy(&to, from, sizeof to);
}

// Sum over a group: one number of float, two of Bfloat16.
inline float product(const float* a, const float* b) { return *a * *b; }
inline float product(const Bfloat16* a, const Bfloat16* b) {
  return to_float(a[0]) * to_float(b[0]) + to_float(a[1]) * to_float(b[1]);
}

/// kTileRows rows and Z times kTileColumns columns of C.
template <class S, int Z>
NORMDESCENT_MULTIVERSION void tile(const LeftOperand<S>& a, const S* b, Index b_group, const Result& c, Index groups) {
  constexpr Index kColumns = Z * kTileColumns;
  for (Index r = 0; r < kTileRows; ++r) {
    float sums[kColumns] = {};
    if (c.store == Store::add) read(sums, c.data + r * c.row);
    for (Index g = 0; g < groups; ++g) {
      const S* left = a.data + r * a.row + g * a.group;
      const S* right = b + g * b_group;
#pragma omp simd
      for (Index j = 0; j < kColumns; ++j) sums[j] += product(left, right + j * kTogether<S>);
    }
    std::memcpy(c.data + r * c.row, sums, sizeof sums);
  }
}

#if defined(__x86_64__)
template <int Z>
__attribute__((target("avx512f,avx512bf16"))) void native_tile(const LeftOperand<Bfloat16>& a, const Bfloat16* b,
                                                               Index b_group, const Result& c, Index groups) {
  __m512 sums[kTileRows][Z];
  for (Index r = 0; r < kTileRows; ++r) {
    for (Index z = 0; z < Z; ++z) {
      sums[r][z] = c.store == Store::add ? _mm512_loadu_ps(c.data + r * c.row + z * kTileColumns) : _mm512_setzero_ps();
    }
  }
  for (Index g = 0; g < groups; ++g) {
    __m512bh right[Z];
    for (Index z = 0; z < Z; ++z) read(right[z], b + g * b_group + 2 * z * kTileColumns);
    for (Index r = 0; r < kTileRows; ++r) {
      std::int32_t pair;
      read(pair, a.data + r * a.row + g * a.group);
      __m512bh left;
      const __m512i pairs = _mm512_set1_epi32(pair);
      read(left, &pairs);
      for (Index z = 0; z < Z; ++z) sums[r][z] = _mm512_dpbf16_ps(sums[r][z], left, right[z]);
    }
  }
  for (Index r = 0; r < kTileRows; ++r) {
    for (Index z = 0; z < Z; ++z) _mm512_storeu_ps(c.data + r * c.row + z * kTileColumns, sums[r][z]);
  }
}
#endif

template <class S, int Z>
void one_tile(const LeftOperand<S>& a, const S* b, Index b_group, const Result& c, Index groups) {
#if defined(__x86_64__)
  if constexpr (std::is_same_v<S, Bfloat16>) {
    static const bool is_native = has_native_bfloat16();
    if (is_native) return native_tile<Z>(a, b, b_group, c, groups);
  }
#endif
  tile<S, Z>(a, b, b_group, c, groups);
}

/// Columns from `first` on in strips of Z lanes; returns the first column that is left.
template <class S, int Z>
Index strips(const LeftOperand<S>& a, const RightOperand<S>& b, const Result& c, Index m, Index first, Index n,
             Index groups) {
  constexpr Index kWidth = Z * kTileColumns;
  for (; first + kWidth <= n; first += kWidth) {
    for (Index i = 0; i < m; i += kTileRows) {
      one_tile<S, Z>({a.data + i * a.row, a.row, a.group}, b.data + first * kTogether<S>, b.group,
                     {c.data + i * c.row + first, c.row, c.store}, groups);
    }
  }
  return first;
}

}  // namespace

template <class S>
void tile_product(const LeftOperand<S>& a, const RightOperand<S>& b, const Result& c, Index m, Index n, Index groups) {
  Index done = strips<S, 4>(a, b, c, m, 0, n, groups);
  done = strips<S, 2>(a, b, c, m, done, n, groups);
  strips<S, 1>(a, b, c, m, done, n, groups);
}

template void tile_product(const LeftOperand<float>&, const RightOperand<float>&, const Result&, Index, Index, Index);
template void tile_product(const LeftOperand<Bfloat16>&, const RightOperand<Bfloat16>&, const Result&, Index, Index,
                           Index);

}  // namespace normdescent::gpt
