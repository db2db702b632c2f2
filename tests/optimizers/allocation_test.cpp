// SPDX-License-Identifier: Apache-2.0
// Counts every allocation of this test program.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace {
std::atomic<long> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace normdescent {
namespace {

TEST(Step, AllocatesNothingAfterTheFirst) {
  std::vector<OptimizerSpec> specs;
  for (const auto& info : optimizer_catalog()) specs.push_back(make_optimizer(info.name));
  specs.push_back(normalized_sgd({.beta = 0.9, .scope = Scope::per_tensor}));
  specs.push_back(
      {.name = "rows", .routes = {}, .fallback = {.name = "rows", .estimator = Ema{}, .direction = RowNormalize{}}});
  for (const auto& spec : specs) {
    ParameterBuffer<float> buffer(small_model());
    fill_normal(buffer.gradients(), 1);
    Optimizer<float> optimizer(spec, small_model());
    optimizer.step(buffer.parameters());
    const long before = allocations;
    for (int t = 0; t < 3; ++t) optimizer.step(buffer.parameters());
    EXPECT_EQ(allocations - before, 0) << spec.name;
  }
}

}  // namespace
}  // namespace normdescent
