// SPDX-License-Identifier: Apache-2.0
#include "normdescent/norms/norms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/products.hpp"
#include "normdescent/linalg/reductions.hpp"

namespace normdescent {
namespace {

template <class T>
void require_equal_shapes(MatrixView<const T> g, MatrixView<T> out) {
  if (g.rows != out.rows || g.cols != out.cols) {
    throw std::invalid_argument("dual_unit: g = (" + std::to_string(g.rows) + ", " + std::to_string(g.cols) +
                                "), out = (" + std::to_string(out.rows) + ", " + std::to_string(out.cols) +
                                "), must be equal");
  }
}

template <class T>
double root_dimension(MatrixView<const T> g) {
  return std::sqrt(static_cast<double>(g.size()));
}

// 0 for +0 and -0; NaN stays.
template <class T>
T sign(T x) {
  return std::isnan(x) ? x : static_cast<T>((x > T{0}) - (x < T{0}));
}

// NaN wins, so that it is not lost in a maximum.
double largest_of(double a, double b) { return (b > a || std::isnan(b)) ? b : a; }

template <class T>
double largest_singular_value(MatrixView<const T> g) {
  return g.empty() ? 0.0 : singular_values(g).front();
}
template <class T>
double sum_of_singular_values(MatrixView<const T> g) {
  if (g.empty()) return 0.0;
  const auto s = singular_values(g);
  return std::accumulate(s.begin(), s.end(), 0.0);
}
template <class T>
double largest_row(MatrixView<const T> g) {
  double largest = 0.0;
  for (Index i = 0; i < g.rows; ++i) largest = largest_of(largest, norm2(g.row(i)));
  return largest;
}
template <class T>
double sum_of_rows(MatrixView<const T> g) {
  double sum = 0.0;
  for (Index i = 0; i < g.rows; ++i) sum += norm2(g.row(i));
  return sum;
}

template <class T>
void largest_entry_direction(MatrixView<const T> g, MatrixView<T> out) {
  require_equal_shapes(g, out);
  const double largest = max_abs(g.span());
  if (std::isnan(largest)) {
    std::fill(out.span().begin(), out.span().end(), std::numeric_limits<T>::quiet_NaN());
    return;
  }
  const auto x = g.span();
  const auto place = std::find_if(x.begin(), x.end(), [&](T v) { return std::abs(v) == largest; });
  const auto index = static_cast<std::size_t>(place - x.begin());
  const T entry = place == x.end() ? T{0} : sign(*place);
  std::fill(out.span().begin(), out.span().end(), T{0});
  if (entry != T{0}) out.span()[index] = entry;
}

template <class T>
void sign_direction(MatrixView<const T> g, MatrixView<T> out) {
  require_equal_shapes(g, out);
  std::transform(g.span().begin(), g.span().end(), out.span().begin(), [](T x) { return sign(x); });
}

template <class T>
void row_direction(MatrixView<const T> g, MatrixView<T> out) {
  require_equal_shapes(g, out);
  for (Index i = 0; i < g.rows; ++i) normalize(g.row(i), out.row(i));
}

// Of every column, read row by row: its largest entry, which keeps squares in range, and the sum of squares over it.
struct ColumnLengths {
  std::vector<double> largest;
  std::vector<double> squares;

