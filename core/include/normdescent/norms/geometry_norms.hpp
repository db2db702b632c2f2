// SPDX-License-Identifier: Apache-2.0
// The norms of a geometry, chosen at run time. On an n x 1 vector: spectral is euclidean, row_wise is sign.
#pragma once

#include <type_traits>
#include <utility>

#include "normdescent/base/geometry.hpp"
#include "normdescent/base/view.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent {

/// f(norm) for the step norm of the geometry: L2, LInf, Spectral or RowWise.
template <class F>
decltype(auto) with_norm(Geometry geometry, F&& f) {
  switch (geometry) {
    case Geometry::euclidean: return std::forward<F>(f)(L2{});
    case Geometry::sign: return std::forward<F>(f)(LInf{});
    case Geometry::spectral: return std::forward<F>(f)(Spectral{});
    case Geometry::row_wise: break;
  }
  return std::forward<F>(f)(RowWise{});
}

/// The step norm: l2, l-infinity, spectral, largest row.
template <class T>
[[nodiscard]] double step_norm(Geometry geometry, MatrixView<T> x) {
  return with_norm(geometry, [&](auto norm) { return norm.value(x); });
}

/// Its dual, in which stationarity is measured: l2, l1, nuclear, sum of rows.
template <class T>
[[nodiscard]] double dual_norm(Geometry geometry, MatrixView<T> g) {
  return with_norm(geometry, [&](auto norm) { return norm.dual(g); });
}

/// out = argmax { <g, d> : step_norm(d) <= 1 }: g/||g||_2, sign(g), msign(g), rows normalized; 0 for g = 0.
template <class T>
void dual_unit(Geometry geometry, std::type_identity_t<MatrixView<const T>> g, MatrixView<T> out) {
  with_norm(geometry, [&](auto norm) { norm.dual_unit(g, out); });
}

}  // namespace normdescent
