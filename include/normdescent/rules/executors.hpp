// SPDX-License-Identifier: Apache-2.0
// Executors run one elementwise rule over all coordinates of many tensors, in one pass over memory. All executors give
// the same bits (fixed operation order, no contraction): `run_scalar` is the reference, `run_on_cpu` the fast one.
#pragma once

#include <array>
#include <span>
#include <utility>

#include "normdescent/base/view.hpp"
#include "normdescent/rules/rule.hpp"

namespace normdescent::rules {

/// One tensor's part of a step. Arrays of `size` elements that do not overlap; x and state are updated, g is read. What
/// else is to be done with g rides along: it costs no further read of memory.
template <Rule R>
struct Task {
  using T = typename R::value_type;
  static constexpr auto kStates = static_cast<std::size_t>(R::state_count);

  R rule;  ///< coefficients may differ between tensors (step counts, shape scales)
  T* x = nullptr;
  const T* g = nullptr;
  std::array<T*, kStates> state{};
  Index size = 0;
  double gradient_factor = 1.0;  ///< the rule is fed scale_gradient(gradient_factor, g)
  T* cleared = nullptr;          ///< g again if it is to be 0 afterwards
};

/// factor g, formed in double as for rules::Scaled.
template <class T>
[[nodiscard]] NORMDESCENT_HOST_DEVICE constexpr T scale_gradient(double factor, T g) {
  return static_cast<T>(factor * static_cast<double>(g));
}

namespace detail {
/// rule at coordinate i
template <Rule R>
constexpr void apply_at(const Task<R>& task, Index i) {
  const auto g = scale_gradient(task.gradient_factor, task.g[i]);
  [&]<std::size_t... k>(std::index_sequence<k...>) { task.rule(task.x[i], g, task.state[k][i]...); }
  (std::make_index_sequence<Task<R>::kStates>{});
  if (task.cleared != nullptr) task.cleared[i] = 0;
}
}  // namespace detail

/// Reference executor: one thread, one coordinate after the other.
template <Rule R>
void run_scalar(std::span<const Task<R>> tasks) {
  for (const auto& task : tasks) {
    for (Index i = 0; i < task.size; ++i) detail::apply_at(task, i);
  }
}

/// CPU executor: vectorized for the instruction set found at run time, all tasks in one parallel region on the caller's
/// OpenMP threads. Compiled for the rules of this library only (src/rules/cpu_executor.cpp lists them).
template <Rule R>
void run_on_cpu(std::span<const Task<R>> tasks);

/// Whether no entry is NaN or infinite. One vectorized pass that reads `x` once, on one thread.
[[nodiscard]] bool all_finite(std::span<const float> x);
[[nodiscard]] bool all_finite(std::span<const double> x);

}  // namespace normdescent::rules
