// SPDX-License-Identifier: Apache-2.0
#include "blocks.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "fortran.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/transpose.hpp"

namespace normdescent {
namespace {

void blas_gemm(const char* ta, const char* tb, const int* m, const int* n, const int* k, const float* alpha,
               const float* a, const int* lda, const float* b, const int* ldb, const float* beta, float* c,
               const int* ldc) {
  sgemm_(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, 1, 1);
}
void blas_gemm(const char* ta, const char* tb, const int* m, const int* n, const int* k, const double* alpha,
               const double* a, const int* lda, const double* b, const int* ldb, const double* beta, double* c,
               const int* ldc) {
  dgemm_(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, 1, 1);
}

void blas_trmm(const char* side, const char* transpose, const int* m, const int* n, const float* alpha, const float* a,
               const int* lda, float* b, const int* ldb) {
  strmm_(side, "U", transpose, "N", m, n, alpha, a, lda, b, ldb, 1, 1, 1, 1);
}
void blas_trmm(const char* side, const char* transpose, const int* m, const int* n, const double* alpha,
               const double* a, const int* lda, double* b, const int* ldb) {
  dtrmm_(side, "U", transpose, "N", m, n, alpha, a, lda, b, ldb, 1, 1, 1, 1);
}

enum class Side { left, right };

// B <- alpha op(L) B or alpha B op(L) for lower triangular L; what is above its diagonal is not read. BLAS sees L^T,
// upper triangular, and B^T.
template <class T>
void multiply_triangular(Side side, Transpose transpose, T alpha, Block<const T> lower, Block<T> b) {
  const int m = blas_int(b.cols);
  const int n = blas_int(b.rows);
  const int lda = blas_int(lower.stride);
  const int ldb = blas_int(b.stride);
  blas_trmm(side == Side::left ? "R" : "L", transpose == Transpose::yes ? "T" : "N", &m, &n, &alpha, lower.data, &lda,
            b.data, &ldb);
}

// Lower triangle of Z <- L^-1. With halves: L21 = Z21 L11^-T, L22 from Z22 - L21 L21^T, (L^-1)21 = -L22^-1 L21 L11^-1.
template <class T>
void invert_factor(Block<T> z) {
  const Index n = z.rows;
  if (n <= kInverseBase) return invert_small_factor<T>(z);
  const Index h = n / 2;
  const Block<T> first = z.part(0, 0, h, h);
  const Block<T> below = z.part(h, 0, n - h, h);
  const Block<T> second = z.part(h, h, n - h, n - h);
  invert_factor(first);
  multiply_triangular<T>(Side::right, Transpose::yes, T{1}, first, below);
  symmetric_multiply_add<T>(Transpose::no, Transpose::yes, T{-1}, below, below, T{1}, second);
  invert_factor(second);
  multiply_triangular<T>(Side::right, Transpose::no, T{1}, first, below);
  multiply_triangular<T>(Side::left, Transpose::no, T{-1}, second, below);
}

}  // namespace

template <class T>
NORMDESCENT_MULTIVERSION void invert_small_factor(Block<T> z) {
  // Rows of L^T and of L^-1, so that inner loops run along memory.
  std::array<T, static_cast<std::size_t>(kInverseBase * kInverseBase)> factor{};
  const Index n = z.rows;
  T* const U = factor.data();
  for (Index i = 0; i < n; ++i) {
    for (Index j = i; j < n; ++j) U[i * kInverseBase + j] = z(j, i);
  }
  for (Index k = 0; k < n; ++k) {
    T* const row = U + k * kInverseBase;
    const T inverse = T{1} / std::sqrt(row[k]);
    for (Index j = k; j < n; ++j) row[j] *= inverse;
    for (Index i = k + 1; i < n; ++i) {
      const T l_ik = row[i];
      for (Index j = i; j < n; ++j) U[i * kInverseBase + j] -= l_ik * row[j];
    }
  }
  for (Index i = 0; i < n; ++i) {
    T* const row = &z(i, 0);
    std::fill(row, row + n, T{0});
    for (Index k = 0; k < i; ++k) {
      const T l_ik = U[k * kInverseBase + i];
      const T* const above = &z(k, 0);
      for (Index j = 0; j <= k; ++j) row[j] -= l_ik * above[j];
    }
    const T inverse = T{1} / U[i * kInverseBase + i];
    for (Index j = 0; j < i; ++j) row[j] *= inverse;
    row[i] = inverse;
  }
}

template <class T>
void multiply_add(Transpose transpose_a, Transpose transpose_b, std::type_identity_t<T> alpha, ConstBlock<T> a,
                  ConstBlock<T> b, std::type_identity_t<T> beta, Block<T> c) {
  if (c.rows == 0 || c.cols == 0) return;
  const bool ta = transpose_a == Transpose::yes;
  const bool tb = transpose_b == Transpose::yes;
  // Row-major C = op(A) op(B) is column-major C^T = op(B)^T op(A)^T: the operands swap, the flags stay.
  const int m = blas_int(c.cols);
  const int n = blas_int(c.rows);
  const int k = blas_int(ta ? a.rows : a.cols);
  const int lda = std::max(1, blas_int(b.stride));
  const int ldb = std::max(1, blas_int(a.stride));
  const int ldc = blas_int(c.stride);
  blas_gemm(tb ? "T" : "N", ta ? "T" : "N", &m, &n, &k, &alpha, b.data, &lda, a.data, &ldb, &beta, c.data, &ldc);
}

template <class T>
void symmetric_multiply_add(Transpose transpose_a, Transpose transpose_b, std::type_identity_t<T> alpha,
                            ConstBlock<T> a, ConstBlock<T> b, std::type_identity_t<T> beta, Block<T> c) {
  const bool ta = transpose_a == Transpose::yes;
  const bool tb = transpose_b == Transpose::yes;
  const Index r = c.rows;
  for (Index first = 0; first < r; first += kPanelRows) {
    const Index rows = std::min(kPanelRows, r - first);
    const Block<const T> left = ta ? a.part(0, first, a.rows, rows) : a.part(first, 0, rows, a.cols);
    const Block<const T> right = tb ? b.part(first, 0, r - first, b.cols) : b.part(0, first, b.rows, r - first);
    multiply_add<T>(transpose_a, transpose_b, alpha, left, right, beta, c.part(first, first, rows, r - first));
  }
  mirror_upper(c);
}

// Rows [i, i + 4) left of the diagonal; those of float four columns at a time.
template <class T>
void mirror_four_rows(const Block<T>& c, Index i, Index first, Index last) {
  Index j = first;
  if constexpr (std::is_same_v<T, float>) {
    const Index row = c.stride * static_cast<Index>(sizeof(float));
    for (; j + 4 <= std::min(last, i); j += 4) transpose_4x4(&c(j, i), row, &c(i, j), row);
  }
  for (Index r = i; r < i + 4; ++r) {
    for (Index k = j; k < std::min(last, r); ++k) c(r, k) = c(k, r);
  }
}

template <class T>
void mirror_upper(Block<T> c) {
  constexpr Index kTile = 32;  // tiles of both triangles stay in cache
  const Index n = c.rows;
  const Index fours = n / 4 * 4;
  for (Index ib = 0; ib < n; ib += kTile) {
    for (Index jb = 0; jb <= ib; jb += kTile) {
      for (Index i = ib; i < std::min(ib + kTile, fours); i += 4) mirror_four_rows(c, i, jb, jb + kTile);
    }
  }
  for (Index i = fours; i < n; ++i) {
    for (Index j = 0; j < i; ++j) c(i, j) = c(j, i);
  }
}

template <class T>
void invert_positive_definite(Block<T> z, Block<T> out) {
  const Index n = z.rows;
  invert_factor(z);
  for (Index i = 0; i < n; ++i) std::fill(&z(i, 0) + i + 1, &z(i, 0) + n, T{0});
  // L^-T L^-1: column j of L^-1 is 0 above row j, so a panel that starts at column `first` needs rows from there on.
  for (Index first = 0; first < n; first += kPanelRows) {
    const Index count = std::min(kPanelRows, n - first);
    multiply_add<T>(Transpose::yes, Transpose::no, T{1}, z.part(first, first, n - first, count),
                    z.part(first, first, n - first, n - first), T{0}, out.part(first, first, count, n - first));
  }
  mirror_upper(out);
}

#define NORMDESCENT_INSTANTIATE(T)                                                                             \
  template void multiply_add<T>(Transpose, Transpose, T, ConstBlock<T>, ConstBlock<T>, T, Block<T>);           \
  template void symmetric_multiply_add<T>(Transpose, Transpose, T, ConstBlock<T>, ConstBlock<T>, T, Block<T>); \
  template void mirror_upper<T>(Block<T>);                                                                     \
  template void invert_small_factor<T>(Block<T>);                                                              \
  template void invert_positive_definite<T>(Block<T>, Block<T>)
NORMDESCENT_INSTANTIATE(float);
NORMDESCENT_INSTANTIATE(double);
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent
