// SPDX-License-Identifier: Apache-2.0
// Legend   Z = L L^T   M = L^-1, lower triangular   index i: block row of kColumns rows   j: panel of kColumns columns
// A panel holds kColumns columns of a matrix, row after row without a gap; columns beyond the matrix are 0.
#include "panels.hpp"

#include <algorithm>
#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace normdescent::panels {

#if defined(__x86_64__)

namespace {

constexpr Index kRows = 8;  // of C in registers at once, beside three vectors of columns
constexpr Index kLanes = 16;
constexpr Index kVectors = kColumns / kLanes;

// Entry (i, k) at data[i row + k column].
struct Left {
  const float* data;
  Index row;
  Index column;
};
enum class Store { overwrite, negate, subtract };  // C <- A B, -A B, C - A B
struct Result {
  float* data;
  Index row;
  Index columns;  // that exist
  Store store = Store::overwrite;
};

template <Index rows>
__attribute__((target("avx512f"))) void tile(const Left& a, const float* panel, const Result& c, Index depth) {
  __m512 sums[rows][kVectors];
  for (Index r = 0; r < rows; ++r) {
    for (Index v = 0; v < kVectors; ++v) sums[r][v] = _mm512_setzero_ps();
  }
  for (Index k = 0; k < depth; ++k) {
    __m512 right[kVectors];
    for (Index v = 0; v < kVectors; ++v) right[v] = _mm512_loadu_ps(panel + k * kColumns + v * kLanes);
    for (Index r = 0; r < rows; ++r) {
      const __m512 left = _mm512_set1_ps(a.data[r * a.row + k * a.column]);
      for (Index v = 0; v < kVectors; ++v) sums[r][v] = _mm512_fmadd_ps(left, right[v], sums[r][v]);
    }
  }
  for (Index v = 0; v < kVectors; ++v) {
    const Index lanes = std::clamp(c.columns - v * kLanes, Index{0}, kLanes);
    const auto exists = static_cast<__mmask16>((1U << lanes) - 1U);
    for (Index r = 0; r < rows; ++r) {
      float* const to = c.data + r * c.row + v * kLanes;
      __m512 result = sums[r][v];
      if (c.store == Store::negate) result = _mm512_sub_ps(_mm512_setzero_ps(), result);
      if (c.store == Store::subtract) result = _mm512_sub_ps(_mm512_maskz_loadu_ps(exists, to), result);
      _mm512_mask_storeu_ps(to, exists, result);
    }
  }
}

// C of any number of rows. Of a lower triangular A, whose first row is row `offset` there, row i ends with column i:
// depth is taken up to there, in steps of a tile.
enum class Shape { full, lower };
void product(const Left& a, const float* panel, const Result& c, Index rows, Index depth, Shape shape = Shape::full,
             Index offset = 0) {
  for (Index row = 0, count = 0; row < rows; row += count) {
    count = rows - row >= kRows ? kRows : rows - row >= 4 ? 4 : 1;
    const Index end = shape == Shape::lower ? std::min(depth, offset + row + count) : depth;
    const Left left{a.data + row * a.row, a.row, a.column};
    const Result result{c.data + row * c.row, c.row, c.columns, c.store};
    if (count == kRows) tile<kRows>(left, panel, result, end);
    if (count == 4) tile<4>(left, panel, result, end);
    if (count == 1) tile<1>(left, panel, result, end);
  }
}

void pack(const float* from, Index stride, Index rows, Index columns, float* panel) {
  for (Index k = 0; k < rows; ++k) {
    std::copy(from + k * stride, from + k * stride + columns, panel + k * kColumns);
    std::fill(panel + k * kColumns + columns, panel + (k + 1) * kColumns, 0.0F);
  }
}

Index panel_count(Index r) { return (r + kColumns - 1) / kColumns; }

}  // namespace

bool are_supported() {
  static const bool result = __builtin_cpu_supports("avx512f") != 0;
  return result;
}

Index scratch_size(Index r) { return (panel_count(r) + 2) * kColumns * r; }

