// SPDX-License-Identifier: Apache-2.0
#include "packed_product.hpp"

#include <omp.h>

#include <algorithm>
#include <vector>

namespace normdescent::packed {

namespace {

constexpr Index kDepth = 2048;         // of a part: C is read and written once for each
constexpr Index kBlockBytes = 524288;  // packed, half of a second-level cache
constexpr Index kSmall = 1 << 19;      // multiply-adds that are done before a second thread has woken up
constexpr Index kTurns = 4;            // blocks a thread where they are unequal

constexpr Index ceil_div(Index n, Index by) { return (n + by - 1) / by; }

template <class S>
constexpr Index groups_of(Index depth) {
  return ceil_div(depth, kTogether<S>);
}

/// Lines that hold so many groups.
constexpr Index lines_of(Index groups) { return ceil_div(groups, static_cast<Index>(Line{}.groups.size())); }

}  // namespace

template <class S>
struct Product<S>::Work {
  const S* a;
  const S* b;
  void* c;
  const float* bias;
  Line* shared;
  Line* split;  ///< of the first thread
  Index split_lines;
};

template <class S>
Product<S>::Product(const Shape& shape)
    : shape_(shape),
      a_{shape.rows, kTileRows, shape.a.column, shape.a.row, &pack_left<S>},
      b_{shape.columns, kTileColumns, shape.b.row, shape.b.column, &pack_right<S>},
      shares_a_(shape.columns >= shape.rows),
      threads_(shape.rows * shape.columns * shape.inner < kSmall ? 1 : omp_get_max_threads()) {
  // Results in Bfloat16 are rounded once.
  const Index parts = shape.is_narrow ? 1 : std::max(ceil_div(shape.inner, kDepth), Index{1});
  depth_ = std::max(kTogether<S> * groups_of<S>(ceil_div(shape.inner, parts)), kTogether<S>);
  const Operand& split = shares_a_ ? b_ : a_;
  const Index fitting = std::max(kBlockBytes / (depth_ * split.width * static_cast<Index>(sizeof(S))), Index{1});
  const Index turns = shape.upper_only && threads_ > 1 ? kTurns : 1;
  blocks_ = ceil_div(ceil_div(split.panels(), fitting), turns * threads_) * turns * threads_;
}

template <class S>
void Product<S>::Operand::pack_panel(const S* data, Index panel, Index first, Index depth, Group* to) const {
  const Index lane = panel * width;
  pack({data + lane * across + first * along, along, across, lanes - lane}, depth, to);
}

template <class S>
Tile Product<S>::tile(const Work& work, Index row, Index column, bool is_first) const {
  const Index first = row * shape_.c_row + column;
  return {.wide = shape_.is_narrow ? nullptr : static_cast<float*>(work.c) + first,
          .narrow = shape_.is_narrow ? static_cast<Bfloat16*>(work.c) + first : nullptr,
          .row = shape_.c_row,
          .rows = std::min(kTileRows, shape_.rows - row),
          .columns = std::min(kTileColumns, shape_.columns - column),
          .adds = shape_.adds || !is_first,
          .bias = work.bias == nullptr || !is_first ? nullptr : work.bias + column};
}

template <class S>
void Product<S>::run(const S* a, const S* b, void* c, const float* bias) const {
  if (shape_.rows == 0 || shape_.columns == 0) return;
  static thread_local std::vector<Line> scratch;
  const Operand& shared = shares_a_ ? a_ : b_;
  const Operand& split = shares_a_ ? b_ : a_;
  const Index deepest = groups_of<S>(depth_);
  const Index shared_lines = lines_of(shared.panels() * shared.width * deepest);
  const Index split_lines = lines_of(ceil_div(split.panels(), blocks_) * split.width * deepest);
  const auto lines = static_cast<std::size_t>(shared_lines + threads_ * split_lines);
  if (scratch.size() < lines) scratch.resize(lines);
  const Work work{a, b, c, bias, scratch.data(), scratch.data() + shared_lines, split_lines};
  for (Index first = 0; first == 0 || first < shape_.inner; first += depth_) {
    run_part(work, first, std::min(depth_, shape_.inner - first));
  }
}

template <class S>
void Product<S>::run_part(const Work& work, Index first, Index depth) const {
  const Operand& shared = shares_a_ ? a_ : b_;
  const Operand& split = shares_a_ ? b_ : a_;
  const S* const shared_data = shares_a_ ? work.a : work.b;
  const S* const split_data = shares_a_ ? work.b : work.a;
  const Index groups = groups_of<S>(depth);
  const Index shared_step = shared.width * groups;
  const Index split_step = split.width * groups;
  Group* const shared_panels = work.shared->groups.data();
#pragma omp parallel num_threads(threads_)
  {
#pragma omp for schedule(static)
    for (Index i = 0; i < shared.panels(); ++i) {
      shared.pack_panel(shared_data, i, first, depth, shared_panels + i * shared_step);
    }
    Group* const split_panels = work.split[omp_get_thread_num() * work.split_lines].groups.data();
#pragma omp for schedule(dynamic, 1)
    for (Index block = 0; block < blocks_; ++block) {
      const Index begin = block * split.panels() / blocks_;
      const Index end = (block + 1) * split.panels() / blocks_;
      for (Index j = begin; j < end; ++j) {
        split.pack_panel(split_data, j, first, depth, split_panels + (j - begin) * split_step);
      }
      for (Index i = 0; i < shared.panels(); ++i) {
        for (Index j = begin; j < end; ++j) {
          const Index row = kTileRows * (shares_a_ ? i : j);
          const Index column = kTileColumns * (shares_a_ ? j : i);
          if (shape_.upper_only && row >= column + kTileColumns) continue;
          const Group* const from_shared = shared_panels + i * shared_step;
          const Group* const from_split = split_panels + (j - begin) * split_step;
          multiply_tile<S>(shares_a_ ? from_shared : from_split, shares_a_ ? from_split : from_shared, groups,
                           tile(work, row, column, first == 0));
        }
      }
    }
  }
}

template class Product<float>;
template class Product<Bfloat16>;

}  // namespace normdescent::packed
