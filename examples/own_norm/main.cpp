// SPDX-License-Identifier: Apache-2.0
// A norm of one's own: every column of a matrix may move by the same length. Checked, then descended in.
#include <cmath>
#include <cstdio>
#include <normdescent/optimizers/norm_descent.hpp>
#include <normdescent/testing/norm_invariants.hpp>

using View = normdescent::MatrixView<const double>;

struct ColumnWise {  // value = max_j ||G_j||, dual = sum_j ||G_j||, dual_unit_j = G_j / ||G_j||
  static double length(View g, normdescent::Index j) {
    double norm = 0.0;
    for (normdescent::Index i = 0; i < g.rows; ++i) norm = std::hypot(norm, g(i, j));
    return norm;
  }
  double value(View g) const {
    double largest = 0.0;
    for (normdescent::Index j = 0; j < g.cols; ++j) largest = std::fmax(largest, length(g, j));
    return largest;
  }
  double dual(View g) const {
    double sum = 0.0;
    for (normdescent::Index j = 0; j < g.cols; ++j) sum += length(g, j);
    return sum;
  }
  void dual_unit(View g, normdescent::MatrixView<double> out) const {
    for (normdescent::Index j = 0; j < g.cols; ++j) {
      const double norm = length(g, j);
      for (normdescent::Index i = 0; i < g.rows; ++i) out(i, j) = norm > 0.0 ? g(i, j) / norm : 0.0;
    }
  }
};

int main() {
  const auto report = normdescent::testing::check_norm<double>(ColumnWise{}, "column-wise");
  std::printf("%s\n", report.one_line().c_str());

  // f(W) = ||W - A||_F^2 / 2 from W = 0, with a rate that shrinks to 0.
  const float a[] = {3, -1, 0, 4, 2, 0};
  normdescent::ParameterBuffer<float> w({{"W", {2, 3}}});
  normdescent::NormDescent<float, ColumnWise> optimizer({}, {{"W", {2, 3}}}, {.learning_rate = 0.2, .beta = 0.5});
  float loss = 0;
  for (int t = 0; t < 100; ++t) {
    for (std::size_t i = 0; i < 6; ++i) w.gradients()[i] = w.values()[i] - a[i];
    (void)optimizer.step(w.parameters(), 1.0 - t / 100.0);
  }
  for (std::size_t i = 0; i < 6; ++i) loss += (w.values()[i] - a[i]) * (w.values()[i] - a[i]) / 2;
  std::printf("loss: 15 at the start, %.4f after 100 steps\n", static_cast<double>(loss));
  return report.passed() && loss < 0.01F ? 0 : 1;
}