void symmetric_multiply(ConstBlock<float> a, ConstBlock<float> b, Block<float> c, float* scratch) {
  const Index r = c.rows;
#pragma omp parallel for schedule(dynamic, 1)
  for (Index j = 0; j < panel_count(r); ++j) {
    const Index first = j * kColumns;
    const Index columns = std::min(kColumns, r - first);
    float* const panel = scratch + j * kColumns * r;
    pack(&b(0, first), b.stride, r, columns, panel);
    product({a.data, a.stride, 1}, panel, {&c(0, first), c.stride, columns}, first + columns, r);
  }
  mirror_upper(c);
}

void invert_positive_definite(Block<float> z, Block<float> out, float* scratch) {
  const Index r = z.rows;
  const Index panel_size = kColumns * r;
  float* const M = scratch;                                  // panel j from row j kColumns on
  float* const z_i = scratch + panel_count(r) * panel_size;  // columns of block i, rows above it
  float* const l_i = z_i + panel_size;                       // L_i^T
  using Square = std::array<float, static_cast<std::size_t>(kColumns * kColumns)>;
  const Block<float> m_rows = out;  // M row by row, until it is complete
  for (Index i = 0; i < panel_count(r); ++i) {
    const Index first = i * kColumns;
    const Index count = std::min(kColumns, r - first);
    Square square{};
    const Block<float> m_ii(square.data(), count, count, kColumns);
    pack(&z(0, first), z.stride, first, count, z_i);
    for (Index row = 0; row < count; ++row) std::copy_n(&z(first + row, first), row + 1, &m_ii(row, 0));
#pragma omp parallel for schedule(static)
    for (Index j = 0; j < i; ++j) {
      const Index row = j * kColumns;
      product({&m_rows(row, 0), m_rows.stride, 1}, z_i, {l_i + row * kColumns, kColumns, kColumns}, kColumns, first,
              Shape::lower, row);
    }
    product({l_i, 1, kColumns}, l_i, {square.data(), kColumns, kColumns, Store::subtract}, count, first);
    invert_small_factor<float>(m_ii);
#pragma omp parallel for schedule(dynamic, 1)
    for (Index j = 0; j <= i; ++j) {
      const Index column = j * kColumns;
      float* const m_ij = M + j * panel_size + first * kColumns;
      if (j < i) {
        Square l_m;
        product({l_i + column * kColumns, 1, kColumns}, M + j * panel_size + column * kColumns,
                {l_m.data(), kColumns, kColumns}, count, first - column);
        product({square.data(), kColumns, 1}, l_m.data(), {m_ij, kColumns, kColumns, Store::negate}, count, count,
                Shape::lower);
      } else {
        std::copy_n(square.data(), count * kColumns, m_ij);
      }
      const Index columns = std::min(kColumns, r - column);
      for (Index row = 0; row < count; ++row) std::copy_n(m_ij + row * kColumns, columns, &m_rows(first + row, column));
    }
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (Index j = 0; j < panel_count(r); ++j) {
    const Index column = j * kColumns;
    const Index columns = std::min(kColumns, r - column);
    for (Index i = 0; i <= j; ++i) {
      const Index row = i * kColumns;
      product({M + i * panel_size + column * kColumns, 1, kColumns}, M + j * panel_size + column * kColumns,
              {&out(row, column), out.stride, columns}, std::min(kColumns, r - row), r - column);
    }
  }
  mirror_upper(out);
}

#else

bool are_supported() { return false; }
Index scratch_size(Index) { return 0; }
void symmetric_multiply(ConstBlock<float> a, ConstBlock<float> b, Block<float> c, float*) {
  symmetric_multiply_add<float>(Transpose::no, Transpose::no, 1.0F, a, b, 0.0F, c);
}
void invert_positive_definite(ConstBlock<float> z, Block<float> out, float*) {
  normdescent::invert_positive_definite<float>(z, out);
}

#endif

}  // namespace normdescent::panels
