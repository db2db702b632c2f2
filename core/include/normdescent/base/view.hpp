// SPDX-License-Identifier: Apache-2.0
// Non-owning views of dense row-major matrices: the one argument type of norms, polar factors and directions.
// A vector of n numbers is the n x 1 matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace normdescent {

using Index = std::int64_t;

/// A contiguous row-major matrix that somebody else owns.
template <class T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;

  [[nodiscard]] constexpr Index size() const { return rows * cols; }
  [[nodiscard]] constexpr bool empty() const { return size() == 0; }
  [[nodiscard]] constexpr T& operator()(Index i, Index j) const { return data[i * cols + j]; }
  [[nodiscard]] constexpr std::span<T> row(Index i) const { return {data + i * cols, static_cast<std::size_t>(cols)}; }
  [[nodiscard]] constexpr std::span<T> span() const { return {data, static_cast<std::size_t>(size())}; }

  // NOLINTNEXTLINE(google-explicit-constructor): a view of T is a view of const T
  constexpr operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols}; }
};

template <class T>
using ConstMatrixView = MatrixView<const T>;

/// The vector x as an n x 1 matrix.
template <class T>
constexpr MatrixView<T> as_column(std::span<T> x) {
  return {x.data(), static_cast<Index>(x.size()), 1};
}

}  // namespace normdescent
