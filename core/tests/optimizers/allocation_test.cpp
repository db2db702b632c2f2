// SPDX-License-Identifier: Apache-2.0
// No step after the first allocates: every row of the conformance table, with its corrections, closures and clipping.
// Documented exception: method "svd", the reference twin of msign.
#include <gtest/gtest.h>
#include <omp.h>

#include <functional>

#include "normdescent/optimizers/bfloat16_optimizer.hpp"
#include "optimizers/conformance_table.hpp"
#include "support/allocations.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

constexpr int kSteps = 22;  // over every period and interval of the defaults

template <class T>
long allocations_after_the_first_step(const OptimizerSpec& spec) {
  ParameterBuffer<T> buffer(small_model());
  Optimizer<T> optimizer(spec, small_model());
  std::uint64_t t = 0;
  const std::function<void()> compute_gradients = [&] { fill_normal(buffer.gradients(), 1, t); };
  optimizer.step(buffer.parameters(), compute_gradients);
  const long before = test::allocation_count();
  for (t = 1; t < kSteps; ++t) optimizer.step(buffer.parameters(), compute_gradients);
  if (!optimizer.needs_closure()) optimizer.step(buffer.parameters(), StepOptions{.zero_gradients = true});
  return test::allocation_count() - before;
}

template <class T>
class Allocation : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(Allocation, Precisions);

TYPED_TEST(Allocation, HappensInNoStepAfterTheFirst) {
  if (!test::counts_allocations()) GTEST_SKIP() << "not counted under the thread sanitizer";
  const int before = omp_get_max_threads();
  for (const int threads : {1, 3}) {
    omp_set_num_threads(threads);
    for (const auto& row : conformance::table()) {
      EXPECT_EQ(allocations_after_the_first_step<TypeParam>(row.spec(0)), 0) << row.label() << ", threads " << threads;
    }
    for (const Scope scope : {Scope::global, Scope::per_tensor}) {
      EXPECT_EQ(allocations_after_the_first_step<TypeParam>(normalized_sgd({.beta = 0.9, .scope = scope})), 0);
      EXPECT_EQ(allocations_after_the_first_step<TypeParam>(adagrad_norm({.scope = scope})), 0);
    }
  }
  omp_set_num_threads(before);
}

TYPED_TEST(Allocation, IsSeenWhereItIsDocumented) {
  if (!test::counts_allocations()) GTEST_SKIP() << "not counted under the thread sanitizer";
  EXPECT_GT(allocations_after_the_first_step<TypeParam>(muon({.method = "svd"})), 0) << "the test must tell";
}

TEST(Bfloat16Allocation, NoStepAfterTheFirstAllocates) {
  if (!test::counts_allocations()) GTEST_SKIP() << "not counted under the thread sanitizer";
  for (const auto rounding : {Bfloat16Rounding::master, Bfloat16Rounding::stochastic}) {
    const auto spec = signum({.common = {.bfloat16_rounding = rounding}});
    ParameterBuffer<Bfloat16> buffer(small_model());
    Bfloat16Optimizer optimizer(spec, small_model());
    optimizer.step(buffer.parameters());
    const long before = test::allocation_count();
    for (int t = 0; t < 3; ++t) optimizer.step(buffer.parameters());
    EXPECT_EQ(test::allocation_count() - before, 0) << to_string(rounding);
  }
}

}  // namespace
}  // namespace normdescent
