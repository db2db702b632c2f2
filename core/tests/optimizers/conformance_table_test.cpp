// SPDX-License-Identifier: Apache-2.0
// Every optimizer x {float, double, bfloat16 with a float master, bfloat16 rounded stochastically} x {quadratic,
// Rosenbrock, sparse noise}: progress, equal runs, save and continue; sign methods on the scalar executor (on other
// numbers of threads: conformance_test.cpp). bfloat16 tensors of LibTorch: tests/torch/conformance_test.cpp.
#include "optimizers/conformance_table.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <set>
#include <type_traits>

#include "normdescent/optimizers/bfloat16_optimizer.hpp"
#include "normdescent/rules/executors.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

using conformance::for_each_cell;
using conformance::kProblems;
using conformance::Row;

/// What parameters are stored in, and what steps on them.
struct Float {
  using Number = float;
  using Stepper = Optimizer<float>;
};
struct Double {
  using Number = double;
  using Stepper = Optimizer<double>;
};
struct Bfloat16WithMaster {
  using Number = Bfloat16;
  using Stepper = Bfloat16Optimizer;
};
struct Bfloat16Stochastic {
  using Number = Bfloat16;
  using Stepper = Bfloat16Optimizer;
};

double to_double(float x) { return static_cast<double>(x); }
double to_double(double x) { return x; }
double to_double(Bfloat16 x) { return static_cast<double>(to_float(x)); }
template <class T>
T from_double(double x) {
  if constexpr (std::is_same_v<T, Bfloat16>) {
    return to_bfloat16(static_cast<float>(x));
  } else {
    return static_cast<T>(x);
  }
}

template <class Storage>
OptimizerSpec spec_for(const Row& row, std::size_t problem, double rate_factor) {
  OptimizerSpec spec = row.spec(problem).with_learning_rate_scaled(rate_factor);
  if constexpr (std::is_same_v<Storage, Bfloat16Stochastic>) spec.bfloat16_rounding = Bfloat16Rounding::stochastic;
  return spec;
}

/// The course of a row on a problem.
template <class Storage>
class Course {
  using T = typename Storage::Number;

 public:
  Course(const Row& row, std::size_t problem, double rate_factor = 1.0)
      : problem_(kProblems[problem]),
        spec_(spec_for<Storage>(row, problem, rate_factor)),
        optimizer_(spec_, small_model()),
        x_(buffer_.values().size()),
        g_(buffer_.values().size()) {
    problem_.start(x_);
    std::transform(x_.begin(), x_.end(), buffer_.values().begin(), from_double<T>);
    start_value_ = problem_.value(x_);
  }

  void advance(int first, int last) {
    for (int t = first; t < last; ++t) {
      const auto compute_gradients = [&] {
        read();
        problem_.gradient(x_, static_cast<std::uint64_t>(t), g_);
        std::transform(g_.begin(), g_.end(), buffer_.gradients().begin(), from_double<T>);
      };
      optimizer_.step(buffer_.parameters(), compute_gradients, conformance::cosine_schedule(t, conformance::kSteps));
    }
  }
  /// Goes on with a new optimizer that knows nothing but the saved state.
  void save_and_load() {
    typename Storage::Stepper next(spec_, small_model());
    next.load_state(optimizer_.state());
    optimizer_ = std::move(next);
  }

  [[nodiscard]] double progress() {
    read();
    return problem_.value(x_) / start_value_;
  }
  [[nodiscard]] std::vector<T> values() { return copy(buffer_.values()); }
  [[nodiscard]] StateDict state() const { return optimizer_.state(); }

 private:
  void read() {
    std::transform(buffer_.values().begin(), buffer_.values().end(), x_.begin(), [](T v) { return to_double(v); });
  }

  conformance::Problem problem_;
  OptimizerSpec spec_;
  ParameterBuffer<T> buffer_{small_model()};
  typename Storage::Stepper optimizer_;
  std::vector<double> x_;
  std::vector<double> g_;
  double start_value_ = 0.0;
};

TEST(ConformanceTable, HasEveryOptimizerOfTheCatalogAndNoOther) {
  std::set<std::string> listed;
  for (const Row& row : conformance::table()) listed.insert(row.optimizer);
  std::set<std::string> known;
  for (const auto& info : optimizer_catalog()) {
    known.insert(info.name);
    EXPECT_TRUE(listed.contains(info.name))
        << info.name << " is in the catalog but not in tests/optimizers/conformance_table.hpp";
  }
  for (const auto& name : listed) EXPECT_TRUE(known.contains(name)) << name << " is not in the catalog";
}

template <class T>
class ConformanceTableOf : public testing::Test {};
using Storages = testing::Types<Float, Double, Bfloat16WithMaster, Bfloat16Stochastic>;
TYPED_TEST_SUITE(ConformanceTableOf, Storages);

TYPED_TEST(ConformanceTableOf, MakesItsProgressOnEveryProblem) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course<TypeParam> run(row, problem);
    run.advance(0, conformance::kSteps);
    EXPECT_LE(run.progress(), row.progress[problem]);
  });
}

