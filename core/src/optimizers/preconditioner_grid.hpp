// SPDX-License-Identifier: Apache-2.0
// Shampoo's blocks of a matrix, and where the statistics of each lie.
#pragma once

#include <vector>

#include "group.hpp"

namespace normdescent::optimizers {

/// Rows [row, row + rows) and columns [col, col + cols) of a matrix; `left` and `right` are where its (rows, rows) and
/// (cols, cols) statistics begin among those of the matrix.
struct PreconditionerBlock {
  Index row = 0;
  Index col = 0;
  Index rows = 0;
  Index cols = 0;
  Index left = 0;
  Index right = 0;
};

/// Cuts the preconditioned sides of (rows, cols) into blocks of `block_size`, the other side not at all.
class PreconditionerGrid {
 public:
  PreconditionerGrid(const Shampoo& shampoo, Index rows, Index cols);

  [[nodiscard]] bool has_left() const { return has_left_; }
  [[nodiscard]] bool has_right() const { return has_right_; }
  [[nodiscard]] Index count() const { return row_blocks() * col_blocks(); }
  [[nodiscard]] PreconditionerBlock block(Index k) const;
  /// Numbers that the statistics of one matrix have on a side.
  [[nodiscard]] Index left_size() const { return has_left_ ? col_blocks() * squares(rows_, row_block_) : 0; }
  [[nodiscard]] Index right_size() const { return has_right_ ? row_blocks() * squares(cols_, col_block_) : 0; }
  /// "left_statistics" and "right_statistics" of the preconditioned sides, then "left_root" and "right_root" where they
  /// must outlive a step. Of shape (r, r), (matrices, r, r), or flat if there are several blocks.
  [[nodiscard]] std::vector<StateBuffer> buffers(Index matrices) const;

 private:
  [[nodiscard]] Index row_blocks() const { return (rows_ + row_block_ - 1) / row_block_; }
  [[nodiscard]] Index col_blocks() const { return (cols_ + col_block_ - 1) / col_block_; }
  /// Sum of the squared lengths of the blocks of one side.
  [[nodiscard]] static Index squares(Index length, Index block);

  Index rows_;
  Index cols_;
  bool has_left_;
  bool has_right_;
  bool keeps_roots_;
  Index row_block_;
  Index col_block_;
};

}  // namespace normdescent::optimizers
