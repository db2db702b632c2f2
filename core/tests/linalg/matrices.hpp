// SPDX-License-Identifier: Apache-2.0
// Owned matrices for tests: random, with chosen singular values, and a few measures of difference.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/view.hpp"
#include "normdescent/linalg/coefficients.hpp"
#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/products.hpp"

namespace normdescent::test {

inline const std::vector<const CoefficientSet*> kSets{&polar_express_coefficients(), &jordan_coefficients(),
                                                      &classic_coefficients()};

template <class T>
struct Matrix {
  Index rows = 0;
  Index cols = 0;
  std::vector<T> entries;

  Matrix(Index m, Index n) : rows(m), cols(n), entries(static_cast<std::size_t>(m * n)) {}
  MatrixView<T> view() { return {entries.data(), rows, cols}; }
  MatrixView<const T> view() const { return {entries.data(), rows, cols}; }
  T& operator()(Index i, Index j) { return entries[static_cast<std::size_t>(i * cols + j)]; }
  T operator()(Index i, Index j) const { return entries[static_cast<std::size_t>(i * cols + j)]; }
};

template <class T>
Matrix<T> gaussian(Index m, Index n, std::uint64_t seed) {
  Matrix<T> x(m, n);
  Philox random(seed);
  for (T& entry : x.entries) entry = static_cast<T>(random.normal());
  return x;
}

template <class T>
Matrix<T> transposed(const Matrix<T>& x) {
  Matrix<T> t(x.cols, x.rows);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) t(j, i) = x(i, j);
  }
  return t;
}

template <class T>
Matrix<T> scaled(const Matrix<T>& x, double factor) {
  Matrix<T> y = x;
  for (T& entry : y.entries) entry = static_cast<T>(static_cast<double>(entry) * factor);
  return y;
}

/// U diag(s) V^T with the singular vectors of `basis`.
template <class T>
Matrix<T> with_singular_values(const Svd& basis, const std::vector<double>& s) {
  const Index r = basis.rank_bound();
  Matrix<T> x(basis.rows, basis.cols);
  for (Index i = 0; i < basis.rows; ++i) {
    for (Index j = 0; j < basis.cols; ++j) {
      double sum = 0.0;
      for (Index k = 0; k < r; ++k) {
        sum += basis.u[static_cast<std::size_t>(i * r + k)] * s[static_cast<std::size_t>(k)] *
               basis.vt[static_cast<std::size_t>(k * basis.cols + j)];
      }
      x(i, j) = static_cast<T>(sum);
    }
  }
  return x;
}

/// Images of singular values s, largest first, by a map of s relative to the Schatten 4-norm.
template <class Map>
std::vector<double> mapped_relative_to_schatten4(const Map& map, const std::vector<double>& s) {
  double fourth = 0.0;
  for (const double x : s) fourth += std::pow(x / s.front(), 4);
  std::vector<double> images;
  for (const double x : s) images.push_back(map(x / s.front() / std::pow(fourth, 0.25)));
  return images;
}

/// Spectra on which an inverse without a factorization, or X X^T in bfloat16, would be far off.
struct Spectrum {
  const char* name;
  double (*value)(int k);

  [[nodiscard]] std::vector<double> first(int count) const {
    std::vector<double> s;
    for (int k = 0; k < count; ++k) s.push_back(value(k));
    return s;
  }
};
inline const std::vector<Spectrum> kIllConditioned{
    {"1/k", [](int k) { return 1.0 / (k + 1); }},
    {"one large", [](int k) { return k == 0 ? 1.0 : 1e-3; }},
    {"ten large", [](int k) { return k < 10 ? 1.0 : 1e-4; }},
    {"exponential", [](int k) { return std::exp(-k / 10.0); }},
};

template <class T>
Matrix<T> rank_one(Index m, Index n, std::uint64_t seed) {
  const auto u = gaussian<T>(m, 1, seed);
  const auto v = gaussian<T>(n, 1, seed + 1);
  Matrix<T> x(m, n);
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) x(i, j) = u(i, 0) * v(j, 0);
  }
  return x;
}

template <class A, class B>
double largest_difference(const A& a, const B& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= largest)) largest = difference;  // NaN must not pass unseen
    if (std::isnan(largest)) return largest;
  }
  return largest;
}

}  // namespace normdescent::test