TYPED_TEST(ConformanceTableOf, ContinuesFromItsSavedStateWithTheSameBits) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course<TypeParam> whole(row, problem);
    Course<TypeParam> halves(row, problem);
    whole.advance(0, 25);
    halves.advance(0, 7);  // no multiple of any period
    halves.save_and_load();
    halves.advance(7, 25);
    EXPECT_EQ(whole.values(), halves.values());
    EXPECT_EQ(whole.state(), halves.state());
  });
}

TYPED_TEST(ConformanceTableOf, RunsTwiceWithTheSameBits) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course<TypeParam> a(row, problem);
    Course<TypeParam> b(row, problem);
    a.advance(0, 25);
    b.advance(0, 25);
    EXPECT_EQ(a.values(), b.values());
    EXPECT_EQ(a.state(), b.state());
  });
}

// Teeth: what stands still, or goes uphill, does not pass.
TEST(ConformanceTable, ProgressIsNotGivenAway) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course<Double> crawling(row, problem, 1e-4);
    crawling.advance(0, conformance::kSteps);
    EXPECT_GT(crawling.progress(), row.progress[problem]);
  });
}

TEST(ConformanceTable, TheTwoRoundingsOfBfloat16AreColumnsOfTheirOwn) {
  for_each_cell([](const Row& row, std::size_t problem) {
    Course<Bfloat16WithMaster> master(row, problem);
    Course<Bfloat16Stochastic> stochastic(row, problem);
    master.advance(0, 25);
    stochastic.advance(0, 25);
    EXPECT_NE(master.values(), stochastic.values());
  });
}

// ---- bits of sign methods -------------------------------------------------------------------------------------------

// Tensors of several pieces, so that three threads really share them.
std::vector<ParameterInfo> large_model() {
  return {{.name = "a", .shape = {50001}},
          {.name = "b", .shape = {13}},
          {.name = "c", .shape = {150, 301}, .role = Role::embedding},
          {.name = "d", .shape = {40, 70}, .role = Role::matrix}};
}

bool is_sign_method(const OptimizerSpec& spec) {
  return spec.routes.empty() && std::holds_alternative<Sign>(spec.fallback.direction);
}

template <class T>
std::vector<T> values_with_threads(const OptimizerSpec& spec, int threads) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  ParameterBuffer<T> buffer(large_model());
  fill_normal(buffer.values(), 9, 1000);
  Optimizer<T> optimizer(spec, large_model());
  for (std::uint64_t t = 0; t < 4; ++t) {
    fill_normal(buffer.gradients(), 9, t);
    optimizer.step(buffer.parameters());
  }
  omp_set_num_threads(before);
  return copy(buffer.values());
}

// The same recipe by the scalar executor: the corrections and the clipping before it are the optimizer's own, so
// methods that have them are compared with both switched off.
template <class T, class E>
std::vector<T> values_by_scalar_executor(const Recipe& recipe, const E& estimator) {
  using R = rules::ElementwiseRule<E, rules::Sign<T>>;
  ParameterBuffer<T> buffer(large_model());
  fill_normal(buffer.values(), 9, 1000);
  std::vector<T> state(buffer.values().size(), T(0));
  const R rule(estimator, rules::Sign<T>{}, rules::Step<T>(recipe.learning_rate, recipe.decoupled_decay));
  rules::Task<R> task{.rule = rule,
                      .x = buffer.values().data(),
                      .g = buffer.gradients().data(),
                      .size = static_cast<Index>(buffer.values().size())};
  for (auto& pointer : task.state) pointer = state.data();
  for (std::uint64_t t = 0; t < 4; ++t) {
    fill_normal(buffer.gradients(), 9, t);
    rules::run_scalar(std::span<const rules::Task<R>>(&task, 1));
  }
  return copy(buffer.values());
}

template <class T>
std::vector<T> values_by_scalar_executor(const Recipe& recipe) {
  if (const auto* e = std::get_if<Ema>(&recipe.estimator)) {
    return values_by_scalar_executor<T>(recipe, rules::Ema<T>(e->beta));
  }
  if (const auto* e = std::get_if<DoubleEma>(&recipe.estimator)) {
    return values_by_scalar_executor<T>(recipe, rules::DoubleEma<T>(e->beta1, e->beta2));
  }
  EXPECT_TRUE(std::holds_alternative<Raw>(recipe.estimator)) << describe(recipe.estimator) << " is not known here";
  return values_by_scalar_executor<T>(recipe, rules::Raw<T>{});
}

template <class T>
void expect_bits_of_the_scalar_executor() {
  int compared = 0;
  for (const auto& info : optimizer_catalog()) {
    auto spec = make_optimizer(info.name);
    if (!is_sign_method(spec)) continue;
    spec.fallback.correction = Uncorrected{};
    spec.fallback.clip_norm = 0.0;
    for (const double decay : {0.0, 0.1}) {
      spec.fallback.decoupled_decay = decay;
      EXPECT_EQ(values_with_threads<T>(spec, 3), values_by_scalar_executor<T>(spec.fallback)) << info.name;
    }
    ++compared;
  }
  EXPECT_GE(compared, 4) << "signsgd, signum, lion, mars-lion";
}

TEST(ConformanceTable, SignMethodsHaveTheBitsOfTheScalarExecutor) {
  expect_bits_of_the_scalar_executor<float>();
  expect_bits_of_the_scalar_executor<double>();
}

}  // namespace
}  // namespace normdescent
