// SPDX-License-Identifier: Apache-2.0
// Inverse roots of symmetric positive semidefinite matrices, as Shampoo needs them.
#pragma once

#include <vector>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// What eigenvalues are lifted by: delta times the largest of them, or delta itself.
enum class Damping { relative, absolute };
[[nodiscard]] const char* to_string(Damping damping);

/// out <- (c A + d I)^(-1/p), d = delta lambda_max(c A) or delta, of one matrix at a time.
///
/// A         (n, n), symmetric; only its upper triangle is read. out (n, n), exactly symmetric; may be A itself.
/// Domain    Eigenvalues below 0, which rounding leaves in a semidefinite matrix, count as 0. A zero eigenvalue without
///           damping, as all have in A = 0 under relative damping, gives 0: the pseudo-inverse.
/// Accuracy  eigenvalues in fp64, each up to about eps lambda_max(A); the root's error is that of eigenvalue + d. The
///           eigenvalues of a matrix that was formed in float are known up to n 2^-24 lambda_max: a smaller d makes
///           noise of them.
/// Cost      one LAPACK dsyevd, about 9 n^3 flops, and a symmetric product; scratch 5 n^2 doubles. No allocation after
///           reserve(n). Threads: those of BLAS.
template <class T>
class InverseRootSolver {
 public:
  void reserve(Index n);
  /// False, with out unchanged, if A or the root is not finite in T, or LAPACK does not converge.
  /// Throws std::invalid_argument for a matrix that is not square, another shape of out, or p < 1.
  [[nodiscard]] bool run(ConstMatrixView<T> a, double c, int p, double delta, Damping damping, MatrixView<T> out);

 private:
  std::vector<double> vectors_;
  std::vector<double> values_;
  std::vector<double> root_;
  std::vector<double> work_;
  std::vector<int> integers_;
};

}  // namespace normdescent
