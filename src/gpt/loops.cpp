// SPDX-License-Identifier: Apache-2.0
#include "loops.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "normdescent/base/multiversion.hpp"

namespace normdescent::gpt {

namespace {

constexpr float kNormEpsilon = 1e-5F;  // LayerNorm of GPT-2
constexpr Index kBlock = 1024;         // elements of an elementwise pass: stays in the first-level cache
constexpr Index kColumnBlock = 64;     // columns that one thread sums at a time

inline float load(float x) { return x; }
inline float load(Bfloat16 x) { return to_float(x); }
inline void store(float x, float& to) { to = x; }
inline void store(float x, Bfloat16& to) { to = to_bfloat16(x); }

/// exp(x) by x = n ln 2 + r and the degree-6 Taylor polynomial, |r| <= ln(2)/2: truncation below 1.7e-7 relative, about
/// one rounding. Clamped to [-87, 88], where the result is a normal number. NaN stays NaN.
inline float exponential(float x) {
  constexpr float kRound = 12582912.0F;  // 1.5 2^23: adding it rounds to an integer
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;  // ln 2 in two parts
  float p = 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  // The low bits of `shifted` hold n in two's complement.
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) + 127U) << 23U;
  return p * std::bit_cast<float>(power);
}

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

NORMDESCENT_MULTIVERSION float largest(const float* x, Index size) {
  float top = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : top)
  for (Index j = 0; j < size; ++j) top = x[j] > top ? x[j] : top;
  return top;
}

/// out = exp(scale (x - top)); returns the sum.
NORMDESCENT_MULTIVERSION float exponentials(const float* x, float top, float scale, float* out, Index size) {
  float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
  for (Index j = 0; j < size; ++j) {
    out[j] = exponential(scale * (x[j] - top));
    sum += out[j];
  }
  return sum;
}

template <class S>
NORMDESCENT_MULTIVERSION void scale_into(const float* x, float factor, S* out, Index size) {
  for (Index j = 0; j < size; ++j) store(x[j] * factor, out[j]);
}

template <class S>
NORMDESCENT_MULTIVERSION void softmax_backward_row(const S* p, const float* dp, float scale, S* ds, Index size) {
  float dot = 0.0F;
#pragma omp simd reduction(+ : dot)
  for (Index j = 0; j < size; ++j) dot += load(p[j]) * dp[j];
  for (Index j = 0; j < size; ++j) store(scale * load(p[j]) * (dp[j] - dot), ds[j]);
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
void causal_softmax_forward(const float* scores, float scale, S* p, Index matrices, Index t) {
#pragma omp parallel
  {
    std::vector<float> row(static_cast<std::size_t>(t));
#pragma omp for schedule(static)
    for (Index i = 0; i < matrices * t; ++i) {
      const Index seen = i % t + 1;
      const float* x = scores + i * t;
      const float sum = exponentials(x, largest(x, seen), scale, row.data(), seen);
      scale_into(row.data(), 1.0F / sum, p + i * t, seen);
      std::fill(p + i * t + seen, p + (i + 1) * t, S{});
    }
  }
}

template <class S>
void causal_softmax_backward(const S* p, const float* dp, float scale, S* ds, Index matrices, Index t) {
#pragma omp parallel for schedule(static)
  for (Index i = 0; i < matrices * t; ++i) {
    const Index seen = i % t + 1;
    softmax_backward_row(p + i * t, dp + i * t, scale, ds + i * t, seen);
    std::fill(ds + i * t + seen, ds + (i + 1) * t, S{});
  }
}

template <class S>
double cross_entropy(const float* logits, const std::int64_t* targets, S* dlogits, double* row_losses, Index n,
                     Index v) {
  const float weight = 1.0F / static_cast<float>(n);
#pragma omp parallel
  {
    std::vector<float> row(static_cast<std::size_t>(v));
#pragma omp for schedule(static)
    for (Index i = 0; i < n; ++i) {
      const float* x = logits + i * v;
      const Index target = targets[i];
      const float top = largest(x, v);
      const float sum = exponentials(x, top, 1.0F, row.data(), v);
      row_losses[i] = std::log(static_cast<double>(sum)) + static_cast<double>(top) - static_cast<double>(x[target]);
      if (dlogits == nullptr) continue;
      scale_into(row.data(), weight / sum, dlogits + i * v, v);
      store(row[static_cast<std::size_t>(target)] * (weight / sum) - weight, dlogits[i * v + target]);
    }
  }
  double total = 0.0;
  for (Index i = 0; i < n; ++i) total += row_losses[i];
  return total / static_cast<double>(n);
}

template <class S>
void column_sums(const S* x, float* sums, Index n, Index c) {
  for_blocks(c, kColumnBlock, [&](Index first, Index last) { column_sums_block(x, sums, n, c, first, last); });
}

#define NORMDESCENT_INSTANTIATE(S)                                                             \
  template void cast(std::span<const float>, S*);                                              \
  template void norm_forward(const NormForward<S>&, Index, Index);                             \
  template void norm_backward(const NormBackward<S>&, Index, Index);                           \
  template void gelu_forward(const S*, S*, Index);                                             \
  template void gelu_backward(const S*, S*, Index);                                            \
  template void causal_softmax_forward(const float*, float, S*, Index, Index);                 \
  template void causal_softmax_backward(const S*, const float*, float, S*, Index, Index);      \
  template double cross_entropy(const float*, const std::int64_t*, S*, double*, Index, Index); \
  template void column_sums(const S*, float*, Index, Index);
NORMDESCENT_INSTANTIATE(float)
NORMDESCENT_INSTANTIATE(Bfloat16)
#undef NORMDESCENT_INSTANTIATE

}  // namespace normdescent::gpt
