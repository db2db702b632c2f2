// SPDX-License-Identifier: Apache-2.0
// Recipes whose direction needs a whole tensor, or all of them: estimator pass, direction, apply pass.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "group.hpp"

namespace normdescent::optimizers {

/// Entries of all members and of the largest one.
struct Sizes {
  Index total = 0;
  Index largest = 0;
};
template <class T>
[[nodiscard]] Sizes sizes_of(const std::vector<std::size_t>& members, std::span<const Slot<T>> slots) {
  Sizes sizes;
  for (const std::size_t i : members) {
    sizes.total += slots[i].info.size();
    sizes.largest = std::max(sizes.largest, slots[i].info.size());
  }
  return sizes;
}

/// Normalize: every tensor, or all together, get norm 1. Scratch: one copy of the members unless the estimator is raw.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_normalize_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                             std::span<const Slot<T>> slots);

/// AdaGradNorm. Scratch as for Normalize.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_adagrad_norm_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                                std::span<const Slot<T>> slots);

/// Alternate: a group for msign and one for sign. Throws as the former does.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_alternating_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                               std::span<const Slot<T>> slots);

/// RowNormalize (is_row) and ColumnNormalize, as many tensors at a time as there are threads at construction. Scratch:
/// twice that many of the largest (once if the estimator is raw).
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_axis_group(const Recipe& recipe, bool is_row,
                                                        std::vector<std::size_t> members,
                                                        std::span<const Slot<T>> slots);

/// Orthogonalize, likewise; scratch also for what msign needs. Throws std::invalid_argument naming the parameter if a
/// member has fewer than two dimensions.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_msign_group(const Recipe& recipe, const Orthogonalize& direction,
                                                         std::vector<std::size_t> members,
                                                         std::span<const Slot<T>> slots);

/// MapTensor, likewise, one matrix on each thread. What the map throws, a step throws.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_map_group(const Recipe& recipe, const MapTensor& direction,
                                                       std::vector<std::size_t> members,
                                                       std::span<const Slot<T>> slots);

/// Shampoo, many blocks at a time as matrix groups do. Scratch: as theirs, and for each thread 8 matrices of a block.
/// Throws as Orthogonalize does.
template <class T>
[[nodiscard]] std::unique_ptr<Group<T>> make_shampoo_group(const Recipe& recipe, std::vector<std::size_t> members,
                                                           std::span<const Slot<T>> slots);

}  // namespace normdescent::optimizers
