// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/reductions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "normdescent/base/magnitude.hpp"
#include "normdescent/base/multiversion.hpp"

namespace normdescent {
namespace {

// Lane l takes x_l, x_{l+16}, ...; the lanes are then added in halves. The order is part of the contract.
constexpr Index kLanes = 16;

double add_lanes(double* lanes) {
  for (Index half = kLanes / 2; half > 0; half /= 2) {
    for (Index l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

template <class T>
NORMDESCENT_MULTIVERSION double sum_abs(const T* x, Index n) {
  double lanes[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index l = 0; l < kLanes; ++l) lanes[l] += std::abs(static_cast<double>(x[i + l]));
  }
  for (Index l = 0; i < n; ++i, ++l) lanes[l] += std::abs(static_cast<double>(x[i]));
  return add_lanes(lanes);
}

// sum (x_i / divisor)^2
template <class T>
NORMDESCENT_MULTIVERSION double sum_squares_over(const T* x, Index n, double divisor) {
  double lanes[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index l = 0; l < kLanes; ++l) {
      const double v = static_cast<double>(x[i + l]) / divisor;
      lanes[l] += v * v;
    }
  }
  for (Index l = 0; i < n; ++i, ++l) {
    const double v = static_cast<double>(x[i]) / divisor;
    lanes[l] += v * v;
  }
  return add_lanes(lanes);
}

// sum x_i^2: sum_products(x, x) with half the loads and conversions, which is what a norm's time goes into.
template <class T>
NORMDESCENT_MULTIVERSION double sum_squares(const T* x, Index n) {
  double lanes[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index l = 0; l < kLanes; ++l) {
      const auto v = static_cast<double>(x[i + l]);
      lanes[l] += v * v;
    }
  }
  for (Index l = 0; i < n; ++i, ++l) lanes[l] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return add_lanes(lanes);
}

template <class T>
NORMDESCENT_MULTIVERSION double sum_products(const T* x, const T* y, Index n) {
  double lanes[kLanes] = {};
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index l = 0; l < kLanes; ++l) lanes[l] += static_cast<double>(x[i + l]) * static_cast<double>(y[i + l]);
  }
  for (Index l = 0; i < n; ++i, ++l) lanes[l] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return add_lanes(lanes);
}

void require_equal_sizes(const char* what, std::size_t a, std::size_t b) {
  if (a != b) {
    throw std::invalid_argument(std::string(what) + ": sizes " + std::to_string(a) + " and " + std::to_string(b) +
                                ", must be equal");
  }
}

// Squares of floats, 1e-90 to 1e77, are far inside double; squares of doubles may not be.
constexpr double kSmallestSafeSum = 1e-250;

template <class T>
double norm2_of(std::span<const T> x) {
  const auto n = static_cast<Index>(x.size());
  const double sum = sum_squares(x.data(), n);
  if (sum > kSmallestSafeSum && std::isfinite(sum)) return std::sqrt(sum);
  const double largest_entry = max_abs(x);
  if (largest_entry == 0.0 || !std::isfinite(largest_entry)) return largest_entry;
  return largest_entry * std::sqrt(sum_squares_over(x.data(), n, largest_entry));
}

template <class T>
double dot_of(std::span<const T> x, std::span<const T> y) {
  require_equal_sizes("dot", x.size(), y.size());
  return sum_products(x.data(), y.data(), static_cast<Index>(x.size()));
}

}  // namespace

double max_abs(std::span<const float> x) { return static_cast<double>(largest_magnitude(x)); }
double max_abs(std::span<const double> x) { return largest_magnitude(x); }
double norm1(std::span<const float> x) { return sum_abs(x.data(), static_cast<Index>(x.size())); }
double norm1(std::span<const double> x) { return sum_abs(x.data(), static_cast<Index>(x.size())); }
double norm2(std::span<const float> x) { return norm2_of(x); }
double norm2(std::span<const double> x) { return norm2_of(x); }
double dot(std::span<const float> x, std::span<const float> y) { return dot_of(x, y); }
double dot(std::span<const double> x, std::span<const double> y) { return dot_of(x, y); }

template <class T>
void normalize(std::type_identity_t<std::span<const T>> x, std::span<T> out, double length) {
  require_equal_sizes("normalize", x.size(), out.size());
  const double largest_entry = max_abs(x);
  if (!std::isfinite(largest_entry)) {
    std::fill(out.begin(), out.end(), std::numeric_limits<T>::quiet_NaN());
    return;
  }
  if (largest_entry == 0.0) {
    std::fill(out.begin(), out.end(), T{0});
    return;
  }
  // Two factors, because their product may leave the range of double.
  const double factor = length / std::sqrt(sum_squares_over(x.data(), static_cast<Index>(x.size()), largest_entry));
  for (std::size_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<T>(static_cast<double>(x[i]) / largest_entry * factor);
  }
}

template void normalize<float>(std::span<const float>, std::span<float>, double);
template void normalize<double>(std::span<const double>, std::span<double>, double);

}  // namespace normdescent
