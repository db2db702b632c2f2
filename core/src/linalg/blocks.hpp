// SPDX-License-Identifier: Apache-2.0
// Products and the inverse of blocks of row-major matrices, for algorithms that work in place. T is float or double.
// Nothing here allocates. Threads: those of BLAS.
#pragma once

#include <type_traits>

#include "normdescent/base/view.hpp"
#include "normdescent/linalg/products.hpp"

namespace normdescent {

/// A block inside a row-major matrix whose rows are `stride` apart.
template <class T>
struct Block {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  Block() = default;
  Block(T* data_, Index rows_, Index cols_, Index stride_) : data(data_), rows(rows_), cols(cols_), stride(stride_) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a matrix is a block of itself
  Block(MatrixView<T> x) : data(x.data), rows(x.rows), cols(x.cols), stride(x.cols) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a block of T is a block of const T
  operator Block<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }

  [[nodiscard]] T& operator()(Index i, Index j) const { return data[i * stride + j]; }
  [[nodiscard]] Block part(Index first_row, Index first_col, Index row_count, Index col_count) const {
    return {data + first_row * stride + first_col, row_count, col_count, stride};
  }
};
template <class T>
using ConstBlock = std::type_identity_t<Block<const T>>;

/// C <- alpha op(A) op(B) + beta C. C must not overlap A or B; beta = 0 ignores what C held. Shapes are not checked.
template <class T>
void multiply_add(Transpose transpose_a, Transpose transpose_b, std::type_identity_t<T> alpha, ConstBlock<T> a,
                  ConstBlock<T> b, std::type_identity_t<T> beta, Block<T> c);

/// The same for a result that the caller knows to be symmetric (C too where beta is not 0): little more than half the
/// flops, both triangles equal bit for bit.
template <class T>
void symmetric_multiply_add(Transpose transpose_a, Transpose transpose_b, std::type_identity_t<T> alpha,
                            ConstBlock<T> a, ConstBlock<T> b, std::type_identity_t<T> beta, Block<T> c);

/// Copies the upper triangle onto the lower one.
template <class T>
void mirror_upper(Block<T> c);

/// Rows of one panel of a symmetric product: panels of the upper triangle do (1 + panel / r) / 2 of the full product.
inline constexpr Index kPanelRows = 96;

/// Z <- L^-1 with zeros above the diagonal, for symmetric positive definite Z = L L^T of at most kInverseBase rows.
/// Reads the lower triangle.
template <class T>
void invert_small_factor(Block<T> z);
inline constexpr Index kInverseBase = 48;

/// out <- Z^-1 for symmetric positive definite Z (r, r), which is overwritten: Z = L L^T and L^-1 by recursion on
/// halves, then L^-T L^-1. About 2/3 r^3 multiply-adds, nearly all in products of large blocks; LAPACK's potrf and
/// potri take longer. Exactly symmetric. Error about eps cond(Z): Schur complements without the factorization are a
/// third cheaper, and lose eps cond(Z)^2. NaN where Z is not positive definite.
template <class T>
void invert_positive_definite(Block<T> z, Block<T> out);

}  // namespace normdescent
