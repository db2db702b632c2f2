// SPDX-License-Identifier: Apache-2.0
#include "packed_product.hpp"

#include <omp.h>

#include <algorithm>

namespace normdescent::fixed {

namespace {

using bfloat16::kTileColumns;
using bfloat16::kTileRows;
using bfloat16::Line;
using bfloat16::Pair;

constexpr Index kDepth = 2048;         // of a part: C is read and written once for each
constexpr Index kBlockBytes = 524288;  // packed, half of a second-level cache
constexpr Index kSmall = 1 << 19;      // multiply-adds that are done before a second thread has woken up

constexpr Index ceil_div(Index n, Index by) { return (n + by - 1) / by; }
constexpr Index kPairsOfLine = static_cast<Index>(Line{}.pairs.size());

/// Pairs, rounded up so that what follows begins at a cache line.
constexpr Index whole_lines(Index pairs) { return ceil_div(pairs, kPairsOfLine) * kPairsOfLine; }

bool has_neighbours(const Layout& x) {
  return x.dims.size() == 2 && x.type == Type::bfloat16 && (x.strides[0] == 1 || x.strides[1] == 1);
}

}  // namespace

bool PackedProduct::fits(const Layout& a, const Layout& b) {
  return bfloat16::has_tiles() && has_neighbours(a) && has_neighbours(b);
}

PackedProduct::PackedProduct(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options)
    : a_{a.dims[0], kTileRows, a.strides[1], a.strides[0], &bfloat16::pack_left},
      b_{b.dims[1], kTileColumns, b.strides[0], b.strides[1], &bfloat16::pack_right},
      inner_(a.dims[1]),
      c_row_(c.strides[0]),
      c_type_(c.type),
      adds_(options.accumulates),
      shares_a_(b_.lanes >= a_.lanes),
      threads_(a_.lanes * b_.lanes * inner_ < kSmall ? 1 : omp_get_max_threads()) {
  // Results in bfloat16 are rounded once.
  const Index parts = c_type_ == Type::float32 ? std::max(ceil_div(inner_, kDepth), Index{1}) : 1;
  depth_ = 2 * ceil_div(ceil_div(inner_, parts), 2);
  const Operand& split = shares_a_ ? b_ : a_;
  const Index panel_bytes = std::max(depth_, Index{2}) * split.width * static_cast<Index>(sizeof(Bfloat16));
  const Index fitting = std::max(kBlockBytes / panel_bytes, Index{1});
  blocks_ = ceil_div(ceil_div(split.panels(), fitting), threads_) * threads_;
}

void PackedProduct::Operand::pack_panel(const void* data, Index panel, Index first, Index depth, Pair* to) const {
  const Index lane = panel * width;
  pack({static_cast<const Bfloat16*>(data) + lane * across + first * along, along, across, lanes - lane}, depth, to);
}

bfloat16::Tile PackedProduct::tile(void* c, const float* bias, Index row, Index column, const Part& part) const {
  const Index first = row * c_row_ + column;
  const bool is_narrow = c_type_ == Type::bfloat16;
  return {.wide = is_narrow ? nullptr : static_cast<float*>(c) + first,
          .narrow = is_narrow ? static_cast<Bfloat16*>(c) + first : nullptr,
          .row = c_row_,
          .rows = std::min(kTileRows, a_.lanes - row),
          .columns = std::min(kTileColumns, b_.lanes - column),
          .adds = adds_ || part.first > 0,
          .bias = bias == nullptr || part.first > 0 ? nullptr : bias + column};
}

void PackedProduct::run(const void* a, const void* b, void* c, const float* bias) const {
  static thread_local std::vector<Line> scratch;
  const Operand& shared = shares_a_ ? a_ : b_;
  const Operand& split = shares_a_ ? b_ : a_;
  const void* const shared_data = shares_a_ ? a : b;
  const void* const split_data = shares_a_ ? b : a;
  const Index deepest = depth_ / 2;
  const Index shared_size = whole_lines(shared.panels() * shared.width * deepest);
  const Index split_size = whole_lines(ceil_div(split.panels(), blocks_) * split.width * deepest);
  const auto lines = static_cast<std::size_t>((shared_size + threads_ * split_size) / kPairsOfLine);
  if (scratch.size() < lines) scratch.resize(lines);
  Pair* const shared_panels = scratch.data()->pairs.data();

  Index first = 0;
  do {
    const Part part{first, std::min(depth_, inner_ - first)};
    const Index shared_step = shared.width * part.pairs();
    const Index split_step = split.width * part.pairs();
#pragma omp parallel num_threads(threads_)
    {
#pragma omp for schedule(static)
      for (Index i = 0; i < shared.panels(); ++i) {
        shared.pack_panel(shared_data, i, part.first, part.depth, shared_panels + i * shared_step);
      }
      Pair* const split_panels = shared_panels + shared_size + omp_get_thread_num() * split_size;
#pragma omp for schedule(static)
      for (Index block = 0; block < blocks_; ++block) {
        const Index begin = block * split.panels() / blocks_;
        const Index end = (block + 1) * split.panels() / blocks_;
        for (Index j = begin; j < end; ++j) {
          split.pack_panel(split_data, j, part.first, part.depth, split_panels + (j - begin) * split_step);
        }
        for (Index i = 0; i < shared.panels(); ++i) {
          for (Index j = begin; j < end; ++j) {
            const Pair* const one = shared_panels + i * shared_step;
            const Pair* const other = split_panels + (j - begin) * split_step;
            if (shares_a_) {
              multiply_tile(one, other, part.pairs(), tile(c, bias, i * kTileRows, j * kTileColumns, part));
            } else {
              multiply_tile(other, one, part.pairs(), tile(c, bias, j * kTileRows, i * kTileColumns, part));
            }
          }
        }
      }
    }
    first += depth_;
  } while (first < inner_);
}

}  // namespace normdescent::fixed
