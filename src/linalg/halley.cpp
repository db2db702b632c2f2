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
#include <type_traits>

#include "halley_factor.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "panels.hpp"

namespace normdescent {
namespace {

// to <- factor from
template <class T>
NORMDESCENT_MULTIVERSION void copy_scaled(const T* __restrict from, T factor, T* __restrict to, Index size) {
  for (Index i = 0; i < size; ++i) to[i] = factor * from[i];
}

template <class T>
NORMDESCENT_MULTIVERSION void scale(T* x, T factor, Index size) {
  for (Index i = 0; i < size; ++i) x[i] *= factor;
}

// P A P, written so that no product but W^2 is needed: A W = (I - W) / c, hence
//   A <- alpha^2 A + (2 alpha beta / c) (I - W) + (beta^2 / c) (W - W^2);   the I is added by the caller.
template <class T>
NORMDESCENT_MULTIVERSION void advance_gram(T* __restrict a, const T* __restrict w, const T* __restrict w_squared,
                                           T of_a, T of_w, T of_square, Index size) {
  for (Index i = 0; i < size; ++i) a[i] = of_a * a[i] + (of_w * w[i] - of_square * w_squared[i]);
}

// C <- A B, all symmetric.
template <class T>
void multiply_commuting(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, T* panels) {
  if constexpr (std::is_same_v<T, float>) {
    if (panels != nullptr) return panels::symmetric_multiply(Block<T>(a), Block<T>(b), Block<T>(c), panels);
  }
  symmetric_multiply_add<T>(Transpose::no, Transpose::no, T{1}, Block<T>(a), Block<T>(b), T{0}, Block<T>(c));
}

// out <- Z^-1; Z is overwritten.
template <class T>
void invert(MatrixView<T> z, MatrixView<T> out, T* panels) {
  if constexpr (std::is_same_v<T, float>) {
    if (panels != nullptr) return panels::invert_positive_definite(Block<T>(z), Block<T>(out), panels);
  }
  invert_positive_definite<T>(Block<T>(z), Block<T>(out));
}

template <class T>
void add_to_diagonal(MatrixView<T> x, T value) {
  for (Index i = 0; i < x.rows; ++i) x(i, i) += value;
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
MatrixView<T> halley_factor(int steps, HalleyBuffers<T> buffers) {
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

template MatrixView<float> halley_factor(int, HalleyBuffers<float>);
template MatrixView<double> halley_factor(int, HalleyBuffers<double>);

}  // namespace normdescent
