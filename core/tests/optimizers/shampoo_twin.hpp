// SPDX-License-Identifier: Apache-2.0
// Shampoo as one would write it down: fp64, blocks as loops over entries, no storage shared with the optimizer's.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <vector>

#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/optimizers/recipe.hpp"

namespace normdescent::test {

class ShampooTwin {
 public:
  ShampooTwin(const Shampoo& shampoo, double beta, MatrixShape shape)
      : shampoo_(shampoo),
        beta_(beta),
        shape_(shape),
        momentum_(static_cast<std::size_t>(shape.count * shape.rows * shape.cols)) {}

  /// D of the next gradient.
  std::vector<double> step(const std::vector<double>& g) {
    ++t_;
    for (std::size_t i = 0; i < g.size(); ++i) momentum_[i] = beta_ * momentum_[i] + (1.0 - beta_) * g[i];
    std::vector<double> d(g.size());
    const auto [count, m, n] = shape_;
    const bool has_left = shampoo_.sides == PreconditionedSides::both || m <= n;
    const bool has_right = shampoo_.sides == PreconditionedSides::both || m > n;
    const Index row_step = has_left ? shampoo_.block_size : m;
    const Index col_step = has_right ? shampoo_.block_size : n;
    for (Index q = 0; q < count; ++q) {
      for (Index i = 0; i < m; i += row_step) {
        for (Index j = 0; j < n; j += col_step) {
          const Index rows = std::min(row_step, m - i);
          const Index cols = std::min(col_step, n - j);
          const auto at = [&, i0 = i, j0 = j, height = m, width = n](Index r, Index c) {
            return static_cast<std::size_t>(q * height * width + (i0 + r) * width + j0 + c);
          };
          Block& block = blocks_[{q, i, j}];
          const int p = has_left && has_right ? 4 : 2;
          const auto entry = [&](bool transposed, Index r, Index c) { return g[transposed ? at(c, r) : at(r, c)]; };
          if (has_left) update(block.left, false, rows, cols, p, entry);
          if (has_right) update(block.right, true, cols, rows, p, entry);
          for (Index r = 0; r < rows; ++r) {
            for (Index c = 0; c < cols; ++c) {
              double sum = 0.0;
              for (Index a = 0; a < rows; ++a) {
                for (Index b = 0; b < cols; ++b) {
                  const double left = has_left ? block.left.root[static_cast<std::size_t>(r * rows + a)] : r == a;
                  const double right = has_right ? block.right.root[static_cast<std::size_t>(b * cols + c)] : b == c;
                  sum += left * momentum_[at(a, b)] * right;
                }
              }
              d[at(r, c)] = sum;
            }
          }
        }
      }
      graft(d, q * m * n, m * n);
    }
    return d;
  }

 private:
  struct Side {
    std::vector<double> statistics;
    std::vector<double> root;
  };
  struct Block {
    Side left;
    Side right;
  };

  void update(Side& side, bool transposed, Index n, Index k, int p, const auto& entry) const {
    const auto size = static_cast<std::size_t>(n * n);
    side.statistics.resize(size);
    const double weight = shampoo_.beta2 == 1.0 ? 1.0 : 1.0 - shampoo_.beta2;
    for (Index r = 0; r < n; ++r) {
      for (Index c = 0; c < n; ++c) {
        double sum = 0.0;
        for (Index a = 0; a < k; ++a) sum += entry(transposed, r, a) * entry(transposed, c, a);
        double& old = side.statistics[static_cast<std::size_t>(r * n + c)];
        old = shampoo_.beta2 * old + weight * sum;
      }
    }
    if ((t_ - 1) % shampoo_.interval != 0) return;
    std::vector<double> unbiased = side.statistics;
    if (shampoo_.beta2 < 1.0) {
      for (double& x : unbiased) x /= 1.0 - std::pow(shampoo_.beta2, t_);
    }
    const auto eigen = symmetric_eigen(ConstMatrixView<double>{unbiased.data(), n, n});
    const double lift = shampoo_.delta * (shampoo_.damping == Damping::relative ? eigen.values.back() : 1.0);
    side.root.assign(size, 0.0);
    for (std::size_t e = 0; e < eigen.values.size(); ++e) {
      const double factor = std::pow(std::max(eigen.values[e], 0.0) + lift, -1.0 / p);
      const double* v = eigen.vectors.data() + e * static_cast<std::size_t>(n);
      for (Index i = 0; i < n * n; ++i) side.root[static_cast<std::size_t>(i)] += factor * v[i / n] * v[i % n];
    }
  }

  void graft(std::vector<double>& d, Index first, Index size) const {
    if (shampoo_.graft == Graft::none) return;
    double own = 0.0;
    double target = 0.0;
    for (Index i = first; i < first + size; ++i) {
      own += std::pow(d[static_cast<std::size_t>(i)], 2);
      target += shampoo_.graft == Graft::sgd ? std::pow(momentum_[static_cast<std::size_t>(i)], 2) : 0.04;
    }
    for (Index i = first; i < first + size; ++i) d[static_cast<std::size_t>(i)] *= std::sqrt(target / own);
  }

  Shampoo shampoo_;
  double beta_;
  MatrixShape shape_;
  int t_ = 0;
  std::vector<double> momentum_;
  std::map<std::tuple<Index, Index, Index>, Block> blocks_;
};

}  // namespace normdescent::test
