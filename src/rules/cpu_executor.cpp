// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/rules/corrections.hpp"
#include "normdescent/rules/executors.hpp"
#include "normdescent/rules/pieces.hpp"

namespace normdescent::rules {
namespace {

// Leaf loops: nothing but arithmetic, so that each copy vectorizes. State lives in locals during a coordinate's update:
// stores through references would have to be assumed to alias.
template <class R, class T>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, Index n) {
  for (Index i = 0; i < n; ++i) {
    T xi = x[i];
    rule(xi, g[i]);
    x[i] = xi;
  }
}

template <class R, class T>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, T* __restrict s0, Index n) {
  for (Index i = 0; i < n; ++i) {
    T xi = x[i];
    T a = s0[i];
    rule(xi, g[i], a);
    x[i] = xi;
    s0[i] = a;
  }
}

template <class R, class T>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, T* __restrict s0, T* __restrict s1,
                                   Index n) {
  for (Index i = 0; i < n; ++i) {
    T xi = x[i];
    T a = s0[i];
    T b = s1[i];
    rule(xi, g[i], a, b);
    x[i] = xi;
    s0[i] = a;
    s1[i] = b;
  }
}

template <class T>
NORMDESCENT_MULTIVERSION void rescale(double factor, const T* __restrict g, T* __restrict out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = scale_gradient(factor, g[i]);
}

/// [first, first + count) of a task; g points at what the rule is fed there.
template <Rule R>
void run_leaf(const Task<R>& task, const typename R::value_type* g, Index first, Index count) {
  if constexpr (R::state_count == 0) {
    leaf(task.rule, task.x + first, g, count);
  } else if constexpr (R::state_count == 1) {
    leaf(task.rule, task.x + first, g, task.state[0] + first, count);
  } else {
    leaf(task.rule, task.x + first, g, task.state[0] + first, task.state[1] + first, count);
  }
}

/// Gradients that are rescaled at a time: they and what is updated with them stay in the first-level cache.
constexpr Index kRescaled = 1024;

template <Rule R>
void run_rescaled(const Task<R>& task, Index first, Index count) {
  std::array<typename R::value_type, static_cast<std::size_t>(kRescaled)> scaled;
  for (const Index end = first + count; first < end; first += kRescaled) {
    const Index n = std::min(kRescaled, end - first);
    rescale(task.gradient_factor, task.g + first, scaled.data(), n);
    run_leaf(task, scaled.data(), first, n);
  }
}

}  // namespace

template <Rule R>
void run_on_cpu(std::span<const Task<R>> tasks) {
  for_each_piece(
      tasks.size(), [&](std::size_t a) { return tasks[a].size; },
      [&](std::size_t a, Index first, Index count) {
        const Task<R>& task = tasks[a];
        if (task.gradient_factor == 1.0) {
          run_leaf(task, task.g + first, first, count);
        } else {
          run_rescaled(task, first, count);
        }
        if (task.cleared != nullptr) std::fill_n(task.cleared + first, count, 0);
      });
}

#define NORMDESCENT_INSTANTIATE_RULE(...) template void run_on_cpu<__VA_ARGS__>(std::span<const Task<__VA_ARGS__>>)
#define NORMDESCENT_INSTANTIATE_ESTIMATOR(T, E)                     \
  NORMDESCENT_INSTANTIATE_RULE(ElementwiseRule<E<T>, Identity<T>>); \
  NORMDESCENT_INSTANTIATE_RULE(ElementwiseRule<E<T>, Sign<T>>);     \
  NORMDESCENT_INSTANTIATE_RULE(ElementwiseRule<E<T>, AdaGradScale<T>>)
#define NORMDESCENT_INSTANTIATE_ALL(T)                                 \
  NORMDESCENT_INSTANTIATE_ESTIMATOR(T, Raw);                           \
  NORMDESCENT_INSTANTIATE_ESTIMATOR(T, Ema);                           \
  NORMDESCENT_INSTANTIATE_ESTIMATOR(T, EmaNesterov);                   \
  NORMDESCENT_INSTANTIATE_ESTIMATOR(T, HeavyBall);                     \
  NORMDESCENT_INSTANTIATE_ESTIMATOR(T, HeavyBallNesterov);             \
  NORMDESCENT_INSTANTIATE_ESTIMATOR(T, DoubleEma);                     \
  NORMDESCENT_INSTANTIATE_RULE(ExtrapolateRule<T>);                    \
  NORMDESCENT_INSTANTIATE_RULE(AddScaledRule<T>);                      \
  NORMDESCENT_INSTANTIATE_RULE(RescaleRule<T>);                        \
  NORMDESCENT_INSTANTIATE_RULE(ElementwiseRule<Raw<T>, Scaled<T>>);    \
  NORMDESCENT_INSTANTIATE_RULE(ElementwiseRule<Ema<T>, AdamScale<T>>); \
  NORMDESCENT_INSTANTIATE_RULE(EstimateRule<Ema<T>>);                  \
  NORMDESCENT_INSTANTIATE_RULE(EstimateRule<EmaNesterov<T>>);          \
  NORMDESCENT_INSTANTIATE_RULE(EstimateRule<HeavyBall<T>>);            \
  NORMDESCENT_INSTANTIATE_RULE(EstimateRule<HeavyBallNesterov<T>>);    \
  NORMDESCENT_INSTANTIATE_RULE(EstimateRule<DoubleEma<T>>)

NORMDESCENT_INSTANTIATE_ALL(float);
NORMDESCENT_INSTANTIATE_ALL(double);

#undef NORMDESCENT_INSTANTIATE_ALL
#undef NORMDESCENT_INSTANTIATE_ESTIMATOR
#undef NORMDESCENT_INSTANTIATE_RULE

}  // namespace normdescent::rules
