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

// How state becomes what is stored, at entry i of a piece.
struct Unrounded {
  template <class T>
  T operator()(T x, int /*i*/) const {
    return x;
  }
};
struct ToNearest {
  Bfloat16 operator()(float x, int /*i*/) const { return to_bfloat16(x); }
};
struct AtRandom {
  RoundingBits bits;
  Bfloat16 operator()(float x, int i) const { return round_stochastically(x, bits(static_cast<std::uint32_t>(i))); }
};

template <class T>
void write_rounded(T /*x*/, void* /*nowhere*/, int /*i*/) {}
void write_rounded(float x, Bfloat16* to, int i) { to[i] = to_bfloat16(x); }

// Leaf loops: nothing but arithmetic, so that each copy vectorizes. State, stored as S, lives in locals during a
// coordinate's update: stores through references would have to be assumed to alias. `rounded` receives the new x as
// well: Bfloat16*, or void* where it is not wanted. The counter has 32 bits because random bits have: with one of 64
// the compiler narrows its vectors.
template <class R, class T, class Rounded>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, Rounded* __restrict rounded, int n) {
  for (int i = 0; i < n; ++i) {
    T xi = x[i];
    rule(xi, g[i]);
    x[i] = xi;
    write_rounded(xi, rounded, i);
  }
}

template <class R, class T, class Rounded, class S, class Round>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, Rounded* __restrict rounded,
                                   S* __restrict s0, Round round_0, int n) {
  for (int i = 0; i < n; ++i) {
    T xi = x[i];
    T a = read_state(s0[i]);
    rule(xi, g[i], a);
    x[i] = xi;
    write_rounded(xi, rounded, i);
    s0[i] = round_0(a, i);
  }
}

template <class R, class T, class Rounded, class S, class Round>
NORMDESCENT_MULTIVERSION void leaf(R rule, T* __restrict x, const T* __restrict g, Rounded* __restrict rounded,
                                   S* __restrict s0, S* __restrict s1, Round round_0, Round round_1, int n) {
  for (int i = 0; i < n; ++i) {
    T xi = x[i];
    T a = read_state(s0[i]);
    T b = read_state(s1[i]);
    rule(xi, g[i], a, b);
    x[i] = xi;
    write_rounded(xi, rounded, i);
    s0[i] = round_0(a, i);
    s1[i] = round_1(b, i);
  }
}

template <class T>
NORMDESCENT_MULTIVERSION void rescale(double factor, const T* __restrict g, T* __restrict out, Index n) {
  for (Index i = 0; i < n; ++i) out[i] = scale_gradient(factor, g[i]);
}

template <Rule R, class S>
using States = std::array<S, Task<R>::kStates>;

/// Entries first .. first + count - 1 of a task, fed with g[0 .. count - 1]; the state of the first one is *states[k].
template <Rule R, class T, class S, class Round>
void run_leaf(const Task<R>& task, Index first, const T* g, const States<R, S*>& states, const States<R, Round>& rounds,
              Index count) {
  const auto run = [&](auto* rounded) {
    T* const x = task.x + first;
    const int n = static_cast<int>(count);
    if constexpr (R::state_count == 0) {
      leaf(task.rule, x, g, rounded, n);
    } else if constexpr (R::state_count == 1) {
      leaf(task.rule, x, g, rounded, states[0], rounds[0], n);
    } else {
      leaf(task.rule, x, g, rounded, states[0], states[1], rounds[0], rounds[1], n);
    }
  };
  if constexpr (std::is_same_v<T, float>) {
    if (task.rounded != nullptr) return run(task.rounded + first);
  }
  run(static_cast<void*>(nullptr));
}

enum class StateKind { full, to_nearest, at_random, mixed };

