// SPDX-License-Identifier: Apache-2.0
// The BLAS and LAPACK routines that linalg uses, by their Fortran names: the one interface that every vendor offers
// (headers differ). Matrices are column-major there, so callers pass a row-major X as its transpose. The trailing
// lengths of character arguments are part of gfortran's calling convention.
#pragma once

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>

#include "normdescent/base/view.hpp"

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the names are Fortran's
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*, std::size_t, std::size_t);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*, std::size_t, std::size_t);
void ssyrk_(const char*, const char*, const int*, const int*, const float*, const float*, const int*, const float*,
            float*, const int*, std::size_t, std::size_t);
void dsyrk_(const char*, const char*, const int*, const int*, const double*, const double*, const int*, const double*,
            double*, const int*, std::size_t, std::size_t);
void strmm_(const char*, const char*, const char*, const char*, const int*, const int*, const float*, const float*,
            const int*, float*, const int*, std::size_t, std::size_t, std::size_t, std::size_t);
void dtrmm_(const char*, const char*, const char*, const char*, const int*, const int*, const double*, const double*,
            const int*, double*, const int*, std::size_t, std::size_t, std::size_t, std::size_t);
void dgesdd_(const char*, const int*, const int*, double*, const int*, double*, double*, const int*, double*,
             const int*, double*, const int*, int*, int*, std::size_t);
void dgesvd_(const char*, const char*, const int*, const int*, double*, const int*, double*, double*, const int*,
             double*, const int*, double*, const int*, int*, std::size_t, std::size_t);
void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*, const int*, int*, const int*,
             int*, std::size_t, std::size_t);
// NOLINTEND(readability-identifier-naming)
}

namespace normdescent {

/// A dimension as BLAS wants it. Throws std::invalid_argument above 2^31 - 1.
inline int blas_int(Index n) {
  if (n > std::numeric_limits<int>::max()) {
    throw std::invalid_argument("matrix dimension = " + std::to_string(n) + ", must fit in 32 bits");
  }
  return static_cast<int>(n);
}

/// "(2, 3)"
template <class T>
std::string shape_text(MatrixView<T> x) {
  return "(" + std::to_string(x.rows) + ", " + std::to_string(x.cols) + ")";
}

}  // namespace normdescent
