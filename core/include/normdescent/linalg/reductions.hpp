// SPDX-License-Identifier: Apache-2.0
// Sums, norms and normalization of a flat range: accumulated in fp64 in a fixed order (16 interleaved lanes), so
// results do not depend on the instruction set; single-threaded. No intermediate result over- or underflows.
#pragma once

#include <span>
#include <type_traits>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// max_i |x_i|; 0 for an empty range; NaN if any x_i is NaN.
[[nodiscard]] double max_abs(std::span<const float> x);
[[nodiscard]] double max_abs(std::span<const double> x);

/// sum_i |x_i|
[[nodiscard]] double norm1(std::span<const float> x);
[[nodiscard]] double norm1(std::span<const double> x);

/// sqrt(sum_i x_i^2), also where the squares leave the range of double.
[[nodiscard]] double norm2(std::span<const float> x);
[[nodiscard]] double norm2(std::span<const double> x);

/// <x, y> = sum_i x_i y_i. Throws std::invalid_argument when the sizes differ.
[[nodiscard]] double dot(std::span<const float> x, std::span<const float> y);
[[nodiscard]] double dot(std::span<const double> x, std::span<const double> y);

/// out = length * x / ||x||_2, with 0/0 := 0. `out` may be x itself. Any non-finite entry makes all of out NaN.
/// Scale-free: entries of any size, subnormal ones included. Throws std::invalid_argument when the sizes differ.
template <class T>
void normalize(std::type_identity_t<std::span<const T>> x, std::span<T> out, double length = 1.0);

}  // namespace normdescent
