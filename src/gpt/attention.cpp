// SPDX-License-Identifier: Apache-2.0
// Letters   as in attention.hpp; i, j rows of queries and keys. Scratch is padded with zeros to whole tiles.
#include "attention.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "elements.hpp"
#include "softmax.hpp"

namespace normdescent::gpt {

namespace {

constexpr Index kQueryBlock = 32;  // rows of a T x T matrix at a time: with T = 1024 they fit in the second-level cache

constexpr Index padded(Index n) { return (n + kTileColumns - 1) / kTileColumns * kTileColumns; }

template <class V>
void grow(V& buffer, Index size) {
  if (static_cast<Index>(buffer.size()) < size) buffer.resize(static_cast<std::size_t>(size));
}

/// x (rows, cols) as a left operand whose inner dimension is columns.
template <class S>
LeftOperand<S> by_rows(const S* x, Index cols) {
  return {x, cols, kTogether<S>};
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

/// to (rows, cols) <- from, whose rows are `stride` apart; zeros from `filled_rows` and `filled_cols` on.
struct Copy {
  Index stride, filled_rows, filled_cols, rows, cols;
};
template <class S>
void copy_rows(const S* from, const Copy& c, S* to) {
  for (Index i = 0; i < c.rows; ++i) {
    const Index filled = i < c.filled_rows ? c.filled_cols : 0;
    std::copy_n(from + i * c.stride, filled, to + i * c.cols);
    std::fill(to + i * c.cols + filled, to + (i + 1) * c.cols, S{});
  }
}

/// Rows i, i + 1, ... of x (rows, cols) that are multiplied together side by side: for products that sum over rows.
template <class S>
void group_rows(const S* x, Index rows, Index cols, S* to) {
  constexpr Index kG = kTogether<S>;
  for (Index i = 0; i < rows; i += kG) {
    for (Index j = 0; j < cols; ++j) {
      for (Index k = 0; k < kG; ++k) to[i * cols + j * kG + k] = x[(i + k) * cols + j];
    }
  }
}

/// The same of x transposed: for products that sum over columns.
template <class S>
void group_columns(const S* x, Index rows, Index cols, S* to) {
  constexpr Index kG = kTogether<S>;
  for (Index j = 0; j < cols; j += kG) {
    for (Index i = 0; i < rows; ++i) {
      for (Index k = 0; k < kG; ++k) to[j * rows + i * kG + k] = x[i * cols + j + k];
    }
  }
}

template <class S>
void round_rows(const float* from, Index from_stride, Index rows, Index cols, S* to, Index stride) {
  for (Index i = 0; i < rows; ++i) scale_into(from + i * from_stride, 1.0F, to + i * stride, cols);
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
  const Copy whole{3 * c, t_, d_, tp, dp};
  copy_rows(qkv + c, whole, s.q.data());
  group_columns(s.q.data(), tp, dp, s.k_columns.data());
  copy_rows(qkv + 2 * c, whole, s.q.data());
  group_rows(s.q.data(), tp, dp, s.v_groups.data());
  copy_rows(qkv, whole, s.q.data());
  for (Index first = 0; first < tp; first += kQueryBlock) {
    const Index last = std::min(first + kQueryBlock, tp);  // also the number of keys that the block sees
    const Index m = last - first;
    tile_product(by_rows(s.q.data() + first * dp, dp), right_groups(s.k_columns.data(), tp), {s.scores.data(), last}, m,
                 last, dp / kG);
    for (Index i = first; i < last; ++i) {
      S* p = s.p.data() + (i - first) * last;
      const Index seen = i < t_ ? i + 1 : 0;
      if (seen > 0) {
        float* x = s.scores.data() + (i - first) * last;
        const Exponentials row = exponentials(x, scale, seen);
        log_sums[i] = scale * row.top + std::log(row.sum);
        scale_into(x, 1.0F / row.sum, p, seen);
      }
      std::fill(p + seen, p + last, S{});
    }
    tile_product(by_rows(s.p.data(), last), right_groups(s.v_groups.data(), dp), {s.rows.data(), dp}, m, dp, last / kG);
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
  const Copy whole{3 * c, t_, d_, tp, dp};
  copy_rows(qkv + c, whole, s.q.data());
  group_columns(s.q.data(), tp, dp, s.k_columns.data());
  group_rows(s.q.data(), tp, dp, s.k_groups.data());
  copy_rows(qkv + 2 * c, whole, s.q.data());
  group_columns(s.q.data(), tp, dp, s.v_columns.data());
  copy_rows(qkv, whole, s.q.data());
  group_rows(s.q.data(), tp, dp, s.q_groups.data());
  copy_rows(d_o, {c, t_, d_, tp, dp}, s.d_o.data());
  group_rows(s.d_o.data(), tp, dp, s.d_o_groups.data());
  for (auto* sum : {&s.dk, &s.dv}) std::fill_n(sum->begin(), tp * dp, 0.0F);
  for (Index first = 0; first < tp; first += kQueryBlock) {
    const Index last = std::min(first + kQueryBlock, tp);
    const Index m = last - first;
    tile_product(by_rows(s.q.data() + first * dp, dp), right_groups(s.k_columns.data(), tp), {s.scores.data(), last}, m,
                 last, dp / kG);
    tile_product(by_rows(s.d_o.data() + first * dp, dp), right_groups(s.v_columns.data(), tp), {s.dp.data(), last}, m,
                 last, dp / kG);
    for (Index i = first; i < last; ++i) {
      const Index row = (i - first) * last;
      const Index seen = i < t_ ? i + 1 : 0;
      if (seen > 0) {
        softmax_gradient<S>(
            {s.scores.data() + row, s.dp.data() + row, scale, log_sums[i], s.p.data() + row, s.ds.data() + row}, seen);
      }
      std::fill(s.p.data() + row + seen, s.p.data() + row + last, S{});
      std::fill(s.ds.data() + row + seen, s.ds.data() + row + last, S{});
    }
    tile_product(by_rows(s.ds.data(), last), right_groups(s.k_groups.data(), dp), {s.rows.data() + first * dp, dp}, m,
                 dp, last / kG);
    group_rows(s.p.data(), m, last, s.p_groups.data());
    tile_product(left_groups(s.p_groups.data(), last), right_groups(s.d_o_groups.data() + first * dp, dp),
                 {s.dv.data(), dp, Store::add}, last, dp, m / kG);
    group_rows(s.ds.data(), m, last, s.ds_groups.data());
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
