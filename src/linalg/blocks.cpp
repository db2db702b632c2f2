// SPDX-License-Identifier: Apache-2.0
#include "blocks.hpp"

#include <algorithm>

#include "fortran.hpp"
#include "normdescent/base/multiversion.hpp"

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

constexpr Index kInverseBase = 48;

// row <- row - factor pivot_row
template <class T>
NORMDESCENT_MULTIVERSION void eliminate(T* __restrict row, const T* __restrict pivot_row, T factor, Index n) {
  for (Index j = 0; j < n; ++j) row[j] -= factor * pivot_row[j];
}

// Gauss-Jordan in place; positive definite matrices need no pivoting.
template <class T>
void invert_small(Block<T> z) {
  const Index n = z.rows;
  for (Index k = 0; k < n; ++k) {
    T* pivot_row = &z(k, 0);
    const T inverse = T{1} / pivot_row[k];
    pivot_row[k] = T{1};
    for (Index j = 0; j < n; ++j) pivot_row[j] *= inverse;
    for (Index i = 0; i < n; ++i) {
      if (i == k) continue;
      T* row = &z(i, 0);
      const T factor = row[k];
      row[k] = T{0};
      eliminate(row, pivot_row, factor, n);
    }
  }
  mirror_upper(z);
}

}  // namespace

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

template <class T>
void mirror_upper(Block<T> c) {
  constexpr Index kTile = 32;  // tiles of both triangles stay in cache
  const Index n = c.rows;
  for (Index ib = 0; ib < n; ib += kTile) {
    for (Index jb = 0; jb <= ib; jb += kTile) {
      for (Index i = ib; i < std::min(ib + kTile, n); ++i) {
        for (Index j = jb; j < std::min(jb + kTile, i); ++j) c(i, j) = c(j, i);
      }
    }
  }
}

// Z = (A B; B^T D), S = D - B^T A^-1 B, K = A^-1 B:  Z^-1 = (A^-1 + K S^-1 K^T, -K S^-1; -S^-1 K^T, S^-1)
template <class T>
void invert_positive_definite(Block<T> z, std::span<T> scratch) {
  const Index n = z.rows;
  if (n <= kInverseBase) return invert_small(z);
  const Index h = n / 2;
  const Index rest = n - h;
  const Block<T> A = z.part(0, 0, h, h);
  const Block<T> B = z.part(0, h, h, rest);
  const Block<T> B_transposed = z.part(h, 0, rest, h);
  const Block<T> D = z.part(h, h, rest, rest);
  // K lives in the scratch after the halves are done with it, so each half may use all of it.
  const Block<T> K(scratch.data(), h, rest, rest);
  constexpr auto kNo = Transpose::no;
  constexpr auto kYes = Transpose::yes;

  invert_positive_definite(A, scratch);
  multiply_add<T>(kNo, kNo, T{1}, A, B, T{0}, K);
  symmetric_multiply_add<T>(kYes, kNo, T{-1}, B, K, T{1}, D);
  // K waits in the place of B^T, which is not needed any more, while S is inverted.
  for (Index i = 0; i < rest; ++i) {
    for (Index j = 0; j < h; ++j) B_transposed(i, j) = K(j, i);
  }
  invert_positive_definite(D, scratch);
  multiply_add<T>(kYes, kNo, T{-1}, B_transposed, D, T{0}, B);
  symmetric_multiply_add<T>(kNo, kNo, T{-1}, B, B_transposed, T{1}, A);
  for (Index i = 0; i < rest; ++i) {
    for (Index j = 0; j < h; ++j) B_transposed(i, j) = B(j, i);
  }
}

#define NORMDESCENT_INSTANTIATE(T)                                                                             \
  template void multiply_add<T>(Transpose, Transpose, T, ConstBlock<T>, ConstBlock<T>, T, Block<T>);           \
  template void symmetric_multiply_add<T>(Transpose, Transpose, T, ConstBlock<T>, ConstBlock<T>, T, Block<T>); \
  template void mirror_upper<T>(Block<T>);                                                                     \
  template void invert_positive_definite<T>(Block<T>, std::span<T>)
NORMDESCENT_INSTANTIATE(float);
NORMDESCENT_INSTANTIATE(double);
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent
