// SPDX-License-Identifier: Apache-2.0
// Everything in the GPT kernel that is not a matrix product, as fused passes over rows. S is the type in which operands
// of products are stored: float or Bfloat16 (rounded to nearest even); arithmetic is float.
// Every sum has a fixed order, so results do not depend on the number of threads.
//
// Letters   N rows (tokens)  C width
#pragma once

#include <span>

#include "product.hpp"

namespace normdescent::gpt {

/// On all threads.
void round_all(std::span<const float> from, Bfloat16* to);

/// y = x + r where r is given (else y is x itself), and h = gain (y - mean(y)) inverse + shift by row with
/// inverse = 1 / sqrt(var(y) + 1e-5). All (N, C).
template <class S>
struct NormForward {
  const float* x;
  const float* r;  ///< nullptr: nothing to add, y is not written
  const float* gain;
  const float* shift;
  float* y;
  float* mean;     ///< (N)
  float* inverse;  ///< (N)
  S* h;
};
template <class S>
void norm_forward(const NormForward<S>& args, Index n, Index c);

/// d(y) of h = norm(y), added to `carried` (the gradient that flows past the norm; nullptr: none). dy may be `carried`.
/// Also writes dy rounded, and overwrites the gradients of gain and shift and, where given, dy's sums over rows.
template <class S>
struct NormBackward {
  const float* dh;
  const float* y;
  const float* mean;
  const float* inverse;
  const float* gain;
  const float* carried;
  float* dy;
  S* dy_rounded;
  float* dgain;
  float* dshift;
  float* dy_sums;  ///< (C); nullptr: not wanted
};
template <class S>
void norm_backward(const NormBackward<S>& args, Index n, Index c);

/// a = gelu(u), tanh form.
template <class S>
void gelu_forward(const S* u, S* a, Index size);
/// da <- da gelu'(u), (n, c), and its sums over rows.
template <class S>
void gelu_backward(const S* u, S* da, float* sums, Index n, Index c);

/// sums_j = sum over rows of x (n, c).
template <class S>
void column_sums(const S* x, float* sums, Index n, Index c);

}  // namespace normdescent::gpt
