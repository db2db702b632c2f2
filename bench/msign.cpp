// SPDX-License-Identifier: Apache-2.0
// msign of GPT-2 124M's hidden matrices, two layers' worth of each shape: one iteration orthogonalizes two matrices.
#include <benchmark/benchmark.h>

#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/linalg/polar_solver.hpp"

namespace {

using normdescent::Index;

void orthogonalize(benchmark::State& state, const char* method, normdescent::ProductPrecision precision) {
  const Index rows = state.range(0);
  const Index cols = state.range(1);
  std::vector<std::vector<float>> g(2, std::vector<float>(static_cast<std::size_t>(rows * cols)));
  auto out = g;
  std::vector<normdescent::PolarTask<float>> tasks;
  for (std::size_t k = 0; k < g.size(); ++k) {
    normdescent::Philox random(k);
    for (float& x : g[k]) x = static_cast<float>(random.normal());
    tasks.push_back({{g[k].data(), rows, cols}, {out[k].data(), rows, cols}});
  }
  normdescent::PolarSolver<float> solver({.method = method, .precision = precision});
  solver.reserve(rows, cols);
  for (auto _ : state) solver.run(tasks);
  state.SetItemsProcessed(state.iterations() * 2);
}

void gpt2_shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({2304, 768})->Args({768, 768})->Args({3072, 768})->Args({768, 3072});
  benchmark->Unit(benchmark::kMillisecond)->UseRealTime();
}

constexpr auto kFull = normdescent::ProductPrecision::full;
constexpr auto kBfloat16 = normdescent::ProductPrecision::bfloat16;
BENCHMARK_CAPTURE(orthogonalize, halley_full, "halley", kFull)->Apply(gpt2_shapes);
BENCHMARK_CAPTURE(orthogonalize, halley_bfloat16, "halley", kBfloat16)->Apply(gpt2_shapes);
BENCHMARK_CAPTURE(orthogonalize, polar_express_full, "polar-express", kFull)->Apply(gpt2_shapes);
BENCHMARK_CAPTURE(orthogonalize, polar_express_bfloat16, "polar-express", kBfloat16)->Apply(gpt2_shapes);

}  // namespace

BENCHMARK_MAIN();
