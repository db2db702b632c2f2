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

using Square = std::array<float, static_cast<std::size_t>(kColumns* kColumns)>;

/// M = L^-1 (size, size), block row by block row, twice: in panels, of which panel j begins with row j kColumns, and in
/// rows.
struct InverseFactor {
  Index size;
  float* panels;
  Block<float> rows;
  float* z_i;  // what add_block_row needs: a panel of Z's block column i, and L_i^T
  float* l_i;

  [[nodiscard]] float* panel(Index j, Index row) const { return panels + (j * size + row) * kColumns; }
};

// L_i = Z_i M^T, L_ii from Z_ii - L_i L_i^T, M_i = -M_ii L_i M. The block rows above i are there.
void add_block_row(const InverseFactor& m, Block<float> z, Index i) {
  const Index first = i * kColumns;
  const Index count = std::min(kColumns, m.size - first);
  pack(&z(0, first), z.stride, first, count, m.z_i);
#pragma omp parallel for schedule(static)
  for (Index j = 0; j < i; ++j) {
    const Index row = j * kColumns;
    product({&m.rows(row, 0), m.rows.stride, 1}, m.z_i, {m.l_i + row * kColumns, kColumns, kColumns}, kColumns, first,
            Shape::lower, row);
  }
  Square square{};
  const Block<float> m_ii(square.data(), count, count, kColumns);
  for (Index row = 0; row < count; ++row) std::copy_n(&z(first + row, first), row + 1, &m_ii(row, 0));
  product({m.l_i, 1, kColumns}, m.l_i, {square.data(), kColumns, kColumns, Store::subtract}, count, first);
  invert_small_factor<float>(m_ii);
#pragma omp parallel for schedule(dynamic, 1)
  for (Index j = 0; j <= i; ++j) {
    const Index column = j * kColumns;
    float* const m_ij = m.panel(j, first);
    if (j < i) {
      Square l_m;
      product({m.l_i + column * kColumns, 1, kColumns}, m.panel(j, column), {l_m.data(), kColumns, kColumns}, count,
              first - column);
      product({square.data(), kColumns, 1}, l_m.data(), {m_ij, kColumns, kColumns, Store::negate}, count, count,
              Shape::lower);
    } else {
      std::copy_n(square.data(), count * kColumns, m_ij);
    }
    const Index columns = std::min(kColumns, m.size - column);
    for (Index row = 0; row < count; ++row) std::copy_n(m_ij + row * kColumns, columns, &m.rows(first + row, column));
  }
}

// Upper triangle of out <- M^T M. M's rows, which may lie in `out`, are not needed any more.
void multiply_transposed(const InverseFactor& m, Block<float> out) {
#pragma omp parallel for schedule(dynamic, 1)
  for (Index j = 0; j < panel_count(m.size); ++j) {
    const Index column = j * kColumns;
    const Index columns = std::min(kColumns, m.size - column);
    for (Index i = 0; i <= j; ++i) {
      const Index row = i * kColumns;
      product({m.panel(i, column), 1, kColumns}, m.panel(j, column), {&out(row, column), out.stride, columns},
              std::min(kColumns, m.size - row), m.size - column);
    }
  }
}

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
  const InverseFactor factor{.size = r,
                             .panels = scratch,
                             .rows = out,
                             .z_i = scratch + panel_count(r) * kColumns * r,
                             .l_i = scratch + (panel_count(r) + 1) * kColumns * r};
  for (Index i = 0; i < panel_count(r); ++i) add_block_row(factor, z, i);
  multiply_transposed(factor, out);
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
