// SPDX-License-Identifier: Apache-2.0
// C = A B on processors with AVX-512, from packed panels (packed_tile.hpp). fixed_product.hpp chooses between this and
// oneDNN, which stays further below the rate of a processor without a matrix unit (docs/performance.md); each is the
// other's twin.
//
// The larger of A's rows and B's columns is split between the threads, in blocks that stay in a core's second-level
// cache; the other operand is packed once for all. Every entry of C is a sum in the order of the inner dimension, so
// results do not depend on the number of threads.
#pragma once

#include "normdescent/base/view.hpp"
#include "packed_tile.hpp"

namespace normdescent::packed {

/// Entry (i, j) of a matrix is at data[i row + j column], one of which is 1.
struct Strides {
  Index row;
  Index column;
};

struct Shape {
  Index rows;
  Index columns;
  Index inner;
  Strides a;
  Strides b;
  Index c_row;              ///< C's rows are this far apart
  bool is_narrow = false;   ///< C is Bfloat16, else float
  bool adds = false;        ///< C += A B; float only
  bool upper_only = false;  ///< what is left in entries below the diagonal is not specified
};

/// S: float or Bfloat16, has_tiles<S>(). For the omp_get_max_threads() of the construction.
template <class S>
class Product {
 public:
  explicit Product(const Shape& shape);

  /// C = A B, and the row `bias` added where it is not nullptr. Scratch memory is the calling thread's and is kept: for
  /// float results at most 2048 entries a row or column of the smaller operand, and about 1 MiB a thread.
  void run(const S* a, const S* b, void* c, const float* bias = nullptr) const;

 private:
  /// A's rows or B's columns, in panels.
  struct Operand {
    Index lanes;
    Index width;  ///< of a panel
    Index along;
    Index across;
    void (*pack)(const Lanes<S>&, Index, Group*);

    [[nodiscard]] Index panels() const { return (lanes + width - 1) / width; }
    void pack_panel(const S* data, Index panel, Index first, Index depth, Group* to) const;
  };
  struct Work;
  void run_part(const Work& work, Index first, Index depth) const;
  [[nodiscard]] Tile tile(const Work& work, Index row, Index column, bool is_first) const;

  Shape shape_;
  Operand a_;
  Operand b_;
  bool shares_a_;
  Index depth_;   ///< of a part of the inner dimension
  Index blocks_;  ///< of the operand that is split
  int threads_;
};

}  // namespace normdescent::packed
