// SPDX-License-Identifier: Apache-2.0
// The CPU executor against its reference twin: the same bits for every rule, size and number of threads.
#include "normdescent/rules/executors.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/rules/corrections.hpp"

namespace normdescent::rules {
namespace {

// Values of all sizes, exact zeros of both signs among them.
template <class T>
std::vector<T> random_values(std::uint64_t seed, std::size_t n) {
  Philox random(seed);
  std::vector<T> values(n);
  for (auto& value : values) {
    const auto kind = random.below(8);
    value = kind == 0   ? T(0)
            : kind == 1 ? T(-0.0)
                        : static_cast<T>(std::ldexp(random.uniform() - 0.5, static_cast<int>(random.below(16))));
  }
  return values;
}

// Buffers start one element off alignment, because tensors inside a flat buffer do.
template <class R>
struct Tensors {
  using T = typename R::value_type;
  std::vector<std::vector<T>> x, g;
  std::vector<std::array<std::vector<T>, Task<R>::kStates>> state;
  std::vector<Task<R>> tasks;

  Tensors(const R& rule, const std::vector<std::size_t>& sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      x.push_back(random_values<T>(3 * i, sizes[i] + 1));
      g.push_back(random_values<T>(3 * i + 1, sizes[i] + 1));
      state.emplace_back();
      for (auto& s : state.back()) {
        s = random_values<T>(3 * i + 2, sizes[i] + 1);
        for (auto& value : s) value = std::abs(value);  // second moments are not negative
      }
      tasks.push_back({.rule = rule, .x = x[i].data() + 1, .g = g[i].data() + 1, .size = static_cast<Index>(sizes[i])});
      for (std::size_t k = 0; k < Task<R>::kStates; ++k) tasks[i].state[k] = state[i][k].data() + 1;
    }
  }
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class R>
void expect_executors_agree(const R& rule, const std::vector<std::size_t>& sizes, int threads) {
  Tensors<R> reference(rule, sizes);
  Tensors<R> fast(rule, sizes);
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  for (int step = 0; step < 3; ++step) {
    run_scalar<R>(reference.tasks);
    run_on_cpu<R>(fast.tasks);
  }
  omp_set_num_threads(before);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_TRUE(same_bits(reference.x[i], fast.x[i])) << "x of size " << sizes[i] << ", threads " << threads;
    EXPECT_TRUE(same_bits(reference.g[i], fast.g[i])) << "gradient was written, size " << sizes[i];
    for (std::size_t k = 0; k < Task<R>::kStates; ++k) {
      EXPECT_TRUE(same_bits(reference.state[i][k], fast.state[i][k])) << "state " << k << " of size " << sizes[i];
    }
  }
}

// With a factor on the gradients, which then become 0: the same as a plain step on gradients scaled beforehand.
template <class R>
void expect_scaled_and_cleared(const R& rule, const std::vector<std::size_t>& sizes) {
  using T = typename R::value_type;
  constexpr double kFactor = 0.3;  // no number of T: the product is rounded once, from double
  Tensors<R> before(rule, sizes);
  Tensors<R> scalar(rule, sizes);
  Tensors<R> fast(rule, sizes);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    for (std::size_t k = 1; k <= sizes[i]; ++k) {
      before.g[i][k] = static_cast<T>(kFactor * static_cast<double>(before.g[i][k]));
    }
    for (auto* tensors : {&scalar, &fast}) {
      tensors->tasks[i].gradient_factor = kFactor;
      tensors->tasks[i].cleared = tensors->g[i].data() + 1;
    }
  }
  run_scalar<R>(before.tasks);
  run_scalar<R>(scalar.tasks);
  run_on_cpu<R>(fast.tasks);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::vector<T> cleared(sizes[i] + 1, T(0));
    for (const auto* tensors : {&scalar, &fast}) {
      EXPECT_TRUE(same_bits(before.x[i], tensors->x[i])) << "x of size " << sizes[i];
      cleared[0] = tensors->g[i][0];  // is no part of the task
      EXPECT_TRUE(same_bits(cleared, tensors->g[i])) << "gradient of size " << sizes[i];
      for (std::size_t k = 0; k < Task<R>::kStates; ++k) {
        EXPECT_TRUE(same_bits(before.state[i][k], tensors->state[i][k])) << "state of size " << sizes[i];
      }
    }
  }
}

