// SPDX-License-Identifier: Apache-2.0
// Causal attention of all heads, forward and backward: o = softmax(Q K^T / sqrt(D)) V, row i over columns 0..i.
// Only kQueryBlock rows of a T x T matrix exist at a time, and of those only the blocks up to the diagonal; the
// backward pass computes the weights again. Heads are shared between threads; results do not depend on their number.
//
// Letters   B windows  T time  H heads  D width of a head  C = H D
#pragma once

#include <vector>

#include "tile_product.hpp"

namespace normdescent::gpt {

template <class S>
class Attention {
 public:
  Attention(Index t, Index heads, Index d) : t_(t), heads_(heads), d_(d) {}

  /// qkv (B T, 3 C) -> o (B T, C), and what the backward pass needs of every row: log_sums (B, H, T).
  void forward(Index b, const S* qkv, S* o, float* log_sums);
  /// dqkv (B T, 3 C) of d_o (B T, C).
  void backward(Index b, const S* qkv, const float* log_sums, const S* d_o, S* dqkv);

 private:
  /// One head: packed operands, one block of rows, sums over blocks.
  struct Scratch {
    std::vector<S> q, q_groups, k_columns, k_groups, v_columns, v_groups, d_o, d_o_groups;
    std::vector<S> p, ds, p_groups, ds_groups;
    std::vector<float> scores, dp, rows, dk, dv;
  };
  void reserve();
  void forward_head(Scratch& s, const S* qkv, S* o, float* log_sums) const;
  void backward_head(Scratch& s, const S* qkv, const float* log_sums, const S* d_o, S* dqkv) const;

  Index t_;
  Index heads_;
  Index d_;
  std::vector<Scratch> scratch_;  ///< one a thread
};

}  // namespace normdescent::gpt
