// SPDX-License-Identifier: Apache-2.0
// C = A B or C += A B of matrices that fit in the caches of one core, by the calling thread: attention's products, too
// small and too triangular for linalg's. The caller packs the operands; S is float or Bfloat16, sums are float.
//
// Bfloat16 is multiplied natively where the processor can, otherwise through float.
#pragma once

#include <type_traits>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/view.hpp"

namespace normdescent::gpt {

/// Neighbours along the inner dimension that lie together in a packed operand: what one native instruction multiplies.
template <class S>
inline constexpr Index kTogether = std::is_same_v<S, float> ? 1 : 2;
inline constexpr Index kTileRows = 4;      ///< rows of C come in multiples of this
inline constexpr Index kTileColumns = 16;  ///< columns of C come in multiples of this

/// Groups of kTogether<S> numbers along the inner dimension: group g of row i is at data[i row + g group].
template <class S>
struct LeftOperand {
  const S* data;
  Index row;
  Index group;
};
/// Group g of column j is at data[g group + j kTogether<S>].
template <class S>
struct RightOperand {
  const S* data;
  Index group;
};
enum class Store { overwrite, add };
struct Result {
  float* data;
  Index row;
  Store store = Store::overwrite;
};

/// m and n as above; `groups` of the inner dimension. C may not overlap A or B.
template <class S>
void tile_product(const LeftOperand<S>& a, const RightOperand<S>& b, const Result& c, Index m, Index n, Index groups);

}  // namespace normdescent::gpt
