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
  const Layout x = Layout::rows(rows, cols, kOperand);
  const Layout wide = is_wide_ ? x : x.transposed();
  const Layout square = Layout::rows(r, r, kOperand);
  gram_.emplace(wide, wide.transposed(), Layout::rows(r, r, kResult), fixed::ProductOptions{.upper_only = true});
  square_.emplace(square, square, Layout::rows(r, r, kResult), fixed::ProductOptions{.upper_only = true});
  apply_.emplace(is_wide_ ? square : x, is_wide_ ? x : square, Layout::rows(rows, cols, kResult));
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
    gram_->run(x, x, a.data);
    return mirror_upper(Block<float>(a));
  }
#endif
  widen(x, scratch.iterate.data(), rows_ * cols_);
  normdescent::gram<float>(is_wide_ ? Transpose::no : Transpose::yes, {scratch.iterate.data(), rows_, cols_}, a);
}

void RoundedProducts::square(const Bfloat16* a, MatrixView<float> c, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) {
    square_->run(a, a, c.data);
    return mirror_upper(Block<float>(c));
  }
#endif
  widen(a, scratch.square.data(), c.size());
  normdescent::gram<float>(Transpose::no, {scratch.square.data(), c.rows, c.cols}, c);
}

void RoundedProducts::apply(const Bfloat16* q, const Bfloat16* x, MatrixView<float> out, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) return is_wide_ ? apply_->run(q, x, out.data) : apply_->run(x, q, out.data);
#endif
  const Index r = std::min(rows_, cols_);
  const MatrixView<const float> wide_x{scratch.iterate.data(), rows_, cols_};
  const MatrixView<const float> wide_q{scratch.square.data(), r, r};
  widen(x, scratch.iterate.data(), out.size());
  widen(q, scratch.square.data(), r * r);
  is_wide_ ? multiply(wide_q, wide_x, out) : multiply(wide_x, wide_q, out);
}

}  // namespace normdescent
