// SPDX-License-Identifier: Apache-2.0
#include "loops.hpp"

#include <algorithm>
#include <cmath>

#include "elements.hpp"
#include "normdescent/base/multiversion.hpp"

namespace normdescent::gpt {

namespace {

constexpr float kNormEpsilon = 1e-5F;  // LayerNorm of GPT-2
constexpr Index kBlock = 1024;         // elements of an elementwise pass: stays in the first-level cache
constexpr Index kColumnBlock = 64;     // columns that one thread sums at a time

// gelu(u) = u s(z), z = 2 k (u + a u^3), s the logistic function: equal to u (1 + tanh(z / 2)) / 2.
constexpr float kGeluScale = 2.0F * 0.7978845608F;  // 2 sqrt(2 / pi)
constexpr float kGeluCubic = 0.044715F;

inline float gelu_gate(float u) { return 1.0F / (1.0F + exponential(-kGeluScale * (u + kGeluCubic * u * u * u))); }

template <class S>
NORMDESCENT_MULTIVERSION void cast_block(const float* from, S* to, Index size) {
  for (Index i = 0; i < size; ++i) store(from[i], to[i]);
}

template <class S>
NORMDESCENT_MULTIVERSION void norm_forward_row(const NormForward<S>& args, Index row, Index c) {
  const float* y = args.x + row * c;
  if (args.r != nullptr) {
    const float* r = args.r + row * c;
    float* sum = args.y + row * c;
    for (Index j = 0; j < c; ++j) sum[j] = y[j] + r[j];
    y = sum;
  }
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (Index j = 0; j < c; ++j) total += y[j];
  const float mean = total / static_cast<float>(c);
  float squares = 0.0F;
#pragma omp simd reduction(+ : squares)
  for (Index j = 0; j < c; ++j) squares += (y[j] - mean) * (y[j] - mean);
  const float inverse = 1.0F / std::sqrt(squares / static_cast<float>(c) + kNormEpsilon);
  S* h = args.h + row * c;
  for (Index j = 0; j < c; ++j) store((y[j] - mean) * inverse * args.gain[j] + args.shift[j], h[j]);
  args.mean[row] = mean;
  args.inverse[row] = inverse;
}

// With z = (y - mean) inverse and g = gain dh:  dy = carried + inverse (g - mean(g) - z mean(g z))
template <class S>
NORMDESCENT_MULTIVERSION void norm_backward_row(const NormBackward<S>& args, Index row, Index c) {
  const float* dh = args.dh + row * c;
  const float* y = args.y + row * c;
  const float mean = args.mean[row];
  const float inverse = args.inverse[row];
  float sum = 0.0F;
  float projected = 0.0F;
#pragma omp simd reduction(+ : sum, projected)
  for (Index j = 0; j < c; ++j) {
    const float g = dh[j] * args.gain[j];
    sum += g;
    projected += g * ((y[j] - mean) * inverse);
  }
  sum /= static_cast<float>(c);
  projected /= static_cast<float>(c);
  float* dy = args.dy + row * c;
  S* rounded = args.dy_rounded + row * c;
  for (Index j = 0; j < c; ++j) {
    const float z = (y[j] - mean) * inverse;
    const float past = args.carried == nullptr ? 0.0F : args.carried[row * c + j];
    dy[j] = past + inverse * (dh[j] * args.gain[j] - sum - z * projected);
    store(dy[j], rounded[j]);
  }
}

template <class S>
NORMDESCENT_MULTIVERSION void norm_backward_columns(const NormBackward<S>& args, Index n, Index c, Index first,
                                                    Index last) {
  std::fill(args.dgain + first, args.dgain + last, 0.0F);
  std::fill(args.dshift + first, args.dshift + last, 0.0F);
  for (Index row = 0; row < n; ++row) {
    const float* dh = args.dh + row * c;
    const float* y = args.y + row * c;
    const float mean = args.mean[row];
    const float inverse = args.inverse[row];
#pragma omp simd
    for (Index j = first; j < last; ++j) {
      args.dgain[j] += dh[j] * ((y[j] - mean) * inverse);
      args.dshift[j] += dh[j];
    }
  }
}

// Conversion and arithmetic are loops of their own: mixed, 16-bit and 32-bit lanes keep the compiler at half width.
template <class S>
NORMDESCENT_MULTIVERSION void gelu_forward_block(const S* u, S* a, Index size) {
  float x[kBlock];
#pragma omp simd
  for (Index i = 0; i < size; ++i) x[i] = load(u[i]);
#pragma omp simd
  for (Index i = 0; i < size; ++i) x[i] *= gelu_gate(x[i]);
#pragma omp simd
  for (Index i = 0; i < size; ++i) store(x[i], a[i]);
}

template <class S>
NORMDESCENT_MULTIVERSION void gelu_backward_block(const S* u, S* da, Index size) {
  float x[kBlock];
#pragma omp simd
  for (Index i = 0; i < size; ++i) x[i] = load(u[i]);
#pragma omp simd
  for (Index i = 0; i < size; ++i) {
    const float s = gelu_gate(x[i]);
    const float slope = kGeluScale * (1.0F + 3.0F * kGeluCubic * x[i] * x[i]);
    x[i] = s + x[i] * s * (1.0F - s) * slope;
  }
#pragma omp simd
  for (Index i = 0; i < size; ++i) store(load(da[i]) * x[i], da[i]);
}

template <class S>
NORMDESCENT_MULTIVERSION void column_sums_block(const S* x, float* sums, Index n, Index c, Index first, Index last) {
  std::fill(sums + first, sums + last, 0.0F);
  for (Index row = 0; row < n; ++row) {
    const S* values = x + row * c;
#pragma omp simd
    for (Index j = first; j < last; ++j) sums[j] += load(values[j]);
  }
}

/// Calls f(first, last) for blocks of [0, size), shared between threads.
template <class F>
void for_blocks(Index size, Index block, const F& f) {
#pragma omp parallel for schedule(static)
  for (Index first = 0; first < size; first += block) f(first, std::min(first + block, size));
}

}  // namespace

template <class S>
void cast(std::span<const float> from, S* to) {
  for_blocks(static_cast<Index>(from.size()), kBlock,
             [&](Index first, Index last) { cast_block(from.data() + first, to + first, last - first); });
}

template <class S>
void norm_forward(const NormForward<S>& args, Index n, Index c) {
#pragma omp parallel for schedule(static)
  for (Index row = 0; row < n; ++row) norm_forward_row(args, row, c);
}

template <class S>
void norm_backward(const NormBackward<S>& args, Index n, Index c) {
  for_blocks(c, kColumnBlock, [&](Index first, Index last) { norm_backward_columns(args, n, c, first, last); });
#pragma omp parallel for schedule(static)
  for (Index row = 0; row < n; ++row) norm_backward_row(args, row, c);
}

template <class S>
void gelu_forward(const S* u, S* a, Index size) {
  for_blocks(size, kBlock, [&](Index first, Index last) { gelu_forward_block(u + first, a + first, last - first); });
}

template <class S>
void gelu_backward(const S* u, S* da, Index size) {
  for_blocks(size, kBlock, [&](Index first, Index last) { gelu_backward_block(u + first, da + first, last - first); });
}

template <class S>
void column_sums(const S* x, float* sums, Index n, Index c) {
  for_blocks(c, kColumnBlock, [&](Index first, Index last) { column_sums_block(x, sums, n, c, first, last); });
}

#define NORMDESCENT_INSTANTIATE(S)                                   \
  template void cast(std::span<const float>, S*);                    \
  template void norm_forward(const NormForward<S>&, Index, Index);   \
  template void norm_backward(const NormBackward<S>&, Index, Index); \
  template void gelu_forward(const S*, S*, Index);                   \
  template void gelu_backward(const S*, S*, Index);                  \
  template void column_sums(const S*, float*, Index, Index);
NORMDESCENT_INSTANTIATE(float)
NORMDESCENT_INSTANTIATE(Bfloat16)
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent::gpt
