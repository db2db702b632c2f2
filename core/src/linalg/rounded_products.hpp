// SPDX-License-Identifier: Apache-2.0
// Products of msign's shapes whose operands are stored in bfloat16 and whose sums are float: by oneDNN where the
// library was built with it and the processor multiplies bfloat16, else by BLAS on the same operands widened to float.
// The two agree up to the order of summation.
#pragma once

#include <vector>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/view.hpp"

#if defined(NORMDESCENT_HAVE_DNNL)
#include "normdescent/linalg/fixed_product.hpp"
#endif

namespace normdescent {

/// For X (m, n), r = min(m, n), "X X^T" being X^T X where X is tall. Planned for the omp_get_max_threads() of the
/// construction; const members may be called by several threads, each with a scratch of its own.
class RoundedProducts {
 public:
  struct Scratch {
    std::vector<float> square;
    std::vector<float> iterate;
  };

  RoundedProducts(Index rows, Index cols);

  void reserve(Scratch& scratch) const;
  /// A (r, r) <- X X^T, exactly symmetric.
  void gram(const Bfloat16* x, MatrixView<float> a, Scratch& scratch) const;
  /// C (r, r) <- A A for symmetric A, exactly symmetric.
  void square(const Bfloat16* a, MatrixView<float> c, Scratch& scratch) const;
  /// out (m, n) <- Q X, or X Q for tall X. Q (r, r).
  void apply(const Bfloat16* q, const Bfloat16* x, MatrixView<float> out, Scratch& scratch) const;

 private:
  Index rows_;
  Index cols_;
  bool is_wide_;
  bool is_native_ = false;
#if defined(NORMDESCENT_HAVE_DNNL)
  void plan_gram();
  void plan_square();
  void plan_apply();

  struct Panel {
    Index left;   ///< offset of the left operand, in elements
    Index right;  ///< offset of the right operand
    Index to;     ///< offset of the result
    fixed_product::Product product;
  };
  static void run(const std::vector<Panel>& panels, const Bfloat16* left, const Bfloat16* right, float* to);

  std::vector<Panel> gram_panels_;
  std::vector<Panel> square_panels_;
  std::vector<Panel> apply_panels_;
#endif
};

/// to[i] = bfloat16(factor from[i])
void round_scaled(const float* from, float factor, Bfloat16* to, Index size);
/// to[i] = from[i]
void widen(const Bfloat16* from, float* to, Index size);

}  // namespace normdescent
