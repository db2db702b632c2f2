// SPDX-License-Identifier: Apache-2.0
#include "loops.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "elements.hpp"
#include "normdescent/base/multiversion.hpp"

namespace normdescent::gpt {

namespace {

constexpr float kNormEpsilon = 1e-5F;  // LayerNorm of GPT-2
constexpr Index kBlock = 1024;         // elements of an elementwise pass: stays in the first-level cache
constexpr Index kRowBlock = 32;        // rows that one thread sums at a time

// gelu(u) = u s(z), z = 2 k (u + a u^3), s the logistic function: equal to u (1 + tanh(z / 2)) / 2.
constexpr float kGeluScale = 2.0F * 0.7978845608F;  // 2 sqrt(2 / pi)
constexpr float kGeluCubic = 0.044715F;

inline float gelu_gate(float u) { return 1.0F / (1.0F + exponential(-kGeluScale * (u + kGeluCubic * u * u * u))); }

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
// `dgain`, `dshift` and `dy_sums` (nullptr: none) are added to.
template <class S>
NORMDESCENT_MULTIVERSION void norm_backward_row(const NormBackward<S>& args, Index row, Index c, float* dgain,
                                                float* dshift, float* dy_sums) {
  const float* dh = args.dh + row * c;
  const float* y = args.y + row * c;
  const float* gain = args.gain;
  const float mean = args.mean[row];
  const float inverse = args.inverse[row];
  float sum = 0.0F;
  float projected = 0.0F;
#pragma omp simd reduction(+ : sum, projected)
  for (Index j = 0; j < c; ++j) {
    const float g = dh[j] * gain[j];
    sum += g;
    projected += g * ((y[j] - mean) * inverse);
  }
  sum /= static_cast<float>(c);
  projected /= static_cast<float>(c);
  float* dy = args.dy + row * c;
  const float* carried = args.carried == nullptr ? nullptr : args.carried + row * c;
#pragma omp simd
  for (Index j = 0; j < c; ++j) {
    const float z = (y[j] - mean) * inverse;
    const float past = carried == nullptr ? 0.0F : carried[j];
    dgain[j] += dh[j] * z;
    dshift[j] += dh[j];
    dy[j] = past + inverse * (dh[j] * gain[j] - sum - z * projected);
  }
  S* rounded = args.dy_rounded + row * c;
#pragma omp simd
  for (Index j = 0; j < c; ++j) store(dy[j], rounded[j]);
  if (dy_sums == nullptr) return;
#pragma omp simd
  for (Index j = 0; j < c; ++j) dy_sums[j] += dy[j];
}

template <class S>
NORMDESCENT_MULTIVERSION void gelu_forward_block(const S* u, S* a, Index size) {
#pragma omp simd
  for (Index i = 0; i < size; ++i) {
    const float x = load(u[i]);
    store(x * gelu_gate(x), a[i]);
  }
}

template <class S>
NORMDESCENT_MULTIVERSION void gelu_backward_row(const S* u, S* da, float* sums, Index c) {
#pragma omp simd
  for (Index j = 0; j < c; ++j) {
    const float x = load(u[j]);
    const float s = gelu_gate(x);
    const float slope = kGeluScale * (1.0F + 3.0F * kGeluCubic * x * x);
    const float du = load(da[j]) * (s + x * s * (1.0F - s) * slope);
    store(du, da[j]);
    sums[j] += du;
  }
}

template <class S>
NORMDESCENT_MULTIVERSION void add_row(const S* x, float* sums, Index c) {
#pragma omp simd
  for (Index j = 0; j < c; ++j) sums[j] += load(x[j]);
}

/// Calls f(first, last) for blocks of [0, size), shared between threads.
template <class F>
void for_blocks(Index size, Index block, const F& f) {
#pragma omp parallel for schedule(static)
  for (Index first = 0; first < size; first += block) f(first, std::min(first + block, size));
}

/// Sums over rows of several kinds: add(row, sums) adds a row's part to sums (width). Blocks of rows are summed on
/// their own, then in order: one pass whatever the number of threads, and the same sums.
template <class F>
std::span<const float> sum_over_rows(Index n, Index width, const F& add) {
  static thread_local std::vector<float> sums;
  const Index blocks = (n + kRowBlock - 1) / kRowBlock;
  sums.assign(static_cast<std::size_t>(std::max(blocks, Index{1}) * width), 0.0F);
  float* const total = sums.data();
#pragma omp parallel for schedule(static)
  for (Index block = 0; block < blocks; ++block) {
    const Index last = std::min((block + 1) * kRowBlock, n);
    for (Index row = block * kRowBlock; row < last; ++row) add(row, total + block * width);
  }
  for (Index block = 1; block < blocks; ++block) add_row(total + block * width, total, width);
  return {total, static_cast<std::size_t>(width)};
}

}  // namespace

void round_all(std::span<const float> from, Bfloat16* to) {
  for_blocks(static_cast<Index>(from.size()), kBlock, [&](Index first, Index last) {
    const auto begin = static_cast<std::size_t>(first);
    round_to_nearest(from.subspan(begin, static_cast<std::size_t>(last) - begin), to + first);
  });
}

template <class S>
void norm_forward(const NormForward<S>& args, Index n, Index c) {
#pragma omp parallel for schedule(static)
  for (Index row = 0; row < n; ++row) norm_forward_row(args, row, c);
}

template <class S>
void norm_backward(const NormBackward<S>& args, Index n, Index c) {
  const Index kinds = args.dy_sums == nullptr ? 2 : 3;
  const auto sums = sum_over_rows(n, kinds * c, [&](Index row, float* to) {
    norm_backward_row(args, row, c, to, to + c, args.dy_sums == nullptr ? nullptr : to + 2 * c);
  });
  std::copy_n(sums.data(), c, args.dgain);
  std::copy_n(sums.data() + c, c, args.dshift);
  if (args.dy_sums != nullptr) std::copy_n(sums.data() + 2 * c, c, args.dy_sums);
}

template <class S>
void gelu_forward(const S* u, S* a, Index size) {
  for_blocks(size, kBlock, [&](Index first, Index last) { gelu_forward_block(u + first, a + first, last - first); });
}

template <class S>
void gelu_backward(const S* u, S* da, float* sums, Index n, Index c) {
  const auto total =
      sum_over_rows(n, c, [&](Index row, float* to) { gelu_backward_row(u + row * c, da + row * c, to, c); });
  std::ranges::copy(total, sums);
}

template <class S>
void column_sums(const S* x, float* sums, Index n, Index c) {
  const auto total = sum_over_rows(n, c, [&](Index row, float* to) { add_row(x + row * c, to, c); });
  std::ranges::copy(total, sums);
}

#define NORMDESCENT_INSTANTIATE(S)                                   \
  template void norm_forward(const NormForward<S>&, Index, Index);   \
  template void norm_backward(const NormBackward<S>&, Index, Index); \
  template void gelu_forward(const S*, S*, Index);                   \
  template void gelu_backward(const S*, S*, float*, Index, Index);   \
  template void column_sums(const S*, float*, Index, Index);
NORMDESCENT_INSTANTIATE(float)
NORMDESCENT_INSTANTIATE(Bfloat16)
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent::gpt
