// SPDX-License-Identifier: Apache-2.0
// A norm of one's own, checked by the axiom suite, then descended in.
//
// Legend   G matrix (m, n)   G_j its column j   W weights   A target   eta step length
//   value(G) = max_j ||G_j||_2     dual(G) = sum_j ||G_j||_2     dual_unit(G)_j = G_j / ||G_j||_2
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <normdescent/testing/norm_invariants.hpp>
#include <vector>

using normdescent::Index;
using normdescent::MatrixView;

/// Every column moves by the same length: what the table of an embedding stored by columns wants.
struct ColumnWise {
  template <class T>
  static double column(MatrixView<T> g, Index j) {
    double largest = 0.0;  // the column is scaled by it, so that 1e30 does not overflow when squared
    for (Index i = 0; i < g.rows; ++i)
      largest = std::max(largest, std::abs(static_cast<double>(g.data[i * g.cols + j])));
    if (largest == 0.0) return 0.0;
    double sum = 0.0;
    for (Index i = 0; i < g.rows; ++i) {
      const double entry = static_cast<double>(g.data[i * g.cols + j]) / largest;
      sum += entry * entry;
    }
    return largest * std::sqrt(sum);
  }
  double value(MatrixView<const double> g) const {
    double largest = 0.0;
    for (Index j = 0; j < g.cols; ++j) largest = std::max(largest, column(g, j));
    return largest;
  }
  double dual(MatrixView<const double> g) const {
    double sum = 0.0;
    for (Index j = 0; j < g.cols; ++j) sum += column(g, j);
    return sum;
  }
  void dual_unit(MatrixView<const double> g, MatrixView<double> out) const {
    for (Index j = 0; j < g.cols; ++j) {
      const double length = column(g, j);
      for (Index i = 0; i < g.rows; ++i) {
        const Index at = i * g.cols + j;
        out.data[at] = length > 0.0 ? g.data[at] / length : 0.0;
      }
    }
  }
};

int main() {
  const ColumnWise norm;
  const auto report = normdescent::testing::check_norm<double>(norm, "column-wise");
  std::printf("%s\n", report.one_line().c_str());
  if (!report.passed()) return 1;

  // f(W) = ||W - A||_F^2 / 2, from W = 0:  W <- W - eta dual_unit(W - A), with eta shrinking to 0.
  const std::vector<double> a{3, -1, 0, 4, 2, 0};
  std::vector<double> w(a.size(), 0.0);
  std::vector<double> g(a.size());
  std::vector<double> d(a.size());
  constexpr int kSteps = 100;
  double loss = 0.0;
  for (int t = 0; t <= kSteps; ++t) {
    loss = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      g[i] = w[i] - a[i];
      loss += 0.5 * g[i] * g[i];
    }
    if (t == 0) std::printf("loss at the start: %g\n", loss);
    norm.dual_unit({g.data(), 2, 3}, {d.data(), 2, 3});
    const double eta = 0.2 * (1.0 - static_cast<double>(t) / kSteps);
    for (std::size_t i = 0; i < w.size(); ++i) w[i] -= eta * d[i];
  }
  std::printf("loss after %d steps: %.4f\n", kSteps, loss);
  return loss < 0.01 ? 0 : 1;
}
