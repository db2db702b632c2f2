// SPDX-License-Identifier: Apache-2.0
// Legend   A = X X^T / mu (r, r)   mu = ||X X^T||_F   W_1 = (I + c_1 A)^-1   W_2 = (I + c_2 A + d W_1)^-1
//          Q = (alpha I + beta_1 W_1 + beta_2 W_2) / sqrt(mu), so that msign = Q X
#include "normdescent/linalg/resolvent.hpp"

#include <cmath>

#include "normdescent/linalg/reductions.hpp"
#include "rational_factor.hpp"

namespace normdescent {

double map_resolvent(double s) {
  const auto& [c1, c2, d, alpha, beta1, beta2] = kResolvents;
  const double w1 = 1.0 / (1.0 + c1 * s * s);
  const double w2 = 1.0 / (1.0 + c2 * s * s + d * w1);
  return s * (alpha + beta1 * w1 + beta2 * w2);
}

template <class T>
MatrixView<T> resolvent_factor(RationalBuffers<T> buffers) {
  const auto& [c1, c2, d, alpha, beta1, beta2] = kResolvents;
  auto [A, W1, W2, Z, panels] = buffers;
  const Index size = A.size();
  const double mu = norm2(std::span<const T>(A.span()));
  copy_scaled(A.data, static_cast<T>(c1 / mu), Z.data, size);
  add_to_diagonal(Z, T{1});
  invert(Z, W1, panels);
  combine(A.data, static_cast<T>(c2 / mu), W1.data, static_cast<T>(d), Z.data, size);
  add_to_diagonal(Z, T{1});
  invert(Z, W2, panels);
  const double factor = 1.0 / std::sqrt(mu);
  combine(W1.data, static_cast<T>(factor * beta1), W2.data, static_cast<T>(factor * beta2), A.data, size);
  add_to_diagonal(A, static_cast<T>(factor * alpha));
  return A;
}

template MatrixView<float> resolvent_factor(RationalBuffers<float>);
template MatrixView<double> resolvent_factor(RationalBuffers<double>);

}  // namespace normdescent
