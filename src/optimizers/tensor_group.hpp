// SPDX-License-Identifier: Apache-2.0
// Recipes whose direction needs a whole tensor, or all of them: estimator pass, direction, apply pass.
#pragma once

#include <memory>
#include <vector>

#include "group.hpp"

namespace normdescent::optimizers {

/// Normalize: every tensor, or all together, get norm 1. Scratch: one copy of the members unless the estimator is raw.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_normalize_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                             std::span<const Slot<T>> slots);

/// RowNormalize and Orthogonalize, as many tensors at a time as there are threads at construction. Scratch: twice that
/// many of the largest (once if the estimator is raw), and what msign needs. Throws std::invalid_argument naming the
/// parameter if a member of Orthogonalize has fewer than two dimensions.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_matrix_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                          std::span<const Slot<T>> slots);

}  // namespace normdescent::optimizers
