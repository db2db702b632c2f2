// SPDX-License-Identifier: Apache-2.0
#include "head.hpp"

#include <algorithm>
#include <cmath>

#include "dense_products.hpp"
#include "elements.hpp"
#include "softmax.hpp"

namespace normdescent::gpt {

namespace {

// Logits of this many rows of GPT-2 are 100 MB. Each part reads and writes the weight's gradient once more, so parts
// are large enough to hide that behind their product.
constexpr Index kRows = 512;

/// Gradient of weight * sum_i loss_i for a part of the rows, unless dlogits is nullptr. Overwrites the logits.
template <class S>
void cross_entropy(float* logits, const std::int64_t* targets, float weight, S* dlogits, double* row_losses, Index rows,
                   Index v) {
#pragma omp parallel for schedule(static)
  for (Index i = 0; i < rows; ++i) {
    float* x = logits + i * v;
    const Index target = targets[i];
    const auto logit = static_cast<double>(x[target]);
    const Exponentials row = exponentials(x, 1.0F, v);
    row_losses[i] = std::log(static_cast<double>(row.sum)) + static_cast<double>(row.top) - logit;
    if (dlogits == nullptr) continue;
    const float factor = weight / row.sum;
    scale_into(x, factor, dlogits + i * v, v);
    store(x[target] * factor - weight, dlogits[i * v + target]);
  }
}

}  // namespace

template <class S>
struct Head<S>::Plan {
  Plan(Index rows, Index c, Index v)
      : products(rows, c, v, {.out_type = Type::float32, .dx_type = Type::float32}),
        dw_more(Layout::rows(rows, v, kType<S>).transposed(), Layout::rows(rows, c, kType<S>),
                Layout::rows(v, c, Type::float32), {.accumulates = true}) {}
  DenseProducts<S> products;
  Product dw_more;
};

template <class S>
auto Head<S>::plan(Index rows) -> const Plan& {
  auto& entry = plans_[rows];
  if (!entry) entry = std::make_shared<Plan>(rows, c_, v_);
  return *entry;
}

template <class S>
double Head<S>::loss(const S* h, const S* weight, const std::int64_t* targets, Index n, const Gradient* gradient) {
  const auto part = static_cast<std::size_t>(std::min(kRows, n) * v_);
  if (logits_.size() < part) logits_.resize(part);
  if (gradient != nullptr && dlogits_.size() < part) dlogits_.resize(part);
  if (static_cast<Index>(row_losses_.size()) < n) row_losses_.resize(static_cast<std::size_t>(n));
  for (Index first = 0; first < n; first += kRows) {
    const Index rows = std::min(kRows, n - first);
    const Plan& p = plan(rows);
    const S* h_part = h + first * c_;
    p.products.forward.run(h_part, weight, logits_.data());
    cross_entropy(logits_.data(), targets + first, 1.0F / static_cast<float>(n),
                  gradient == nullptr ? nullptr : dlogits_.data(), row_losses_.data() + first, rows, v_);
    if (gradient == nullptr) continue;
    (first == 0 ? p.products.dw : p.dw_more).run(dlogits_.data(), h_part, gradient->dweight);
    p.products.dx.run(dlogits_.data(), weight, gradient->dh + first * c_);
  }
  double total = 0.0;
  for (Index i = 0; i < n; ++i) total += row_losses_[static_cast<std::size_t>(i)];
  return total / static_cast<double>(n);
}

template class Head<float>;
template class Head<Bfloat16>;

}  // namespace normdescent::gpt
