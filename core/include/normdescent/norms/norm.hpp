// SPDX-License-Identifier: Apache-2.0
// What a norm is, as code: its value, its dual norm, and the point of its unit ball where the dual norm is attained.
#pragma once

#include <concepts>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// A norm on matrices of T (a vector is n x 1). Laws, checked by testing/norm_invariants.hpp for any norm:
///   dual(g) = max { <g, d> : value(d) <= 1 },  dual_unit attains it,  dual_unit(0) = 0,  dual_unit(c g) =
///   dual_unit(g).
template <class N, class T>
concept NormOver = requires(const N norm, MatrixView<const T> g, MatrixView<T> out) {
  { norm.value(g) } -> std::convertible_to<double>;
  { norm.dual(g) } -> std::convertible_to<double>;
  { norm.dual_unit(g, out) } -> std::same_as<void>;
};

/// A norm on matrices of float and of double.
template <class N>
concept Norm = NormOver<N, float> && NormOver<N, double>;

}  // namespace normdescent
