// SPDX-License-Identifier: Apache-2.0
// What functions of one symmetric matrix are made of: such matrices commute, and their products are symmetric.
#pragma once

#include <span>

#include "blocks.hpp"

namespace normdescent {

/// C <- A B for A and B that commute. `panels`: see RationalBuffers.
template <class T>
void multiply_commuting(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, T* panels);

/// out <- Z^-1 for positive definite Z, which is overwritten.
template <class T>
void invert(MatrixView<T> z, MatrixView<T> out, T* panels);

/// to <- factor from
template <class T>
void copy_scaled(const T* from, T factor, T* to, Index size);

template <class T>
void scale(T* x, T factor, Index size);

/// to <- of_x x + of_y y; `to` may be x or y
template <class T>
void combine(const T* x, T of_x, const T* y, T of_y, T* to, Index size);

template <class T>
void add_to_diagonal(MatrixView<T> x, T value);

}  // namespace normdescent
