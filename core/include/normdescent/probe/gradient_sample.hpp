// SPDX-License-Identifier: Apache-2.0
// Gradients of micro-batches at a few thousand random coordinates: what noise and signal statistics are computed from
// when passes over all coordinates would cost too much.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/statistics/tail_index.hpp"

namespace normdescent {

/// Fixed random coordinates of every tensor, drawn without replacement in proportion to its size, at least
/// kLeastPerTensor (or all) of each.
class CoordinateChoice {
 public:
  static constexpr Index kLeastPerTensor = 16;

  /// One tensor's coordinates; all tensors' lie one after the other.
  struct Stratum {
    Index size = 0;              ///< coordinates of the tensor
    std::size_t first = 0;       ///< place of its first chosen one among all chosen
    std::vector<Index> indices;  ///< in the flattened tensor, ascending
    /// Coordinates that one chosen one stands for.
    [[nodiscard]] double weight() const {
      return indices.empty() ? 0.0 : static_cast<double>(size) / static_cast<double>(indices.size());
    }
  };

  CoordinateChoice() = default;
  /// `count` of them, more if there are many tensors. Throws std::invalid_argument for count < 1.
  CoordinateChoice(std::span<const Index> tensor_sizes, Index count, std::uint64_t seed);
  CoordinateChoice(std::span<const Parameter> parameters, Index count, std::uint64_t seed);

  [[nodiscard]] std::span<const Stratum> tensors() const { return tensors_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  /// The chosen coordinates of the gradients; empty gradients read as 0.
  void read(std::span<const Parameter> parameters, std::span<float> gradients) const;
  /// Those of the parameters' values: where the gradients were taken.
  void read_point(std::span<const Parameter> parameters, std::span<float> point) const;

 private:
  std::vector<Stratum> tensors_;
  std::size_t count_ = 0;
};

/// Rows of chosen coordinates, one a micro-batch; rows of one step were taken at the same point.
struct GradientSample {
  std::size_t width = 0;
  std::vector<float> values;        ///< (rows, width) row-major
  std::vector<std::int64_t> steps;  ///< of each row, not decreasing

  [[nodiscard]] std::size_t rows() const { return steps.size(); }
  [[nodiscard]] std::span<const float> row(std::size_t k) const { return {values.data() + k * width, width}; }
  void add(std::int64_t step, std::span<const float> row);
  /// The means of `factor` consecutive rows of a step: micro-batches of `factor` times the size. Rests are dropped.
  [[nodiscard]] GradientSample merged(std::size_t factor) const;
  /// Differences to the mean of their step of at most `series` evenly spaced coordinates, times
  /// (n / (n - 1))^(1/2) with n rows in the step, which restores the variance. Steps of one row are left out. Values
  /// that repeat (repeated_values.hpp), as exact zeros of sparse gradients, are NaN and no part of n.
  [[nodiscard]] ScalarSamples residuals(std::size_t series) const;
};

}  // namespace normdescent
