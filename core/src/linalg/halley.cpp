// SPDX-License-Identifier: Apache-2.0
// Legend   X normalized gradient (m, n)   A = X X^T (r, r) on the short side, times 1 / mu   mu = ||X X^T||_F
//          W = (I + c A)^-1   P = alpha I + beta W with alpha = b / c, beta = a - alpha: one step is X <- P X
//          Q the product of the P, so that msign = Q X / sqrt(mu)
// All of A, W, P, Q are functions of one symmetric matrix: they commute and every product of them is symmetric.
#include "normdescent/linalg/halley.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "rational_factor.hpp"

namespace normdescent {
namespace {

// P A P, written so that no product but W^2 is needed: A W = (I - W) / c, hence
//   A <- alpha^2 A + (2 alpha beta / c) (I - W) + (beta^2 / c) (W - W^2);   the I is added by the caller.
template <class T>
NORMDESCENT_MULTIVERSION void advance_gram(T* __restrict a, const T* __restrict w, const T* __restrict w_squared,
                                           T of_a, T of_w, T of_square, Index size) {
  for (Index i = 0; i < size; ++i) a[i] = of_a * a[i] + (of_w * w[i] - of_square * w_squared[i]);
}

}  // namespace

HalleyStep halley_step(double low) {
  const double l2 = std::min(low * low, 1.0);
  const double d = std::cbrt(4.0 * (1.0 - l2) / (l2 * l2));
  const double root = std::sqrt(1.0 + d);
  const double a = root + 0.5 * std::sqrt(8.0 - 4.0 * d + 8.0 * (2.0 - l2) / (l2 * root));
  const double b = (a - 1.0) * (a - 1.0) / 4.0;
  return {.a = a, .b = b, .c = a + b - 1.0};
}

double map_halley(int steps, double s) {
  double lowest = kHalleyLow;
  for (int k = 0; k < steps; ++k) {
    const HalleyStep step = halley_step(lowest);
    s = map_halley_step(step, s);
    lowest = map_halley_step(step, lowest);
  }
  return s;
}

template <class T>
MatrixView<T> halley_factor(int steps, RationalBuffers<T> buffers) {
  if (steps < 1) throw std::invalid_argument("steps = " + std::to_string(steps) + ", must be at least 1");
  auto [A, W, Q, scratch, panels] = buffers;
  const Index size = A.size();
  const double mu = norm2(std::span<const T>(A.span()));
  scale(A.data, static_cast<T>(1.0 / mu), size);
  double lowest = kHalleyLow;
  for (int k = 0; k < steps; ++k) {
    const HalleyStep step = halley_step(lowest);
    lowest = map_halley_step(step, lowest);
    const double alpha = step.b / step.c;
    const double beta = step.a - alpha;
    const bool is_last = k + 1 == steps;
    copy_scaled(A.data, static_cast<T>(step.c), scratch.data, size);
    add_to_diagonal(scratch, T{1});
    invert(scratch, W, panels);
    if (!is_last) {
      multiply_commuting(W, W, scratch, panels);
      const double square = beta * beta / step.c;
      const double linear = 2.0 * alpha * beta / step.c;
      advance_gram(A.data, W.data, scratch.data, static_cast<T>(alpha * alpha), static_cast<T>(square - linear),
                   static_cast<T>(square), size);
      add_to_diagonal(A, static_cast<T>(linear));
    }
    // The last step carries the scale of the result.
    const double factor = is_last ? 1.0 / std::sqrt(mu) : 1.0;
    scale(W.data, static_cast<T>(factor * beta), size);
    add_to_diagonal(W, static_cast<T>(factor * alpha));
    if (k == 0) {
      std::swap(W, Q);
    } else {
      multiply_commuting(Q, W, scratch, panels);
      std::swap(Q, scratch);
    }
  }
  return Q;
}

template MatrixView<float> halley_factor(int, RationalBuffers<float>);
template MatrixView<double> halley_factor(int, RationalBuffers<double>);

}  // namespace normdescent