template <Rule R>
StateKind kind_of(const Task<R>& task) {
  const auto kind = [](const NarrowState& n) {
    return n.values == nullptr ? StateKind::full : n.is_stochastic ? StateKind::at_random : StateKind::to_nearest;
  };
  if (task.narrow.empty()) return StateKind::full;
  const StateKind first = kind(task.narrow.front());
  return std::ranges::all_of(task.narrow, [&](const NarrowState& n) { return kind(n) == first; }) ? first
                                                                                                  : StateKind::mixed;
}

/// Entries that are rescaled or widened at a time: few enough that the processor looks ahead from one pass into the
/// next and loads keep flowing (with 1024 a step takes a fifth longer).
constexpr Index kBlock = 256;

/// At most kBlock entries whose states are of several kinds: widened before, rounded afterwards.
template <Rule R>
void run_mixed(const Task<R>& task, States<R, StochasticRounding>& roundings, Index first, const float* g,
               Index count) {
  const auto size = static_cast<std::size_t>(count);
  States<R, std::array<float, static_cast<std::size_t>(kBlock)>> wide;
  States<R, float*> states;
  for (std::size_t k = 0; k < states.size(); ++k) {
    const bool is_narrow = task.narrow[k].values != nullptr;
    states[k] = is_narrow ? wide[k].data() : task.state[k] + first;
    if (is_narrow) widen({task.narrow[k].values + first, size}, states[k]);
  }
  run_leaf(task, first, g, states, States<R, Unrounded>{}, count);
  for (std::size_t k = 0; k < states.size(); ++k) {
    const NarrowState& n = task.narrow[k];
    if (n.values == nullptr) continue;
    if (n.is_stochastic) {
      roundings[k].round({states[k], size}, {n.values + first, size}, static_cast<std::uint64_t>(first));
    } else {
      round_to_nearest({states[k], size}, n.values + first);
    }
  }
}

/// Entries of one piece, at most kBlock of mixed state. Random ones share their key.
template <Rule R, class T>
void run_stretch(const Task<R>& task, StateKind kind, States<R, StochasticRounding>& roundings, Index first, const T* g,
                 Index count) {
  if constexpr (std::is_same_v<T, float> && R::state_count > 0) {
    if (kind == StateKind::mixed) return run_mixed(task, roundings, first, g, count);
    if (kind != StateKind::full) {
      States<R, Bfloat16*> narrow;
      for (std::size_t k = 0; k < narrow.size(); ++k) narrow[k] = task.narrow[k].values + first;
      if (kind == StateKind::to_nearest) return run_leaf(task, first, g, narrow, States<R, ToNearest>{}, count);
      States<R, AtRandom> rounds;
      for (std::size_t k = 0; k < rounds.size(); ++k) {
        rounds[k].bits = roundings[k].bits_from(static_cast<std::uint64_t>(first));
      }
      return run_leaf(task, first, g, narrow, rounds, count);
    }
  }
  States<R, T*> states = task.state;
  for (auto& s : states) s += first;
  run_leaf(task, first, g, states, States<R, Unrounded>{}, count);
}

template <Rule R>
void run_piece(const Task<R>& task, Index first, Index count) {
  using T = typename R::value_type;
  const StateKind kind = kind_of(task);
  States<R, StochasticRounding> roundings;
  for (std::size_t k = 0; k < roundings.size(); ++k) {
    const NarrowState& n = task.narrow[k];
    if (n.is_stochastic) roundings[k] = StochasticRounding(n.seed, n.stream, n.step);
  }
  const bool is_scaled = task.gradient_factor != 1.0;
  const Index longest = is_scaled || kind == StateKind::mixed ? kBlock : count;
  std::array<T, static_cast<std::size_t>(kBlock)> scaled;
  for (const Index end = first + count; first < end;) {
    const auto sharing_key = static_cast<Index>(StochasticRounding::entries_from(static_cast<std::uint64_t>(first)));
    const Index n = std::min({longest, end - first, sharing_key});
    const T* g = task.g + first;
    if (is_scaled) {
      rescale(task.gradient_factor, g, scaled.data(), n);
      g = scaled.data();
    }
    run_stretch(task, kind, roundings, first, g, n);
    first += n;
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
