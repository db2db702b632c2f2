// SPDX-License-Identifier: Apache-2.0
// msign(G) = U V^T, the orthogonal polar factor of G = U diag(s) V^T: exactly (SVD), and by Newton-Schulz iterations.
// Common to all: G and out (m, n), any m, n >= 0; `out` may be G itself; msign(0) = 0; results do not depend on the
// scale of G (1e-40 or 1e30 alike: no epsilon is added to the norm); any non-finite entry makes all of out NaN. A
// vector is g / ||g||_2, times the set's p(1). Wrong shapes throw std::invalid_argument. float and double.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "normdescent/base/view.hpp"
#include "normdescent/linalg/coefficients.hpp"

namespace normdescent {

/// Singular values below this times the largest one are rounding errors of a G stored in T, and msign maps them to 0;
/// mapped to 1 they would be random directions of full size. The convention of NumPy's and MATLAB's rank.
template <class T>
[[nodiscard]] constexpr double default_rank_tolerance(Index rows, Index cols) {
  return static_cast<double>(rows > cols ? rows : cols) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// out = sum of u_i v_i^T over the s_i above rank_tolerance * s_1: the reference twin of the iterations. Negative
/// tolerance means default_rank_tolerance<T>(m, n). Computed in fp64. Cost O(m n min(m, n)), scratch O(m n) doubles.
template <class T>
void polar_svd(std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out, double rank_tolerance = -1.0);

/// Scratch memory of the iterations: grows when needed and is then reused without allocation.
template <class T>
class PolarWorkspace {
 public:
  PolarWorkspace() = default;
  PolarWorkspace(Index rows, Index cols) { reserve(rows, cols); }

  void reserve(Index rows, Index cols);

  [[nodiscard]] MatrixView<T> iterate(Index rows, Index cols) { return {iterate_.data(), rows, cols}; }
  /// One of kSquares (r, r) matrices.
  [[nodiscard]] MatrixView<T> square(int which, Index r) { return {squares_.data() + which * r * r, r, r}; }
  /// For products of (r, r) matrices of float where the processor has AVX-512; otherwise nullptr.
  [[nodiscard]] T* panels() { return panels_.empty() ? nullptr : panels_.data(); }

 private:
  static constexpr Index kSquares = 4;
  std::vector<T> iterate_;
  std::vector<T> squares_;
  std::vector<T> panels_;
};

/// out = U diag(p_k(... p_1(s / (safety ||G||_F)))) V^T, the map certified in coefficients.hpp:
///   X <- (a I + b A + c A^2) X with A = X X^T for wide X,  X <- X (a I + b A + c A^2) with A = X^T X for tall X.
/// Rank-deficient G: null directions stay null up to rounding times the set's gain at 0. Arithmetic in T.
/// Cost per step 3 r^2 q + r^3 multiply-adds, less the symmetric halves, r = min(m, n), q = max(m, n); scratch
/// r q + 2 r^2. Throws std::invalid_argument when steps < 1. Source: Bernstein & Newhouse 2024, arXiv:2409.20325.
template <class T>
void polar_newton_schulz(const CoefficientSet& set, int steps, std::type_identity_t<ConstMatrixView<T>> g,
                         MatrixView<T> out, PolarWorkspace<T>& workspace);

/// out = U diag(p_k(... p_1(s))) V^T with the map of halley.hpp, s relative to the Schatten 4-norm. Arithmetic in T.
/// Cost in multiply-adds: r^2 q / 2 for A = X X^T, r^2 q for the result, and about 3/2 r^3 a step between; scratch
/// r q + 4 r^2. Throws std::invalid_argument when steps < 1.
template <class T>
void polar_halley(int steps, std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out,
                  PolarWorkspace<T>& workspace);

/// The same with the map of resolvent.hpp. Cost in multiply-adds: r^2 q / 2 + r^2 q, and r^3 between.
template <class T>
void polar_resolvent(std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out, PolarWorkspace<T>& workspace);

/// "polar-express", "jordan", "classic", "halley", "resolvent", "svd".
[[nodiscard]] std::vector<std::string> polar_method_names();

/// polar_newton_schulz with the named set, polar_halley, or polar_resolvent and polar_svd, which take no `steps`.
/// Throws std::invalid_argument "method = ..., must be one of ..." for other names.
template <class T>
void polar(std::string_view method, int steps, std::type_identity_t<ConstMatrixView<T>> g, MatrixView<T> out,
           PolarWorkspace<T>& workspace);

}  // namespace normdescent
