// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <type_traits>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/rules/corrections.hpp"
#include "normdescent/rules/executors.hpp"
#include "normdescent/rules/pieces.hpp"

namespace normdescent::rules {
namespace {

template <class T>
T read_state(T x) {
  return x;
}
float read_state(Bfloat16 x) { return to_float(x); }
template <class T>
void write_state(T x, T& to) {
  to = x;
}
void write_state(float x, Bfloat16& to) { to = to_bfloat16(x); }

template <class T>
void write_rounded(T /*x*/, void* /*nowhere*/, Index /*i*/) {}
void write_rounded(float x, Bfloat16* to, Index i) { to[i] = to_bfloat16(x); }

// Leaf loops: nothing but arithmetic, so that each copy vectorizes. State, stored as S, lives in locals during a
// coordinate's update: stores through references would have to be assumed to alias. `rounded` receives the new x as
// well: Bfloat16*, or void* where it is not wanted.
template <class R, class T, class Rounded>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, Rounded* __restrict rounded,
                                   Index n) {
  for (Index i = 0; i < n; ++i) {
    T xi = x[i];
    rule(xi, g[i]);
    x[i] = xi;
    write_rounded(xi, rounded, i);
  }
}

template <class R, class T, class S, class Rounded>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, Rounded* __restrict rounded,
                                   S* __restrict s0, Index n) {
  for (Index i = 0; i < n; ++i) {
    T xi = x[i];
    T a = read_state(s0[i]);
    rule(xi, g[i], a);
    x[i] = xi;
    write_rounded(xi, rounded, i);
    write_state(a, s0[i]);
  }
}

template <class R, class T, class S, class Rounded>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, Rounded* __restrict rounded,
                                   S* __restrict s0, S* __restrict s1, Index n) {
  for (Index i = 0; i < n; ++i) {
    T xi = x[i];
    T a = read_state(s0[i]);
    T b = read_state(s1[i]);
    rule(xi, g[i], a, b);
    x[i] = xi;
    write_rounded(xi, rounded, i);
    write_state(a, s0[i]);
    write_state(b, s1[i]);
  }
}

template <class T>
NORMDESCENT_MULTIVERSION void rescale(double factor, const T* __restrict g, T* __restrict out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = scale_gradient(factor, g[i]);
}

template <class T>
NORMDESCENT_MULTIVERSION void widen(const Bfloat16* __restrict narrow, T* __restrict out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = to_float(narrow[i]);
}

/// Entries first .. first + count - 1 of a task, fed with g[0 .. count - 1].
template <Rule R, class T, class S>
void run_leaf(const Task<R>& task, Index first, const T* g, const std::array<S*, Task<R>::kStates>& state,
              Index count) {
  const auto run = [&](auto* rounded) {
    if constexpr (R::state_count == 0) {
      leaf(task.rule, task.x + first, g, rounded, count);
    } else if constexpr (R::state_count == 1) {
      leaf(task.rule, task.x + first, g, rounded, state[0], count);
    } else {
      leaf(task.rule, task.x + first, g, rounded, state[0], state[1], count);
    }
  };
  if constexpr (std::is_same_v<T, float>) {
    if (task.rounded != nullptr) return run(task.rounded + first);
  }
  run(static_cast<void*>(nullptr));
}

/// Entries that are rescaled or widened at a time: few enough that the processor looks ahead from one pass into the
/// next and loads keep flowing (with 1024 a step takes a fifth longer).
constexpr Index kBlock = 256;

template <Rule R>
using Roundings = std::array<StochasticRounding, Task<R>::kStates>;

/// One block of a task whose arrays are not what the rule takes.
template <Rule R>
void run_block(const Task<R>& task, Roundings<R>& roundings, Index first, Index count) {
  using T = typename R::value_type;
  constexpr std::size_t kStates = Task<R>::kStates;
  std::array<T, static_cast<std::size_t>(kBlock)> scaled;
  std::array<std::array<T, static_cast<std::size_t>(kBlock)>, kStates> wide;
  std::array<T*, kStates> state;
  for (std::size_t k = 0; k < kStates; ++k) {
    const bool is_narrow = task.narrow[k].values != nullptr;
    state[k] = is_narrow ? wide[k].data() : task.state[k] + first;
    if (is_narrow) widen(task.narrow[k].values + first, state[k], count);
  }
  const T* g = task.g + first;
  if (task.gradient_factor != 1.0) {
    rescale(task.gradient_factor, g, scaled.data(), count);
    g = scaled.data();
  }
  run_leaf(task, first, g, state, count);
  if constexpr (std::is_same_v<T, float>) {
    for (std::size_t k = 0; k < kStates; ++k) {
      const auto& [values, is_stochastic, seed, stream, step] = task.narrow[k];
      if (values == nullptr) continue;
      if (is_stochastic) {
        const auto size = static_cast<std::size_t>(count);
        roundings[k].round({wide[k].data(), size}, {values + first, size}, static_cast<std::uint64_t>(first));
      } else {
        round_to_nearest({wide[k].data(), static_cast<std::size_t>(count)}, values + first);
      }
    }
  }
}

template <Rule R>
void run_piece(const Task<R>& task, Index first, Index count) {
  const auto is_narrow = [](const NarrowState& n) { return n.values != nullptr; };
  if (task.gradient_factor == 1.0 && std::ranges::none_of(task.narrow, is_narrow)) {
    auto state = task.state;
    for (auto& s : state) s += first;
    return run_leaf(task, first, task.g + first, state, count);
  }
  if constexpr (std::is_same_v<typename R::value_type, float> && R::state_count > 0) {
    const auto is_rounded = [&](const NarrowState& n) { return is_narrow(n) && !n.is_stochastic; };
    if (task.gradient_factor == 1.0 && std::ranges::all_of(task.narrow, is_rounded)) {
      std::array<Bfloat16*, Task<R>::kStates> state;
      for (std::size_t k = 0; k < state.size(); ++k) state[k] = task.narrow[k].values + first;
      return run_leaf(task, first, task.g + first, state, count);
    }
  }
  Roundings<R> roundings;
  for (std::size_t k = 0; k < roundings.size(); ++k) {
    const NarrowState& n = task.narrow[k];
    if (n.is_stochastic) roundings[k] = StochasticRounding(n.seed, n.stream, n.step);
  }
  for (const Index end = first + count; first < end; first += kBlock) {
    run_block(task, roundings, first, std::min(kBlock, end - first));
  }
}

}  // namespace

template <Rule R>
void run_on_cpu(std::span<const Task<R>> tasks) {
  for_each_piece(
      tasks.size(), [&](std::size_t a) { return tasks[a].size; },
      [&](std::size_t a, Index first, Index count) {
        const Task<R>& task = tasks[a];
        run_piece(task, first, count);
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
