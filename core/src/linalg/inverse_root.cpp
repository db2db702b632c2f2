// SPDX-License-Identifier: Apache-2.0
// A = sum_k lambda_k v_k v_k^T, so the root is Y^T Y with rows Y_k = (c lambda_k + d)^(-1/(2p)) v_k.
#include "normdescent/linalg/inverse_root.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "eigen_routine.hpp"
#include "fortran.hpp"
#include "normdescent/linalg/products.hpp"
#include "normdescent/linalg/reductions.hpp"

namespace normdescent {

const char* to_string(Damping damping) {
  switch (damping) {
    case Damping::relative: return "relative";
    case Damping::absolute: return "absolute";
  }
  return "unknown";
}

template <class T>
void InverseRootSolver<T>::reserve(Index n) {
  const auto size = static_cast<std::size_t>(n);
  if (size <= values_.size()) return;
  values_.resize(size);
  vectors_.resize(size * size);
  root_.resize(size * size);
  reserve_symmetric_eigen(n, work_, integers_);
}

template <class T>
bool InverseRootSolver<T>::run(ConstMatrixView<T> a, double c, int p, double delta, Damping damping,
                               MatrixView<T> out) {
  if (a.rows != a.cols || out.rows != a.rows || out.cols != a.cols || p < 1) {
    throw std::invalid_argument("InverseRootSolver: A = " + shape_text(a) + ", out = " + shape_text(out) +
                                ", p = " + std::to_string(p) + ", must be square, of the same shape, and at least 1");
  }
  if (!std::isfinite(max_abs(a.span()))) return false;
  reserve(a.rows);
  const Index n = a.rows;
  const MatrixView<double> V{vectors_.data(), n, n};
  const MatrixView<double> root{root_.data(), n, n};
  const auto values = std::span(values_).first(static_cast<std::size_t>(n));
  std::copy(a.data, a.data + a.size(), V.data);
  if (!symmetric_eigen_in_place(V, values, work_, integers_)) return false;
  const double lift = damping == Damping::absolute ? delta : delta * c * std::max(values.back(), 0.0);
  for (Index k = 0; k < n; ++k) {
    const double lambda = c * std::max(values[static_cast<std::size_t>(k)], 0.0) + lift;
    const double factor = lambda > 0.0 ? std::pow(lambda, -0.5 / p) : 0.0;
    for (double& entry : V.row(k)) entry *= factor;
  }
  gram<double>(Transpose::yes, V, root);
  const auto in_range = [](double x) { return std::isfinite(static_cast<T>(x)); };
  if (!std::all_of(root.data, root.data + root.size(), in_range)) return false;
  std::transform(root.data, root.data + root.size(), out.data, [](double x) { return static_cast<T>(x); });
  return true;
}

template class InverseRootSolver<float>;
template class InverseRootSolver<double>;

}  // namespace normdescent
