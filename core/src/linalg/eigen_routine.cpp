// SPDX-License-Identifier: Apache-2.0
#include "eigen_routine.hpp"

#include <algorithm>

#include "fortran.hpp"

namespace normdescent {

void reserve_symmetric_eigen(Index n, std::vector<double>& work, std::vector<int>& integers) {
  const int size = std::max(1, blas_int(n));
  const int ask = -1;
  double unused = 0.0;
  double best = 0.0;
  int best_integers = 0;
  int info = 0;
  dsyevd_("V", "L", &size, &unused, &size, &unused, &best, &ask, &best_integers, &ask, &info, 1, 1);
  work.resize(std::max(work.size(), static_cast<std::size_t>(best)));
  integers.resize(std::max(integers.size(), static_cast<std::size_t>(best_integers)));
}

bool symmetric_eigen_in_place(MatrixView<double> a, std::span<double> values, std::vector<double>& work,
                              std::vector<int>& integers) {
  const int size = blas_int(a.rows);
  const int work_size = blas_int(static_cast<Index>(work.size()));
  const int integer_size = blas_int(static_cast<Index>(integers.size()));
  int info = 0;
  // The lower triangle of the column-major A is the upper one of ours.
  dsyevd_("V", "L", &size, a.data, &size, values.data(), work.data(), &work_size, integers.data(), &integer_size, &info,
          1, 1);
  return info == 0;
}

}  // namespace normdescent
