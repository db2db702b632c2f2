// SPDX-License-Identifier: Apache-2.0
#include "symmetric_algebra.hpp"

#include <type_traits>

#include "normdescent/base/multiversion.hpp"
#include "panels.hpp"

namespace normdescent {

template <class T>
void multiply_commuting(MatrixView<T> a, MatrixView<T> b, MatrixView<T> c, T* panels) {
  if constexpr (std::is_same_v<T, float>) {
    if (panels != nullptr) return panels::symmetric_multiply(Block<T>(a), Block<T>(b), Block<T>(c), panels);
  }
  symmetric_multiply_add<T>(Transpose::no, Transpose::no, T{1}, Block<T>(a), Block<T>(b), T{0}, Block<T>(c));
}

template <class T>
void invert(MatrixView<T> z, MatrixView<T> out, T* panels) {
  if constexpr (std::is_same_v<T, float>) {
    if (panels != nullptr) return panels::invert_positive_definite(Block<T>(z), Block<T>(out), panels);
  }
  invert_positive_definite<T>(Block<T>(z), Block<T>(out));
}

template <class T>
NORMDESCENT_MULTIVERSION void copy_scaled(const T* from, T factor, T* to, Index size) {
  for (Index i = 0; i < size; ++i) to[i] = factor * from[i];
}

template <class T>
NORMDESCENT_MULTIVERSION void scale(T* x, T factor, Index size) {
  for (Index i = 0; i < size; ++i) x[i] *= factor;
}

template <class T>
NORMDESCENT_MULTIVERSION void combine(const T* x, T of_x, const T* y, T of_y, T* to, Index size) {
  for (Index i = 0; i < size; ++i) to[i] = of_x * x[i] + of_y * y[i];
}

template <class T>
void add_to_diagonal(MatrixView<T> x, T value) {
  for (Index i = 0; i < x.rows; ++i) x(i, i) += value;
}

#define NORMDESCENT_INSTANTIATE(T)                                                      \
  template void multiply_commuting<T>(MatrixView<T>, MatrixView<T>, MatrixView<T>, T*); \
  template void invert<T>(MatrixView<T>, MatrixView<T>, T*);                            \
  template void copy_scaled<T>(const T*, T, T*, Index);                                 \
  template void scale<T>(T*, T, Index);                                                 \
  template void combine<T>(const T*, T, const T*, T, T*, Index);                        \
  template void add_to_diagonal<T>(MatrixView<T>, T)
NORMDESCENT_INSTANTIATE(float);
NORMDESCENT_INSTANTIATE(double);
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent
