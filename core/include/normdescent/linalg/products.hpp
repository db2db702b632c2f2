// SPDX-License-Identifier: Apache-2.0
// Products of row-major matrices through BLAS, for float and double. T is deduced from the output; dimensions must fit
// the 32-bit integers of BLAS. Wrong shapes throw std::invalid_argument naming both shapes. Threads: those of BLAS.
#pragma once

#include <type_traits>

#include "normdescent/base/view.hpp"

namespace normdescent {

enum class Transpose { no, yes };

/// C <- alpha op(A) op(B) + beta C, op by the flags. C must not overlap A or B. beta = 0 ignores what C held, NaN too.
template <class T>
void gemm(Transpose transpose_a, Transpose transpose_b, std::type_identity_t<T> alpha,
          std::type_identity_t<ConstMatrixView<T>> a, std::type_identity_t<ConstMatrixView<T>> b,
          std::type_identity_t<T> beta, MatrixView<T> c);

/// C <- A B
template <class T>
void multiply(std::type_identity_t<ConstMatrixView<T>> a, std::type_identity_t<ConstMatrixView<T>> b, MatrixView<T> c) {
  gemm<T>(Transpose::no, Transpose::no, T{1}, a, b, T{0}, c);
}

/// The Gram matrix of the rows, C <- X X^T, or with Transpose::yes of the columns, C <- X^T X. Half the flops of gemm;
/// both triangles are written and equal bit for bit. C must not overlap X.
template <class T>
void gram(Transpose transpose, std::type_identity_t<ConstMatrixView<T>> x, MatrixView<T> c);

}  // namespace normdescent
