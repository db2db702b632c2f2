// SPDX-License-Identifier: Apache-2.0
// What products come down to on processors with AVX-512: operands packed into panels, and one tile of C from two of
// them. packed_product.hpp makes whole products of it. S is float, or Bfloat16 where the processor multiplies pairs of
// those (AVX-512 BF16).
//
// A panel holds some rows of A or columns of B, its lanes. Neighbours along the inner dimension that one instruction
// multiplies lie together in a group, one float or two Bfloat16: group g of lane j is panel[g width + j]. Lanes and
// entries beyond the matrix are 0.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent::packed {

inline constexpr Index kTileRows = 12;     ///< width of a left panel
inline constexpr Index kTileColumns = 32;  ///< width of a right panel

/// Bits of a group; arrays of them begin at a cache line.
using Group = std::int32_t;
struct alignas(64) Line {
  std::array<Group, 16> groups;
};
template <class S>
inline constexpr Index kTogether = static_cast<Index>(sizeof(Group) / sizeof(S));

/// Whether this processor and this build can.
template <class S>
[[nodiscard]] bool has_tiles();

/// A matrix whose entry k of lane j is at data[k along + j across], one of which is 1.
template <class S>
struct Lanes {
  const S* data;
  Index along;
  Index across;
  Index count;  ///< lanes that exist
};
/// `depth` entries of each lane.
template <class S>
void pack_left(const Lanes<S>& from, Index depth, Group* panel);
template <class S>
void pack_right(const Lanes<S>& from, Index depth, Group* panel);

/// to(i, j) = from(j, i) for kSquare x kSquare entries whose rows are so far apart.
inline constexpr Index kSquare = 16;
void transpose_square(const float* from, Index from_row, float* to, Index to_row);

/// Where a tile goes: up to kTileRows x kTileColumns entries, rows `row` entries apart.
struct Tile {
  float* wide;       ///< as float,
  Bfloat16* narrow;  ///< or rounded to nearest, where not nullptr
  Index row;
  Index rows;
  Index columns;
  bool adds;          ///< C += A B; float only
  const float* bias;  ///< a row that is added; nullptr: none
};
/// C = A B + bias. Sums are float, in the order of the inner dimension; subnormal Bfloat16 numbers count as 0.
template <class S>
void multiply_tile(const Group* left, const Group* right, Index groups, const Tile& c);

}  // namespace normdescent::packed