// The first `narrow_states` of a rule in bfloat16, with and without chance: the same bits in both executors, and what
// the rule makes of the widened state, rounded.
template <class R>
void expect_narrow_state(const R& rule, const std::vector<std::size_t>& sizes, bool is_stochastic, double factor,
                         std::size_t narrow_states) {
  struct Side {
    Tensors<R> tensors;
    std::vector<std::array<std::vector<Bfloat16>, Task<R>::kStates>> narrow;
  };
  const auto make = [&] {
    Side side{Tensors<R>(rule, sizes), {}};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      auto& narrow = side.narrow.emplace_back();
      auto& task = side.tensors.tasks[i];
      task.gradient_factor = factor;
      for (std::size_t k = 0; k < narrow_states; ++k) {
        for (const float x : side.tensors.state[i][k]) narrow[k].push_back(to_bfloat16(x));
        task.narrow[k] = {narrow[k].data() + 1, is_stochastic, 7, 10 * i + k, 3};
        task.state[k] = nullptr;
      }
    }
    return side;
  };
  Side scalar = make();
  Side fast = make();
  Side wide = make();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    auto& task = wide.tensors.tasks[i];
    for (std::size_t k = 0; k < narrow_states; ++k) {
      for (std::size_t j = 0; j <= sizes[i]; ++j) wide.tensors.state[i][k][j] = to_float(wide.narrow[i][k][j]);
      task.narrow[k] = {};
      task.state[k] = wide.tensors.state[i][k].data() + 1;
    }
  }
  run_scalar<R>(scalar.tensors.tasks);
  run_on_cpu<R>(fast.tensors.tasks);
  run_on_cpu<R>(wide.tensors.tasks);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_TRUE(same_bits(scalar.tensors.x[i], fast.tensors.x[i])) << "x of size " << sizes[i];
    EXPECT_TRUE(same_bits(wide.tensors.x[i], fast.tensors.x[i])) << "x of size " << sizes[i];
    EXPECT_EQ(scalar.narrow[i], fast.narrow[i]) << "state of size " << sizes[i];
    for (std::size_t k = narrow_states; k < fast.narrow[i].size(); ++k) {
      EXPECT_TRUE(same_bits(scalar.tensors.state[i][k], fast.tensors.state[i][k])) << "state of size " << sizes[i];
      EXPECT_TRUE(same_bits(wide.tensors.state[i][k], fast.tensors.state[i][k])) << "state of size " << sizes[i];
    }
    for (std::size_t k = 0; k < narrow_states; ++k) {
      const std::span<const float> result = std::span(wide.tensors.state[i][k]).subspan(1);
      std::vector<Bfloat16> expected(result.size());
      if (is_stochastic) {
        round_stochastically(result, expected, 7, 10 * i + k, 3);
      } else {
        std::ranges::transform(result, expected.begin(), to_bfloat16);
      }
      expected.insert(expected.begin(), fast.narrow[i][k].front());
      EXPECT_EQ(expected, fast.narrow[i][k]) << "state of size " << sizes[i];
    }
  }
}

// The new values once more, rounded: in both executors, beside a step that has the same bits with and without.
template <class R>
void expect_rounded_values(const R& rule, const std::vector<std::size_t>& sizes, double factor, bool is_narrow) {
  std::vector<std::array<std::vector<Bfloat16>, Task<R>::kStates>> narrow(sizes.size());
  const auto make = [&](std::vector<std::vector<Bfloat16>>* rounded) {
    Tensors<R> tensors(rule, sizes);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      auto& task = tensors.tasks[i];
      task.gradient_factor = factor;
      for (std::size_t k = 0; is_narrow && k < narrow[i].size(); ++k) {
        narrow[i][k].assign(sizes[i], Bfloat16{0x3E00U});
        task.narrow[k].values = narrow[i][k].data();
      }
      if (rounded == nullptr) continue;
      task.rounded = rounded->emplace_back(sizes[i] + 2, Bfloat16{0x1234U}).data() + 1;
    }
    return tensors;
  };
  const auto expect = [&](const Tensors<R>& tensors, const std::vector<std::vector<Bfloat16>>& rounded) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      EXPECT_EQ(rounded[i].front(), Bfloat16{0x1234U});
      EXPECT_EQ(rounded[i].back(), Bfloat16{0x1234U});
      for (std::size_t j = 0; j < sizes[i]; ++j) ASSERT_EQ(rounded[i][j + 1], to_bfloat16(tensors.x[i][j + 1])) << j;
    }
  };
  Tensors<R> plain = make(nullptr);
  run_on_cpu<R>(plain.tasks);
  for (const bool is_fast : {false, true}) {
    std::vector<std::vector<Bfloat16>> rounded;
    rounded.reserve(sizes.size());
    Tensors<R> tensors = make(&rounded);
    is_fast ? run_on_cpu<R>(tensors.tasks) : run_scalar<R>(tensors.tasks);
    expect(tensors, rounded);
    for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_TRUE(same_bits(plain.x[i], tensors.x[i]));
  }
}

template <class T, class E, class D>
ElementwiseRule<E, D> make_rule() {
  const auto estimator = [] {
    if constexpr (E::state_count == 0) {
      return E{};
    } else if constexpr (requires(E e) { e.beta1; }) {
      return E(0.9, 0.99);
    } else {
      return E(0.9);
    }
  }();
  const auto direction = [] {
    if constexpr (requires(D d) { d.delta; }) {
      return D(1e-10);
    } else if constexpr (D::state_count == 1) {
      return D(0.9, 0.99, 1e-8, 3);
    } else {
      return D{};
    }
  }();
  return {estimator, direction, Step<T>(0.037, 0.1)};
}

