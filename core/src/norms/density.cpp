// SPDX-License-Identifier: Apache-2.0
#include "normdescent/norms/density.hpp"

#include <cmath>
#include <stdexcept>
#include <string>

#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent {
namespace {

// (x / y)^2 without forming the squares. 0/0 is NaN: the density of nothing is undefined.
double squared_ratio(double x, double y) {
  const double ratio = x / y;
  return ratio * ratio;
}

template <class T>
double phi_of(std::span<const T> v) {
  return squared_ratio(norm1(v), norm2(v)) / static_cast<double>(v.size());
}

template <class T>
double phi_max_of(std::span<const T> v) {
  return norm1(v) / max_abs(v) / static_cast<double>(v.size());
}

template <class T>
double phi_p_of(std::span<const T> sigma, double p) {
  if (!(p > 1.0 && p <= 2.0)) throw std::invalid_argument("p = " + std::to_string(p) + ", must be in (1, 2]");
  const double largest = max_abs(sigma);
  double powers = 0.0;
  for (const T s : sigma) powers += std::pow(std::abs(static_cast<double>(s)) / largest, p);
  const double log_ratio = std::log(norm1(sigma) / largest) - std::log(powers) / p;
  return std::exp(log_ratio * p / (p - 1.0) - std::log(static_cast<double>(sigma.size())));
}

}  // namespace

double phi(std::span<const float> v) { return phi_of(v); }
double phi(std::span<const double> v) { return phi_of(v); }
double phi_max(std::span<const float> v) { return phi_max_of(v); }
double phi_max(std::span<const double> v) { return phi_max_of(v); }
double phi_p(std::span<const float> sigma, double p) { return phi_p_of(sigma, p); }
double phi_p(std::span<const double> sigma, double p) { return phi_p_of(sigma, p); }
double phi_nuc(std::span<const double> eigenvalues) { return phi_of(eigenvalues); }

double nuclear_rank(ConstMatrixView<float> g) { return squared_ratio(Nuclear{}.value(g), norm2(g.span())); }
double nuclear_rank(ConstMatrixView<double> g) { return squared_ratio(Nuclear{}.value(g), norm2(g.span())); }
double stable_rank(ConstMatrixView<float> g) { return squared_ratio(norm2(g.span()), Spectral{}.value(g)); }
double stable_rank(ConstMatrixView<double> g) { return squared_ratio(norm2(g.span()), Spectral{}.value(g)); }

}  // namespace normdescent
