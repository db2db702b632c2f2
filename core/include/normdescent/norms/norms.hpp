// SPDX-License-Identifier: Apache-2.0
// The norms. Common to all: g and out (m, n), float or double, sums in fp64, entries of any size; out may be g itself;
// NaN in, NaN out; an empty g has norm 0. Wrong shape of out throws std::invalid_argument. Cost O(m n), no scratch,
// except for Spectral and Nuclear: one SVD, O(m n min(m, n)), scratch O(m n) doubles (vectors: O(n), none).
#pragma once

#include "normdescent/base/view.hpp"
#include "normdescent/norms/norm.hpp"

namespace normdescent {

// The three operations of a norm, for both types.
#define NORMDESCENT_NORM_OPERATIONS                                       \
  [[nodiscard]] double value(MatrixView<const float> g) const;            \
  [[nodiscard]] double value(MatrixView<const double> g) const;           \
  [[nodiscard]] double dual(MatrixView<const float> g) const;             \
  [[nodiscard]] double dual(MatrixView<const double> g) const;            \
  void dual_unit(MatrixView<const float> g, MatrixView<float> out) const; \
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const

/// sum |g_i|;  dual max |g_i|;  dual_unit: sign of the largest entry at its place (the first one among equals), else 0.
struct L1 {
  NORMDESCENT_NORM_OPERATIONS;
};

/// sqrt(sum g_i^2), on matrices the Frobenius norm;  dual itself;  dual_unit g / ||g||_2.
struct L2 {
  NORMDESCENT_NORM_OPERATIONS;
};

/// max |g_i|;  dual sum |g_i|;  dual_unit sign(g) with sign(0) = sign(-0) = 0: not +1, so that null stays null.
struct LInf {
  NORMDESCENT_NORM_OPERATIONS;
};

/// ||g||_2 / sqrt(d) with d = m n;  dual sqrt(d) ||g||_2;  dual_unit sqrt(d) g / ||g||_2.
struct Rms {
  NORMDESCENT_NORM_OPERATIONS;
};

/// Largest singular value;  dual the sum of all;  dual_unit msign(G) with rank tolerance (linalg/polar.hpp, polar_svd).
struct Spectral {
  NORMDESCENT_NORM_OPERATIONS;
};

/// Sum of the singular values;  dual the largest;  dual_unit u_1 v_1^T.
struct Nuclear {
  NORMDESCENT_NORM_OPERATIONS;
};

/// max over rows of ||G_i||_2;  dual sum over rows of ||G_i||_2;  dual_unit G_i / ||G_i||_2, zero rows stay zero.
/// On an n x 1 vector this is LInf.
struct RowWise {
  NORMDESCENT_NORM_OPERATIONS;
};

/// max over columns of ||G_:j||_2;  dual sum over columns of ||G_:j||_2;  dual_unit G_:j / ||G_:j||_2, zero columns
/// stay zero. On an n x 1 vector this is L2. Scratch: two doubles a column.
struct ColumnWise {
  NORMDESCENT_NORM_OPERATIONS;
};

#undef NORMDESCENT_NORM_OPERATIONS

static_assert(Norm<L1> && Norm<L2> && Norm<LInf> && Norm<Rms> && Norm<Spectral> && Norm<Nuclear> && Norm<RowWise> &&
              Norm<ColumnWise>);

}  // namespace normdescent
