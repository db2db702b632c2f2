// SPDX-License-Identifier: Apache-2.0
// What products of bfloat16 matrices come down to on processors that multiply pairs of them (AVX-512 BF16): operands
// packed into panels, and one tile of C from two panels. packed_product.hpp makes whole products of it.
//
// A panel holds some rows of A or columns of B ("lanes"), pair of neighbours along the inner dimension by pair: pair p
// of lane j lies at panel[p width + j]. Lanes and entries beyond the matrix are 0.
#pragma once

#include <array>
#include <cstdint>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent::bfloat16 {

inline constexpr Index kTileRows = 12;     ///< width of a left panel
inline constexpr Index kTileColumns = 32;  ///< width of a right panel

/// Two bfloat16 numbers; arrays of them begin at a cache line.
using Pair = std::int32_t;
struct alignas(64) Line {
  std::array<Pair, 16> pairs;
};

/// Whether this processor and this build can.
[[nodiscard]] bool has_tiles();

/// A matrix whose entry k of lane j is at data[k along + j across], one of which is 1.
struct Lanes {
  const Bfloat16* data;
  Index along;
  Index across;
  Index count;  ///< lanes that exist
};
/// `depth` entries of each lane. Panels have (depth + 1) / 2 pairs of kTileRows, kTileColumns.
void pack_left(const Lanes& from, Index depth, Pair* panel);
void pack_right(const Lanes& from, Index depth, Pair* panel);

/// Where a tile goes: up to kTileRows x kTileColumns entries, rows `row` entries apart.
struct Tile {
  float* wide;         ///< as float,
  Bfloat16* narrow;    ///< or rounded to nearest, where not nullptr
  Index row;
  Index rows;
  Index columns;
  bool adds;           ///< C += A B; float only
  const float* bias;   ///< a row that is added; nullptr: none
};
/// C = A B + bias. Sums are float, in the order of the inner dimension; subnormal numbers count as 0.
void multiply_tile(const Pair* left, const Pair* right, Index pairs, const Tile& c);

}  // namespace normdescent::bfloat16
