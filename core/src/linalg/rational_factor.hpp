// SPDX-License-Identifier: Apache-2.0
// The square factor of msign's rational methods.
#pragma once

#include "symmetric_algebra.hpp"

namespace normdescent {

/// Four (r, r) matrices. `gram` holds X X^T (or X^T X of a tall X) on entry; all are overwritten. With `panels`, of
/// panels::scratch_size(r) floats, products and inverses are those of panels.hpp, otherwise of blocks.hpp.
template <class T>
struct RationalBuffers {
  MatrixView<T> gram;
  MatrixView<T> inverse;
  MatrixView<T> factor;
  MatrixView<T> scratch;
  T* panels = nullptr;
};

/// Q with Q X (or X Q) = msign(X) up to the certified interval of halley.hpp; lies in one of the buffers. X must be
/// scaled so that ||X||_F is about 1, and not be 0. Cost per step, in multiply-adds: r^3 / 2 for the inverse, and r^3 /
/// 2 for each of two symmetric products, less one in the first and one in the last step.
template <class T>
[[nodiscard]] MatrixView<T> halley_factor(int steps, RationalBuffers<T> buffers);

/// The same up to the certified interval of resolvent.hpp. Cost: r^3 / 2 multiply-adds for each of two inverses.
template <class T>
[[nodiscard]] MatrixView<T> resolvent_factor(RationalBuffers<T> buffers);

}  // namespace normdescent
