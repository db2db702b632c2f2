// SPDX-License-Identifier: Apache-2.0
#include "optimizers/plain_directions.hpp"

#include <cmath>
#include <stdexcept>

#include "normdescent/linalg/decompositions.hpp"
#include "optimizers/conformance_table.hpp"

namespace normdescent::conformance {
namespace {

double plain_sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0; }

// Every row, or every column, over its norm.
Numbers normalized_lines(const Numbers& u, Index rows, Index cols, bool by_row) {
  Numbers d(u.size(), 0.0);
  const Index lines = by_row ? rows : cols;
  const Index length = by_row ? cols : rows;
  for (Index i = 0; i < lines; ++i) {
    const auto at = [&](Index k) { return static_cast<std::size_t>(by_row ? i * cols + k : k * cols + i); };
    double square = 0.0;
    for (Index k = 0; k < length; ++k) square += u[at(k)] * u[at(k)];
    for (Index k = 0; k < length && square > 0.0; ++k) d[at(k)] = u[at(k)] / std::sqrt(square);
  }
  return d;
}

}  // namespace

double plain_norm(const Numbers& x) {
  double square = 0.0;
  for (const double v : x) square += v * v;
  return std::sqrt(square);
}

Numbers plain_msign(const Numbers& u, Index rows, Index cols) {
  const Svd svd = compact_svd(MatrixView<const double>{u.data(), rows, cols});
  Numbers d(u.size(), 0.0);
  for (std::size_t k = 0; k < svd.s.size(); ++k) {
    if (svd.s[k] <= 1e-12 * svd.s.front()) continue;
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) {
        d[static_cast<std::size_t>(i * cols + j)] +=
            svd.u[static_cast<std::size_t>(i) * svd.s.size() + k] *
            svd.vt[k * static_cast<std::size_t>(cols) + static_cast<std::size_t>(j)];
      }
    }
  }
  return d;
}

Numbers plain_msign_of_halves(const Numbers& u, Index rows, Index cols) {
  const Index upper = rows / 2;
  const auto cut = u.begin() + upper * cols;
  Numbers d = plain_msign(Numbers(u.begin(), cut), upper, cols);
  const Numbers lower = plain_msign(Numbers(cut, u.end()), rows - upper, cols);
  d.insert(d.end(), lower.begin(), lower.end());
  return d;
}

Numbers plain_direction(const Recipe& recipe, const PlainShape& shape, const Numbers& u, const Numbers& c,
                        Squares& squares) {
  Numbers d = u;
  Numbers& v = squares.entries;
  const bool is_out_in = recipe.orientation == Orientation::out_in;
  const Direction& direction = recipe.direction;
  if (std::holds_alternative<Sign>(direction)) {
    for (double& x : d) x = plain_sign(x);
  } else if (std::holds_alternative<RowNormalize>(direction)) {
    d = normalized_lines(u, shape.rows, shape.cols, is_out_in);
  } else if (std::holds_alternative<ColumnNormalize>(direction)) {
    d = normalized_lines(u, shape.rows, shape.cols, !is_out_in);
  } else if (std::holds_alternative<Orthogonalize>(direction)) {
    d = plain_msign(u, shape.rows, shape.cols);
  } else if (const auto* alternate = std::get_if<Alternate>(&direction)) {
    if (shape.steps % alternate->period == 0) return plain_msign(u, shape.rows, shape.cols);
    for (double& x : d) x = plain_sign(x);
  } else if (const auto* adam = std::get_if<AdamScale>(&direction)) {
    const double beta1 = std::get<Ema>(recipe.estimator).beta;
    const auto t = static_cast<double>(shape.steps);
    for (std::size_t k = 0; k < d.size(); ++k) {
      v[k] = adam->beta2 * v[k] + (1.0 - adam->beta2) * c[k] * c[k];
      d[k] = u[k] / (1.0 - std::pow(beta1, t)) / (std::sqrt(v[k] / (1.0 - std::pow(adam->beta2, t))) + adam->epsilon);
    }
  } else if (const auto* adagrad = std::get_if<AdaGradScale>(&direction)) {
    for (std::size_t k = 0; k < d.size(); ++k) {
      v[k] += c[k] * c[k];
      d[k] = u[k] / (std::sqrt(v[k]) + adagrad->delta);
    }
  } else if (const auto* map = std::get_if<MapTensor>(&direction)) {
    const auto plain = plain_maps().find(map->name);
    if (plain == plain_maps().end()) throw std::logic_error("no plain form of " + map->name);
    return plain->second(u, c);
  } else if (!std::holds_alternative<Identity>(direction) && !std::holds_alternative<Normalize>(direction) &&
             !std::holds_alternative<AdaGradNorm>(direction)) {
    throw std::logic_error("no plain form of " + describe(direction));
  }
  return d;
}

}  // namespace normdescent::conformance
