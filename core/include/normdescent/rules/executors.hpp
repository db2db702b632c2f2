// SPDX-License-Identifier: Apache-2.0
// Executors run one elementwise rule over all coordinates of many tensors, in one pass over memory. All executors give
// the same bits (fixed operation order, no contraction): `run_scalar` is the reference, `run_on_cpu` the fast one.
#pragma once

#include <array>
#include <span>
#include <utility>

#include "normdescent/base/stochastic_rounding.hpp"
#include "normdescent/base/view.hpp"
#include "normdescent/rules/rule.hpp"

namespace normdescent::rules {

/// State that is kept in bfloat16: widened before the rule sees it, rounded afterwards, to nearest or with the bits of
/// round_stochastically(x, out, seed, stream, step).
struct NarrowState {
  Bfloat16* values = nullptr;  ///< nullptr: this state is not narrow
  bool is_stochastic = false;
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t step = 0;
};

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
  std::array<NarrowState, kStates> narrow{};  ///< instead of state[k] where it has values; T = float only
  Index size = 0;
  double gradient_factor = 1.0;  ///< the rule is fed scale_gradient(gradient_factor, g)
  T* cleared = nullptr;          ///< g again if it is to be 0 afterwards
  Bfloat16* rounded = nullptr;   ///< receives the new x rounded to nearest; T = float only
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
  std::array<typename R::value_type, Task<R>::kStates> state{};
  for (std::size_t k = 0; k < state.size(); ++k) {
    const Bfloat16* const narrow = task.narrow[k].values;
    state[k] = narrow == nullptr ? task.state[k][i] : to_float(narrow[i]);
  }
  [&]<std::size_t... k>(std::index_sequence<k...>) { task.rule(task.x[i], g, state[k]...); }
  (std::make_index_sequence<Task<R>::kStates>{});
  for (std::size_t k = 0; k < state.size(); ++k) {
    const NarrowState& n = task.narrow[k];
    if (n.values == nullptr) {
      task.state[k][i] = state[k];
    } else {
      const auto result = static_cast<float>(state[k]);
      const auto at = static_cast<std::uint64_t>(i);
      n.values[i] = n.is_stochastic ? round_stochastically(result, rounding_bits(n.seed, n.stream, n.step, at))
                                    : to_bfloat16(result);
    }
  }
  if (task.cleared != nullptr) task.cleared[i] = 0;
  if (task.rounded != nullptr) task.rounded[i] = to_bfloat16(static_cast<float>(task.x[i]));
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
