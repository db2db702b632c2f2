// SPDX-License-Identifier: Apache-2.0
// C = A B of bfloat16 matrices on processors with AVX-512 BF16 and no matrix unit, where oneDNN stays further below the
// processor's rate (docs/performance.md). fixed_product.hpp chooses between the two; each is the other's twin.
//
// The larger of A's rows and B's columns is split between the threads, in blocks that stay in a core's second-level
// cache; the other operand is packed once for all. Every entry of C is a sum in the order of the inner dimension, so
// results do not depend on the number of threads.
#pragma once

#include "bfloat16_tile.hpp"
#include "normdescent/linalg/fixed_product.hpp"

namespace normdescent::fixed {

class PackedProduct {
 public:
  /// Whether this processor can, and the layouts are matrices of bfloat16 with neighbours along one side.
  [[nodiscard]] static bool fits(const Layout& a, const Layout& b);

  PackedProduct(const Layout& a, const Layout& b, const Layout& c, const ProductOptions& options);

  /// Scratch memory is the calling thread's and is kept: for float results at most 4 KiB a row or column of the
  /// smaller operand and about 1 MiB a thread.
  void run(const void* a, const void* b, void* c, const float* bias) const;

 private:
  /// A's rows or B's columns, in panels.
  struct Operand {
    Index lanes;
    Index width;  ///< of a panel
    Index along;
    Index across;
    void (*pack)(const bfloat16::Lanes&, Index, bfloat16::Pair*);

    [[nodiscard]] Index panels() const { return (lanes + width - 1) / width; }
    void pack_panel(const void* data, Index panel, Index first, Index depth, bfloat16::Pair* to) const;
  };
  /// A part of the inner dimension.
  struct Part {
    Index first;
    Index depth;
    [[nodiscard]] Index pairs() const { return (depth + 1) / 2; }
  };
  [[nodiscard]] bfloat16::Tile tile(void* c, const float* bias, Index row, Index column, const Part& part) const;

  Operand a_;
  Operand b_;
  Index inner_;
  Index c_row_;
  Type c_type_;
  bool adds_;
  bool shares_a_;
  Index depth_;   ///< of a part
  Index blocks_;  ///< of the operand that is split
  int threads_;
};

}  // namespace normdescent::fixed
