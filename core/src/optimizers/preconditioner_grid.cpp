// SPDX-License-Identifier: Apache-2.0
#include "preconditioner_grid.hpp"

#include <algorithm>
#include <string>

namespace normdescent::optimizers {

PreconditionerGrid::PreconditionerGrid(const Shampoo& shampoo, Index rows, Index cols)
    : rows_(rows),
      cols_(cols),
      has_left_(shampoo.sides == PreconditionedSides::both || rows <= cols),
      has_right_(shampoo.sides == PreconditionedSides::both || rows > cols),
      keeps_roots_(shampoo.interval > 1),
      row_block_(has_left_ ? std::min<Index>(rows, shampoo.block_size) : rows),
      col_block_(has_right_ ? std::min<Index>(cols, shampoo.block_size) : cols) {}

Index PreconditionerGrid::squares(Index length, Index block) {
  const Index rest = length % block;
  return length / block * block * block + rest * rest;
}

PreconditionerBlock PreconditionerGrid::block(Index k) const {
  const Index i = k / col_blocks();
  const Index j = k % col_blocks();
  PreconditionerBlock b{.row = i * row_block_, .col = j * col_block_};
  b.rows = std::min(row_block_, rows_ - b.row);
  b.cols = std::min(col_block_, cols_ - b.col);
  // All blocks before the last of a side are full.
  b.left = i * col_blocks() * row_block_ * row_block_ + j * b.rows * b.rows;
  b.right = j * row_blocks() * col_block_ * col_block_ + i * b.cols * b.cols;
  return b;
}

std::vector<StateBuffer> PreconditionerGrid::buffers(Index matrices) const {
  std::vector<StateBuffer> all;
  const auto add = [&](const char* name, Index size, Index length) {
    if (size == 0) return;
    std::vector<Index> shape{length, length};
    if (count() > 1) {
      shape = {matrices * size};
    } else if (matrices > 1) {
      shape.insert(shape.begin(), matrices);
    }
    all.push_back({name, std::move(shape)});
  };
  add("left_statistics", left_size(), rows_);
  add("right_statistics", right_size(), cols_);
  if (keeps_roots_) {
    add("left_root", left_size(), rows_);
    add("right_root", right_size(), cols_);
  }
  return all;
}

}  // namespace normdescent::optimizers
