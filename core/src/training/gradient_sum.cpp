// SPDX-License-Identifier: Apache-2.0
#include "normdescent/training/gradient_sum.hpp"

namespace normdescent::train_detail {
namespace {

template <class F>
void for_elements(std::size_t size, const F& body) {
  const auto count = static_cast<std::int64_t>(size);
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) body(static_cast<std::size_t>(i));
}

}  // namespace

void GradientSum::start(std::span<const Parameter> parameters, float share) {
  sums_.resize(parameters.size());
  for (std::size_t t = 0; t < sums_.size(); ++t) {
    const auto gradient = parameters[t].gradient;
    auto& sum = sums_[t];
    sum.resize(gradient.size());
    for_elements(sum.size(), [=, to = sum.data()](std::size_t i) { to[i] = share * gradient[i]; });
  }
}

void GradientSum::add(std::span<const Parameter> parameters, float share) {
  for (std::size_t t = 0; t < sums_.size(); ++t) {
    const auto gradient = parameters[t].gradient;
    auto& sum = sums_[t];
    for_elements(sum.size(), [=, to = sum.data()](std::size_t i) { to[i] += share * gradient[i]; });
  }
}

void GradientSum::finish(std::span<const Parameter> parameters, float share) {
  for (std::size_t t = 0; t < sums_.size(); ++t) {
    const auto gradient = parameters[t].gradient;
    const auto& sum = sums_[t];
    for_elements(sum.size(), [=, from = sum.data()](std::size_t i) { gradient[i] = from[i] + share * gradient[i]; });
  }
}

}  // namespace normdescent::train_detail