  template <class T>
  explicit ColumnLengths(MatrixView<const T> g)
      : largest(static_cast<std::size_t>(g.cols)), squares(static_cast<std::size_t>(g.cols)) {
    for (Index i = 0; i < g.rows; ++i) {
      for (std::size_t j = 0; j < largest.size(); ++j)
        largest[j] = largest_of(largest[j], std::abs(static_cast<double>(g(i, static_cast<Index>(j)))));
    }
    for (Index i = 0; i < g.rows; ++i) {
      for (std::size_t j = 0; j < largest.size(); ++j) {
        const double x = relative(g(i, static_cast<Index>(j)), j);
        squares[j] += x * x;
      }
    }
  }
  [[nodiscard]] double relative(double x, std::size_t j) const { return largest[j] == 0.0 ? 0.0 : x / largest[j]; }
  [[nodiscard]] double length(std::size_t j) const { return largest[j] * std::sqrt(squares[j]); }
};

template <class T>
double largest_column(MatrixView<const T> g) {
  const ColumnLengths columns(g);
  double largest = 0.0;
  for (std::size_t j = 0; j < columns.largest.size(); ++j) largest = largest_of(largest, columns.length(j));
  return largest;
}
template <class T>
double sum_of_columns(MatrixView<const T> g) {
  const ColumnLengths columns(g);
  double sum = 0.0;
  for (std::size_t j = 0; j < columns.largest.size(); ++j) sum += columns.length(j);
  return sum;
}
template <class T>
void column_direction(MatrixView<const T> g, MatrixView<T> out) {
  require_equal_shapes(g, out);
  const ColumnLengths columns(g);
  for (Index i = 0; i < g.rows; ++i) {
    for (std::size_t j = 0; j < columns.largest.size(); ++j) {
      const double x = columns.relative(g(i, static_cast<Index>(j)), j);
      out(i, static_cast<Index>(j)) =
          static_cast<T>(columns.squares[j] == 0.0 ? 0.0 : x / std::sqrt(columns.squares[j]));
    }
  }
}

template <class T>
void leading_pair_direction(MatrixView<const T> g, MatrixView<T> out) {
  require_equal_shapes(g, out);
  if (g.empty()) return;
  if (g.rows == 1 || g.cols == 1) return normalize(g.span(), out.span());
  const Svd svd = compact_svd(g);
  const Index r = svd.rank_bound();
  const bool is_zero = svd.s.front() == 0.0;
  for (Index i = 0; i < g.rows; ++i) {
    for (Index j = 0; j < g.cols; ++j) {
      const double entry = svd.u[static_cast<std::size_t>(i * r)] * svd.vt[static_cast<std::size_t>(j)];
      out(i, j) = is_zero ? T{0} : static_cast<T>(entry);
    }
  }
}

}  // namespace

// One line per operation and type; g and out are the arguments' names.
#define NORMDESCENT_NORM(N, VALUE, DUAL, DUAL_UNIT)                                        \
  double N::value(MatrixView<const float> g) const { return VALUE; }                       \
  double N::value(MatrixView<const double> g) const { return VALUE; }                      \
  double N::dual(MatrixView<const float> g) const { return DUAL; }                         \
  double N::dual(MatrixView<const double> g) const { return DUAL; }                        \
  void N::dual_unit(MatrixView<const float> g, MatrixView<float> out) const { DUAL_UNIT; } \
  void N::dual_unit(MatrixView<const double> g, MatrixView<double> out) const { DUAL_UNIT; }

NORMDESCENT_NORM(L1, norm1(g.span()), max_abs(g.span()), largest_entry_direction(g, out))
NORMDESCENT_NORM(L2, norm2(g.span()), norm2(g.span()), (require_equal_shapes(g, out), normalize(g.span(), out.span())))
NORMDESCENT_NORM(LInf, max_abs(g.span()), norm1(g.span()), sign_direction(g, out))
NORMDESCENT_NORM(Rms, g.empty() ? 0.0 : norm2(g.span()) / root_dimension(g), norm2(g.span()) * root_dimension(g),
                 (require_equal_shapes(g, out), normalize(g.span(), out.span(), root_dimension(g))))
NORMDESCENT_NORM(Spectral, largest_singular_value(g), sum_of_singular_values(g), polar_svd(g, out))
NORMDESCENT_NORM(Nuclear, sum_of_singular_values(g), largest_singular_value(g), leading_pair_direction(g, out))
NORMDESCENT_NORM(RowWise, largest_row(g), sum_of_rows(g), row_direction(g, out))
NORMDESCENT_NORM(ColumnWise, largest_column(g), sum_of_columns(g), column_direction(g, out))

#undef NORMDESCENT_NORM

}  // namespace normdescent
