// SPDX-License-Identifier: Apache-2.0
// Directions that give every row or every column of a matrix the norm 1.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "normdescent/linalg/polar_solver.hpp"
#include "normdescent/norms/norms.hpp"
#include "normdescent/optimizers/recipe.hpp"
#include "normdescent/rules/pieces.hpp"

namespace normdescent::optimizers {

/// out = rows of u over their norms; blocks of rows are independent.
template <class T>
void normalize_rows(MatrixView<const T> u, MatrixView<T> out) {
  const Index rows = std::max<Index>(1, rules::kPieceElements / u.cols);
  const Index blocks = (u.rows + rows - 1) / rows;
#pragma omp parallel for schedule(static) if (blocks > 1)
  for (Index k = 0; k < blocks; ++k) {
    const Index first = k * rows;
    const Index count = std::min(rows, u.rows - first);
    RowWise{}.dual_unit(MatrixView<const T>{u.data + first * u.cols, count, u.cols},
                        MatrixView<T>{out.data + first * u.cols, count, u.cols});
  }
}

/// out = columns of u over their norms. A block of columns is read three times, row by row: largest entries, which
/// keep squares in range, sums of squares, result.
template <class T>
void normalize_columns(MatrixView<const T> u, MatrixView<T> out) {
  constexpr Index kBlock = 64;
  const Index blocks = (u.cols + kBlock - 1) / kBlock;
#pragma omp parallel for schedule(static) if (blocks > 1)
  for (Index k = 0; k < blocks; ++k) {
    const Index first = k * kBlock;
    const auto count = static_cast<std::size_t>(std::min(kBlock, u.cols - first));
    std::array<double, kBlock> largest{};
    std::array<double, kBlock> squares{};
    const auto for_each_entry = [&](const auto& body) {
      for (Index i = 0; i < u.rows; ++i) {
        for (std::size_t j = 0; j < count; ++j) body(i * u.cols + first + static_cast<Index>(j), j);
      }
    };
    for_each_entry(
        [&](Index at, std::size_t j) { largest[j] = std::max(largest[j], std::abs(static_cast<double>(u.data[at]))); });
    for_each_entry([&](Index at, std::size_t j) {
      const double relative = largest[j] > 0.0 ? static_cast<double>(u.data[at]) / largest[j] : 0.0;
      squares[j] += relative * relative;
    });
    for_each_entry([&](Index at, std::size_t j) {
      const double relative = largest[j] > 0.0 ? static_cast<double>(u.data[at]) / largest[j] : 0.0;
      out.data[at] = static_cast<T>(squares[j] > 0.0 ? relative / std::sqrt(squares[j]) : 0.0);
    });
  }
}

/// RowNormalize and ColumnNormalize as a direction of a matrix group. Rows are fan-out: a weight that is stored the
/// other way round has them as columns.
template <class T>
class AxisDirection {
 public:
  explicit AxisDirection(bool is_rows) : is_rows_(is_rows) {}

  void reserve(Index /*rows*/, Index /*cols*/) {}
  void run(std::span<const PolarTask<T>> tasks) const {
    for (const auto& [u, out] : tasks) is_rows_ ? normalize_rows(u, out) : normalize_columns(u, out);
  }

 private:
  bool is_rows_;
};

}  // namespace normdescent::optimizers
