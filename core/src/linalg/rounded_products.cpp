// SPDX-License-Identifier: Apache-2.0
#include "rounded_products.hpp"

#include <omp.h>

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
  is_native_ = fixed_product::has_native_bfloat16();
  if (!is_native_) return;
  plan_gram();
  plan_square();
  plan_apply();
#endif
}

#if defined(NORMDESCENT_HAVE_DNNL)
namespace {

using fixed_product::Layout;
constexpr auto kOperand = fixed_product::Type::bfloat16;
constexpr auto kResult = fixed_product::Type::float32;

constexpr Index kGramRows = 768;
constexpr Index kApplyRows = 192;
constexpr Index kApplyColumns = 768;

// On one core parts that stay in its caches are faster than the whole (docs/performance.md); several share the whole
// better.
Index part_of(Index whole, Index part) { return omp_get_max_threads() == 1 ? std::min(whole, part) : whole; }

}  // namespace

void RoundedProducts::plan_gram() {
  const Index r = std::min(rows_, cols_);
  const Index q = std::max(rows_, cols_);
  // A tall X is read by columns: fewer of its rows at a time, summed.
  const Index step = is_wide_ ? q : part_of(q, kGramRows);
  for (Index begin = 0; begin < q; begin += step) {
    const Index depth = std::min(step, q - begin);
    for (Index first = 0; first < r; first += kPanelRows) {
      const Index count = std::min(kPanelRows, r - first);
      const Index rest = r - first;
      // The rows of a wide X, or the columns of a tall one.
      const auto along = is_wide_ ? std::vector<Index>{cols_, 1} : std::vector<Index>{1, cols_};
      const auto across = is_wide_ ? std::vector<Index>{1, cols_} : std::vector<Index>{cols_, 1};
      const Index offset = is_wide_ ? first * cols_ : begin * cols_ + first;
      gram_panels_.push_back(
          {offset, offset, first * r + first,
           fixed_product::Product({{count, depth}, along, kOperand}, {{depth, rest}, across, kOperand},
                                  {{count, rest}, {r, 1}, kResult}, {.accumulates = begin > 0})});
    }
  }
}

void RoundedProducts::plan_square() {
  const Index r = std::min(rows_, cols_);
  for (Index first = 0; first < r; first += kPanelRows) {
    const Index count = std::min(kPanelRows, r - first);
    const Index rest = r - first;
    square_panels_.push_back({first * r, first, first * r + first,
                              fixed_product::Product({{count, r}, {r, 1}, kOperand}, {{r, rest}, {r, 1}, kOperand},
                                                     {{count, rest}, {r, 1}, kResult})});
  }
}

void RoundedProducts::plan_apply() {
  const Index r = std::min(rows_, cols_);
  const Index q = std::max(rows_, cols_);
  const Layout square = Layout::rows(r, r, kOperand);
  const Index step = part_of(q, is_wide_ ? kApplyColumns : kApplyRows);
  for (Index first = 0; first < q; first += step) {
    const Index count = std::min(step, q - first);
    if (is_wide_) {
      apply_panels_.push_back(
          {0, first, first,
           fixed_product::Product(square, {{r, count}, {cols_, 1}, kOperand}, {{r, count}, {cols_, 1}, kResult})});
    } else {
      apply_panels_.push_back(
          {first * r, 0, first * r,
           fixed_product::Product(Layout::rows(count, r, kOperand), square, Layout::rows(count, r, kResult))});
    }
  }
}

void RoundedProducts::run(const std::vector<Panel>& panels, const Bfloat16* left, const Bfloat16* right, float* to) {
  for (const Panel& p : panels) p.product.run(left + p.left, right + p.right, to + p.to);
}
#endif

void RoundedProducts::reserve(Scratch& scratch) const {
  if (is_native_) return;
  const auto r = static_cast<std::size_t>(std::min(rows_, cols_));
  scratch.square.resize(std::max(scratch.square.size(), r * r));
  scratch.iterate.resize(std::max(scratch.iterate.size(), static_cast<std::size_t>(rows_ * cols_)));
}

void RoundedProducts::gram(const Bfloat16* x, MatrixView<float> a, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) {
    run(gram_panels_, x, x, a.data);
    return mirror_upper(Block<float>(a));
  }
#endif
  widen(x, scratch.iterate.data(), rows_ * cols_);
  normdescent::gram<float>(is_wide_ ? Transpose::no : Transpose::yes, {scratch.iterate.data(), rows_, cols_}, a);
}

void RoundedProducts::square(const Bfloat16* a, MatrixView<float> c, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) {
    run(square_panels_, a, a, c.data);
    return mirror_upper(Block<float>(c));
  }
#endif
  widen(a, scratch.square.data(), c.size());
  normdescent::gram<float>(Transpose::no, {scratch.square.data(), c.rows, c.cols}, c);
}

void RoundedProducts::apply(const Bfloat16* q, const Bfloat16* x, MatrixView<float> out, Scratch& scratch) const {
#if defined(NORMDESCENT_HAVE_DNNL)
  if (is_native_) return is_wide_ ? run(apply_panels_, q, x, out.data) : run(apply_panels_, x, q, out.data);
#endif
  const Index r = std::min(rows_, cols_);
  const MatrixView<const float> wide_x{scratch.iterate.data(), rows_, cols_};
  const MatrixView<const float> wide_q{scratch.square.data(), r, r};
  widen(x, scratch.iterate.data(), out.size());
  widen(q, scratch.square.data(), r * r);
  is_wide_ ? multiply(wide_q, wide_x, out) : multiply(wide_x, wide_q, out);
}

}  // namespace normdescent
