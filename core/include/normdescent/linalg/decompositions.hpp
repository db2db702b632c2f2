// SPDX-License-Identifier: Apache-2.0
// Singular value and symmetric eigen-decompositions (LAPACK, always computed in fp64). Results own their storage.
// Non-finite input is a numerical event, not an error: every number of the result is NaN.
#pragma once

#include <vector>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// G (m, n) = U diag(s) V^T with r = min(m, n).
struct Svd {
  Index rows = 0;
  Index cols = 0;
  std::vector<double> u;   ///< (m, r) row-major, orthonormal columns
  std::vector<double> s;   ///< r numbers, descending, >= 0
  std::vector<double> vt;  ///< (r, n) row-major, orthonormal rows

  [[nodiscard]] Index rank_bound() const { return rows < cols ? rows : cols; }
};

/// The compact SVD. Cost O(m n r) flops, scratch O(m n) doubles.
[[nodiscard]] Svd compact_svd(ConstMatrixView<float> g);
[[nodiscard]] Svd compact_svd(ConstMatrixView<double> g);

/// The singular values alone, descending; a vector's is its l2 norm, without LAPACK.
[[nodiscard]] std::vector<double> singular_values(ConstMatrixView<float> g);
[[nodiscard]] std::vector<double> singular_values(ConstMatrixView<double> g);

/// A (n, n) = sum_k values[k] v_k v_k^T.
struct SymmetricEigen {
  std::vector<double> values;   ///< n numbers, ascending
  std::vector<double> vectors;  ///< (n, n) row-major; ROW k is the unit vector v_k
};

/// Only the upper triangle of A is read. Throws std::invalid_argument when A is not square. Cost O(n^3).
[[nodiscard]] SymmetricEigen symmetric_eigen(ConstMatrixView<float> a);
[[nodiscard]] SymmetricEigen symmetric_eigen(ConstMatrixView<double> a);

/// The eigenvalues alone, ascending: a third of the time. The same conditions.
[[nodiscard]] std::vector<double> symmetric_eigenvalues(ConstMatrixView<float> a);

}  // namespace normdescent
