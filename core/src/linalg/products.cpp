// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/products.hpp"

#include <algorithm>

#include "blocks.hpp"
#include "fortran.hpp"

namespace normdescent {
namespace {

void blas_syrk(const char* uplo, const char* trans, const int* n, const int* k, const float* alpha, const float* a,
               const int* lda, const float* beta, float* c, const int* ldc) {
  ssyrk_(uplo, trans, n, k, alpha, a, lda, beta, c, ldc, 1, 1);
}
void blas_syrk(const char* uplo, const char* trans, const int* n, const int* k, const double* alpha, const double* a,
               const int* lda, const double* beta, double* c, const int* ldc) {
  dsyrk_(uplo, trans, n, k, alpha, a, lda, beta, c, ldc, 1, 1);
}

}  // namespace

template <class T>
void gemm(Transpose transpose_a, Transpose transpose_b, std::type_identity_t<T> alpha,
          std::type_identity_t<ConstMatrixView<T>> a, std::type_identity_t<ConstMatrixView<T>> b,
          std::type_identity_t<T> beta, MatrixView<T> c) {
  const bool ta = transpose_a == Transpose::yes;
  const bool tb = transpose_b == Transpose::yes;
  const Index m = ta ? a.cols : a.rows;
  const Index k = ta ? a.rows : a.cols;
  const Index n = tb ? b.rows : b.cols;
  if ((tb ? b.cols : b.rows) != k || c.rows != m || c.cols != n) {
    throw std::invalid_argument("gemm: A = " + shape_text(a) + (ta ? "^T" : "") + ", B = " + shape_text(b) +
                                (tb ? "^T" : "") + ", C = " + shape_text(c) + ", must be (m, k), (k, n), (m, n)");
  }
  multiply_add<T>(transpose_a, transpose_b, alpha, a, b, beta, Block<T>(c));
}

template <class T>
void gram(Transpose transpose, std::type_identity_t<ConstMatrixView<T>> x, MatrixView<T> c) {
  const bool columns = transpose == Transpose::yes;
  const Index n = columns ? x.cols : x.rows;
  if (c.rows != n || c.cols != n) {
    throw std::invalid_argument("gram: X = " + shape_text(x) + ", C = " + shape_text(c) + ", must be square of size " +
                                std::to_string(n));
  }
  if (c.empty()) return;
  const int bn = blas_int(n);
  const int bk = blas_int(columns ? x.rows : x.cols);
  const int lda = std::max(1, blas_int(x.cols));
  const T one{1};
  const T zero{0};
  // BLAS sees Y = X^T, so X X^T = Y^T Y. Its lower triangle is the upper one of our row-major C.
  blas_syrk("L", columns ? "N" : "T", &bn, &bk, &one, x.data, &lda, &zero, c.data, &bn);
  mirror_upper(Block<T>(c));
}

#define NORMDESCENT_INSTANTIATE(T)                                                                          \
  template void gemm<T>(Transpose, Transpose, T, ConstMatrixView<T>, ConstMatrixView<T>, T, MatrixView<T>); \
  template void gram<T>(Transpose, ConstMatrixView<T>, MatrixView<T>)
NORMDESCENT_INSTANTIATE(float);
NORMDESCENT_INSTANTIATE(double);
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent
