// SPDX-License-Identifier: Apache-2.0
// Letters   as in attention.hpp; i, j rows of queries and keys. Scratch is padded with zeros to whole tiles.
#include "attention.hpp"

#include <omp.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "elements.hpp"
#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/transpose.hpp"
#include "softmax.hpp"

namespace normdescent::gpt {

namespace {

constexpr Index kQueryBlock = 32;  // rows of a T x T matrix at a time: with T = 1024 they fit in the second-level cache

// A score beyond the diagonal, so that rows of weights are taken in whole vectors: its weight is 1e-38, then set to 0.
constexpr float kUnseen = -1e30F;

constexpr Index padded(Index n) { return (n + kTileColumns - 1) / kTileColumns * kTileColumns; }

template <class V>
void grow(V& buffer, Index size) {
  if (static_cast<Index>(buffer.size()) < size) buffer.resize(static_cast<std::size_t>(size));
}

/// Rows in memory, `stride` apart.
template <class S>
struct Rows {
  const S* data;
  Index stride;
};

/// As a left operand whose inner dimension is columns.
template <class S>
LeftOperand<S> by_rows(const Rows<S>& x) {
  return {x.data, x.stride, kTogether<S>};
}
/// Grouped rows of (rows, cols) as operands whose inner dimension is rows.
template <class S>
RightOperand<S> right_groups(const S* x, Index cols) {
  return {x, kTogether<S> * cols};
}
template <class S>
LeftOperand<S> left_groups(const S* x, Index cols) {
  return {x, kTogether<S>, kTogether<S> * cols};
}

/// A (rows, cols) matrix of whole tiles that holds (filled_rows, filled_cols) and zeros.
struct Tiles {
  Index filled_rows, filled_cols, rows, cols;
};
/// `from` itself if it is of whole tiles, else a copy in `to`.
template <class S>
Rows<S> whole_tiles(const Rows<S>& from, const Tiles& t, S* to) {
  if (t.filled_rows == t.rows && t.filled_cols == t.cols) return from;
  for (Index i = 0; i < t.rows; ++i) {
    const Index filled = i < t.filled_rows ? t.filled_cols : 0;
    std::copy_n(from.data + i * from.stride, filled, to + i * t.cols);
    std::fill(to + i * t.cols + filled, to + (i + 1) * t.cols, S{});
  }
  return {to, t.cols};
}

/// Rows i, i + 1, ... of x (rows, cols) that are multiplied together side by side: for products that sum over rows.
void group_rows(const Rows<float>& x, Index rows, Index cols, float* to) {
  for (Index i = 0; i < rows; ++i) std::copy_n(x.data + i * x.stride, cols, to + i * cols);
}
NORMDESCENT_MULTIVERSION void group_rows(const Rows<Bfloat16>& x, Index rows, Index cols, Bfloat16* __restrict to) {
  static_assert(std::endian::native == std::endian::little);
  for (Index i = 0; i < rows; i += 2, to += 2 * cols) {
    const Bfloat16* const even = x.data + i * x.stride;
    const Bfloat16* const odd = even + x.stride;
    for (Index j = 0; j < cols; ++j) {
      const std::uint32_t pair = even[j].bits | std::uint32_t{odd[j].bits} << 16U;  // one store, so that it vectorizes
      std::memcpy(static_cast<void*>(to + 2 * j), &pair, sizeof pair);
    }
  }
}

/// The same of x transposed, for products that sum over columns. Groups are of 4 bytes; rows and the number of groups
/// of a row are multiples of 4.
template <class S>
void group_columns(const Rows<S>& x, Index rows, Index cols, S* to) {
  constexpr Index kG = kTogether<S>;
  constexpr auto kSize = static_cast<std::ptrdiff_t>(sizeof(S));
  for (Index j = 0; j < cols; j += 4 * kG) {
    for (Index i = 0; i < rows; i += 4) {
      transpose_4x4(x.data + i * x.stride + j, x.stride * kSize, to + j * rows + i * kG, rows * kG * kSize);
    }
  }
}

template <class S>
NORMDESCENT_MULTIVERSION void round_rows(const float* from, Index from_stride, Index rows, Index cols, S* to,
                                         Index stride) {
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) store(from[i * from_stride + j], to[i * stride + j]);
  }
}

}  // namespace

template <class S>
void Attention<S>::reserve() {
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  if (scratch_.size() >= threads) return;
  scratch_.resize(threads);
  const Index tp = padded(t_);
  const Index dp = padded(d_);
  for (Scratch& s : scratch_) {
    for (auto* x : {&s.q, &s.q_groups, &s.k_columns, &s.k_groups, &s.v_columns, &s.v_groups, &s.d_o, &s.d_o_groups}) {
      grow(*x, tp * dp);
    }
    for (auto* x : {&s.p, &s.ds, &s.p_groups, &s.ds_groups}) grow(*x, kQueryBlock * tp);
    for (auto* x : {&s.scores, &s.dp}) grow(*x, kQueryBlock * tp);
    grow(s.rows, tp * dp);
    for (auto* x : {&s.dk, &s.dv}) grow(*x, tp * dp);
  }
}

template <class S>
void Attention<S>::forward(Index b, const S* qkv, S* o, float* log_sums) {
  reserve();
  const Index c = heads_ * d_;
#pragma omp parallel for schedule(static)
  for (Index n = 0; n < b * heads_; ++n) {
    const Index first = n / heads_ * t_;
    const Index column = n % heads_ * d_;
    forward_head(scratch_[static_cast<std::size_t>(omp_get_thread_num())], qkv + first * 3 * c + column,
                 o + first * c + column, log_sums + n * t_);
  }
}

template <class S>
void Attention<S>::backward(Index b, const S* qkv, const float* log_sums, const S* d_o, S* dqkv) {
  reserve();
  const Index c = heads_ * d_;
#pragma omp parallel for schedule(static)
  for (Index n = 0; n < b * heads_; ++n) {
    const Index first = n / heads_ * t_;
    const Index column = n % heads_ * d_;
    backward_head(scratch_[static_cast<std::size_t>(omp_get_thread_num())], qkv + first * 3 * c + column,
                  log_sums + n * t_, d_o + first * c + column, dqkv + first * 3 * c + column);
  }
}

template <class S>
void Attention<S>::forward_head(Scratch& s, const S* qkv, S* o, float* log_sums) const {
  constexpr Index kG = kTogether<S>;
  const Index c = heads_ * d_;
  const Index tp = padded(t_);
  const Index dp = padded(d_);
  const float scale = 1.0F / std::sqrt(static_cast<float>(d_));
  const Tiles whole{t_, d_, tp, dp};
  group_columns(whole_tiles({qkv + c, 3 * c}, whole, s.q.data()), tp, dp, s.k_columns.data());
  group_rows(whole_tiles({qkv + 2 * c, 3 * c}, whole, s.q.data()), tp, dp, s.v_groups.data());
  const Rows<S> q = whole_tiles({qkv, 3 * c}, whole, s.q.data());
  for (Index first = 0; first < tp; first += kQueryBlock) {
    const Index last = std::min(first + kQueryBlock, tp);  // also the number of keys that the block sees
    const Index m = last - first;
    tile_product(by_rows<S>({q.data + first * q.stride, q.stride}), right_groups(s.k_columns.data(), tp),
                 {s.scores.data(), last}, m, last, dp / kG);
    for (Index i = first; i < last; ++i) {
      S* p = s.p.data() + (i - first) * last;
      const Index seen = i < t_ ? i + 1 : 0;
      if (seen > 0) {
        float* x = s.scores.data() + (i - first) * last;
        const Index size = padded(seen);
        std::fill(x + seen, x + size, kUnseen);
        const Exponentials row = exponentials(x, scale, size);
        log_sums[i] = scale * row.top + std::log(row.sum);
        scale_into(x, 1.0F / row.sum, p, size);
      }
      std::fill(p + seen, p + last, S{});
    }
    tile_product(by_rows<S>({s.p.data(), last}), right_groups(s.v_groups.data(), dp), {s.rows.data(), dp}, m, dp,
                 last / kG);
    round_rows(s.rows.data(), dp, std::min(last, t_) - first, d_, o + first * c, c);
  }
}

// dV = P^T dO   dP = dO V^T   dS = P (dP - <P, dP>) / sqrt(D)   dQ = dS K   dK = dS^T Q
template <class S>
void Attention<S>::backward_head(Scratch& s, const S* qkv, const float* log_sums, const S* d_o, S* dqkv) const {
  constexpr Index kG = kTogether<S>;
  const Index c = heads_ * d_;
  const Index tp = padded(t_);
  const Index dp = padded(d_);
  const float scale = 1.0F / std::sqrt(static_cast<float>(d_));
  const Tiles whole{t_, d_, tp, dp};
  const Rows<S> k = whole_tiles({qkv + c, 3 * c}, whole, s.q.data());
  group_columns(k, tp, dp, s.k_columns.data());
  group_rows(k, tp, dp, s.k_groups.data());
  group_columns(whole_tiles({qkv + 2 * c, 3 * c}, whole, s.q.data()), tp, dp, s.v_columns.data());
  const Rows<S> q = whole_tiles({qkv, 3 * c}, whole, s.q.data());
  group_rows(q, tp, dp, s.q_groups.data());
  const Rows<S> d_out = whole_tiles({d_o, c}, whole, s.d_o.data());
  group_rows(d_out, tp, dp, s.d_o_groups.data());
  for (auto* sum : {&s.dk, &s.dv}) std::fill_n(sum->begin(), tp * dp, 0.0F);
  for (Index first = 0; first < tp; first += kQueryBlock) {
    const Index last = std::min(first + kQueryBlock, tp);
    const Index m = last - first;
    tile_product(by_rows<S>({q.data + first * q.stride, q.stride}), right_groups(s.k_columns.data(), tp),
                 {s.scores.data(), last}, m, last, dp / kG);
    tile_product(by_rows<S>({d_out.data + first * d_out.stride, d_out.stride}), right_groups(s.v_columns.data(), tp),
                 {s.dp.data(), last}, m, last, dp / kG);
    for (Index i = first; i < last; ++i) {
      const Index row = (i - first) * last;
      const Index seen = i < t_ ? i + 1 : 0;
      if (seen > 0) {
        float* x = s.scores.data() + row;
        float* dp_row = s.dp.data() + row;
        const Index size = padded(seen);
        std::fill(x + seen, x + size, kUnseen);
        std::fill(dp_row + seen, dp_row + size, 0.0F);
        softmax_gradient<S>({x, dp_row, scale, log_sums[i], s.p.data() + row, s.ds.data() + row}, size);
      }
      std::fill(s.p.data() + row + seen, s.p.data() + row + last, S{});
      std::fill(s.ds.data() + row + seen, s.ds.data() + row + last, S{});
    }
    tile_product(by_rows<S>({s.ds.data(), last}), right_groups(s.k_groups.data(), dp), {s.rows.data() + first * dp, dp},
                 m, dp, last / kG);
    group_rows(Rows<S>{s.p.data(), last}, m, last, s.p_groups.data());
    tile_product(left_groups(s.p_groups.data(), last), right_groups(s.d_o_groups.data() + first * dp, dp),
                 {s.dv.data(), dp, Store::add}, last, dp, m / kG);
    group_rows(Rows<S>{s.ds.data(), last}, m, last, s.ds_groups.data());
    tile_product(left_groups(s.ds_groups.data(), last), right_groups(s.q_groups.data() + first * dp, dp),
                 {s.dk.data(), dp, Store::add}, last, dp, m / kG);
  }
  round_rows(s.rows.data(), dp, t_, d_, dqkv, 3 * c);
  round_rows(s.dk.data(), dp, t_, d_, dqkv + c, 3 * c);
  round_rows(s.dv.data(), dp, t_, d_, dqkv + 2 * c, 3 * c);
}

template class Attention<float>;
template class Attention<Bfloat16>;

}  // namespace normdescent::gpt
