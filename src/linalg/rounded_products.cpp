// SPDX-License-Identifier: Apache-2.0
#include "rounded_products.hpp"

#include <algorithm>

#include "blocks.hpp"
#include "normdescent/base/multiversion.hpp"

namespace normdescent {

NORMDESCENT_MULTIVERSION void round_scaled(const float* from, float factor, Bfloat16* to, Index size) {
  for (Index i = 0; i < size; ++i) to[i] = to_bfloat16(factor * from[i]);
}

NORMDESCENT_MULTIVERSION void widen(const Bfloat16* from, float* to, Index size) {
  for (Index i = 0; i < size; ++i) to[i] = to_float(from[i]);
}

RoundedProducts::RoundedProducts(Index rows, Index cols) : rows_(rows), cols_(cols), is_wide_(rows <= cols) {
#if defined(NORMDESCENT_HAVE_DNNL)
  is_native_ = fixed::has_native_bfloat16();
  if (!is_native_) return;
  using fixed::Layout;
  constexpr auto kOperand = fixed::Type::bfloat16;
  constexpr auto kResult = fixed::Type::float32;
  const Index r = std::min(rows, cols);
  const Index q = std::max(rows, cols);
  for (Index first = 0; first < r; first += kPanelRows) {
    const Index count = std::min(kPanelRows, r - first);
    const Index rest = r - first;
    const Layout result{{count, rest}, {r, 1}, kResult};
    // The rows of a wide X, or the columns of a tall one.
    const Layout left{{count, q}, is_wide_ ? std::vector<Index>{cols, 1} : std::vector<Index>{1, cols}, kOperand};
    const Layout right{{q, rest}, is_wide_ ? std::vector<Index>{1, cols} : std::vector<Index>{cols, 1}, kOperand};
    const Index offset = is_wide_ ? first * cols : first;
    gram_panels_.push_back({offset, offset, first * r + first, fixed::Product(left, right, result)});
    const Layout rows_of_a{{count, r}, {r, 1}, kOperand};
    const Layout columns_of_a{{r, rest}, {r, 1}, kOperand};
    square_panels_.push_back({first * r, first, first * r + first, fixed::Product(rows_of_a, columns_of_a, result)});
  }
  const Layout x = Layout::rows(rows, cols, kOperand);
  const Layout p = Layout::rows(r, r, kOperand);
  const Layout out = Layout::rows(rows, cols, kResult);
  apply_.push_back(is_wide_ ? fixed::Product(p, x, out) : fixed::Product(x, p, out));
#endif
}

void RoundedProducts::reserve(Scratch& scratch) const {
  if (is_native_) return;
  const auto r = static_cast<std::size_t>(std::min(rows_, cols_));
  scratch.square.resize(std::max(scratch.square.size(), r * r));
  scratch.iterate.resize(std::max(scratch.iterate.size(), static_cast<std::size_t>(rows_ * cols_)));
}

void RoundedProducts::gram(const Bfloat16* x, MatrixView<float> a, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) {
    for (const Panel& p : gram_panels_) p.product.run(x + p.left, x + p.right, a.data + p.to);
    return mirror_upper(Block<float>(a));
  }
#endif
  widen(x, scratch.iterate.data(), rows_ * cols_);
  normdescent::gram<float>(is_wide_ ? Transpose::no : Transpose::yes, {scratch.iterate.data(), rows_, cols_}, a);
}

void RoundedProducts::square(const Bfloat16* a, MatrixView<float> c, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) {
    for (const Panel& p : square_panels_) p.product.run(a + p.left, a + p.right, c.data + p.to);
    return mirror_upper(Block<float>(c));
  }
#endif
  widen(a, scratch.square.data(), c.size());
  normdescent::gram<float>(Transpose::no, {scratch.square.data(), c.rows, c.cols}, c);
}

void RoundedProducts::apply(const Bfloat16* q, const Bfloat16* x, MatrixView<float> out, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) return is_wide_ ? apply_.front().run(q, x, out.data) : apply_.front().run(x, q, out.data);
#endif
  const Index r = std::min(rows_, cols_);
  const MatrixView<const float> wide_x{scratch.iterate.data(), rows_, cols_};
  const MatrixView<const float> wide_q{scratch.square.data(), r, r};
  widen(x, scratch.iterate.data(), out.size());
  widen(q, scratch.square.data(), r * r);
  is_wide_ ? multiply(wide_q, wide_x, out) : multiply(wide_x, wide_q, out);
}

}  // namespace normdescent
