// SPDX-License-Identifier: Apache-2.0
#include "softmax.hpp"

#include <limits>

#include "elements.hpp"
#include "normdescent/base/multiversion.hpp"

namespace normdescent::gpt {

namespace {

template <class S>
NORMDESCENT_MULTIVERSION void scale_row(const float* x, float factor, S* out, Index size) {
  for (Index j = 0; j < size; ++j) store(x[j] * factor, out[j]);
}

template <class S>
NORMDESCENT_MULTIVERSION void gradient_row(const SoftmaxGradient<S>& args, Index size) {
  float* p = args.x;
  const float* dp = args.dp;
  const float scale = args.scale;
  const float log_sum = args.log_sum;
  float dot = 0.0F;
#pragma omp simd reduction(+ : dot)
  for (Index j = 0; j < size; ++j) {
    p[j] = exponential(scale * p[j] - log_sum);
    dot += p[j] * dp[j];
  }
  S* rounded = args.p;
  S* ds = args.ds;
  for (Index j = 0; j < size; ++j) {
    store(p[j], rounded[j]);
    store(scale * p[j] * (dp[j] - dot), ds[j]);
  }
}

}  // namespace

NORMDESCENT_MULTIVERSION Exponentials exponentials(float* x, float scale, Index size) {
  float top = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : top)
  for (Index j = 0; j < size; ++j) top = x[j] > top ? x[j] : top;
  float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
  for (Index j = 0; j < size; ++j) {
    x[j] = exponential(scale * (x[j] - top));
    sum += x[j];
  }
  return {top, sum};
}

template <class S>
void scale_into(const float* x, float factor, S* out, Index size) {
  scale_row(x, factor, out, size);
}

template <class S>
void softmax_gradient(const SoftmaxGradient<S>& args, Index size) {
  gradient_row(args, size);
}

template void scale_into(const float*, float, float*, Index);
template void scale_into(const float*, float, Bfloat16*, Index);
template void softmax_gradient(const SoftmaxGradient<float>&, Index);
template void softmax_gradient(const SoftmaxGradient<Bfloat16>&, Index);

}  // namespace normdescent::gpt
