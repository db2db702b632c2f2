// SPDX-License-Identifier: Apache-2.0
// Softmax of one row and its gradient, for attention and for the loss. S is the type of what products read next.
#pragma once

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent::gpt {

/// x <- exp(scale (x - top)) with top the largest x.
struct Exponentials {
  float top;
  float sum;
};
Exponentials exponentials(float* x, float scale, Index size);

/// out = factor x
template <class S>
void scale_into(const float* x, float factor, S* out, Index size);

/// Softmax weights p = exp(scale x - log_sum) of known log_sum, and with dp the gradient by p:
/// ds = scale p (dp - <p, dp>). Overwrites x.
template <class S>
struct SoftmaxGradient {
  float* x;
  const float* dp;
  float scale;
  float log_sum;
  S* p;
  S* ds;
};
template <class S>
void softmax_gradient(const SoftmaxGradient<S>& args, Index size);

}  // namespace normdescent::gpt
