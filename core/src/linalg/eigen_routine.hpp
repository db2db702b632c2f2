// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "normdescent/base/view.hpp"

namespace normdescent {

/// Makes the scratch memory large enough for symmetric_eigen_in_place of (n, n).
void reserve_symmetric_eigen(Index n, std::vector<double>& work, std::vector<int>& integers);

/// Replaces the row-major A (n, n), of which the upper triangle is read, by its eigenvectors, one a ROW; `values`
/// ascend. False if LAPACK does not converge. Entries must be finite. Allocates nothing.
[[nodiscard]] bool symmetric_eigen_in_place(MatrixView<double> a, std::span<double> values, std::vector<double>& work,
                                            std::vector<int>& integers);

}  // namespace normdescent