const std::vector<std::size_t> kSmallSizes = [] {
  std::vector<std::size_t> sizes(68);
  for (std::size_t n = 0; n < sizes.size(); ++n) sizes[n] = n;
  return sizes;
}();
const std::vector<std::size_t> kLargeSizes = {33003, 5, 0, 16384};

template <class T>
class EveryRule : public testing::Test {
 public:
  template <class E>
  static void check_estimator() {
    check(make_rule<T, E, Identity<T>>());
    check(make_rule<T, E, Sign<T>>());
    check(make_rule<T, E, AdaGradScale<T>>());
    if constexpr (E::state_count == 1) check(EstimateRule<E>(make_rule<T, E, Sign<T>>().estimator));
  }
  template <class R>
  static void check(const R& rule) {
    for (const int threads : {1, 2}) {
      expect_executors_agree(rule, kSmallSizes, threads);
      expect_executors_agree(rule, kLargeSizes, threads);
    }
    expect_scaled_and_cleared(rule, kLargeSizes);
  }
};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(EveryRule, Numbers);

TYPED_TEST(EveryRule, GivesTheSameBitsInBothExecutors) {
  using T = TypeParam;
  this->template check_estimator<Raw<T>>();
  this->template check_estimator<Ema<T>>();
  this->template check_estimator<EmaNesterov<T>>();
  this->template check_estimator<HeavyBall<T>>();
  this->template check_estimator<HeavyBallNesterov<T>>();
  this->template check_estimator<DoubleEma<T>>();
  this->check(make_rule<T, Ema<T>, AdamScale<T>>());
  this->check(ExtrapolateRule<T>(9.0));
  this->check(AddScaledRule<T>(0.1));
  this->check(RescaleRule<T>(0.3));
}

TEST(NarrowState, IsTheRoundedStateOfTheRuleInBothExecutors) {
  const int before = omp_get_max_threads();
  for (const int threads : {1, 2}) {
    omp_set_num_threads(threads);
    for (const bool is_stochastic : {false, true}) {
      for (const double factor : {1.0, 0.3}) {
        const auto check = [&](const auto& rule) {
          for (std::size_t narrow = 1; narrow <= Task<std::decay_t<decltype(rule)>>::kStates; ++narrow) {
            expect_narrow_state(rule, kSmallSizes, is_stochastic, factor, narrow);
            expect_narrow_state(rule, kLargeSizes, is_stochastic, factor, narrow);
          }
        };
        check(make_rule<float, Ema<float>, Sign<float>>());
        check(make_rule<float, DoubleEma<float>, Sign<float>>());
        check(make_rule<float, Ema<float>, AdamScale<float>>());
        check(EstimateRule<Ema<float>>(Ema<float>(0.9)));
      }
    }
  }
  omp_set_num_threads(before);
}

TEST(RoundedValues, AreTheNewValuesToNearest) {
  for (const double factor : {1.0, 0.3}) {
    for (const bool is_narrow : {false, true}) {
      const auto check = [&](const auto& rule) {
        expect_rounded_values(rule, kSmallSizes, factor, is_narrow);
        expect_rounded_values(rule, kLargeSizes, factor, is_narrow);
      };
      check(make_rule<float, Raw<float>, Sign<float>>());
      check(make_rule<float, Ema<float>, Sign<float>>());
      check(make_rule<float, Ema<float>, AdamScale<float>>());
    }
  }
}

TYPED_TEST(EveryRule, TakesCoefficientsPerTensor) {
  using T = TypeParam;
  using R = ElementwiseRule<Raw<T>, Sign<T>>;
  Tensors<R> tensors(make_rule<T, Raw<T>, Sign<T>>(), {40000, 3});
  tensors.tasks[0].rule.step = Step<T>(0.0, 0.0);
  tensors.tasks[1].rule.step = Step<T>(1.0, 1.0);
  tensors.g[1] = {T(9), T(1), T(-2), T(0)};
  const auto before = tensors.x[0];
  run_on_cpu<R>(tensors.tasks);
  EXPECT_EQ(tensors.x[0], before);
  EXPECT_EQ(std::vector<T>(tensors.x[1].begin() + 1, tensors.x[1].end()), (std::vector<T>{T(-1), T(1), T(0)}));
}

TYPED_TEST(EveryRule, FiniteCheckFindsOneBadEntryAnywhere) {
  using T = TypeParam;
  for (const std::size_t n : {1U, 7U, 16U, 33U, 1000U}) {
    std::vector<T> x(n, std::numeric_limits<T>::max());
    EXPECT_TRUE(all_finite(std::span<const T>(x)));
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                        -std::numeric_limits<T>::infinity()}) {
      for (const std::size_t at : {std::size_t{0}, n / 2, n - 1}) {
        auto y = x;
        y[at] = bad;
        EXPECT_FALSE(all_finite(std::span<const T>(y)));
      }
    }
  }
}

}  // namespace
}  // namespace normdescent::rules
