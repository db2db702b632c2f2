// SPDX-License-Identifier: Apache-2.0
// What a root of Shampoo costs: one (n, n) matrix, and a step of one (n, n) parameter with roots in every step.
//   OMP_WAIT_POLICY=passive build/dev/bench/inverse_root
#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/linalg/inverse_root.hpp"
#include "normdescent/linalg/products.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {
namespace {

void fill_normal(std::span<float> x) {
  Philox random(1);
  for (float& entry : x) entry = static_cast<float>(random.normal());
}

void root(benchmark::State& state) {
  const Index n = state.range(0);
  const auto size = static_cast<std::size_t>(n * n);
  std::vector<float> g(size);
  std::vector<float> a(size);
  std::vector<float> out(size);
  fill_normal(g);
  gram<float>(Transpose::no, {g.data(), n, n}, MatrixView<float>{a.data(), n, n});
  InverseRootSolver<float> solver;
  solver.reserve(n);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        solver.run({a.data(), n, n}, 1.0, 4, 1e-6, Damping::relative, MatrixView<float>{out.data(), n, n}));
  }
}
BENCHMARK(root)->Arg(256)->Arg(512)->Arg(768)->Arg(1024)->Unit(benchmark::kMillisecond)->UseRealTime();

void step(benchmark::State& state, const char* name) {
  const std::vector<ParameterInfo> infos{{.name = "w", .shape = {768, 768}, .role = Role::matrix}};
  ParameterBuffer<float> buffer(infos);
  fill_normal(buffer.gradients());
  const bool has_roots = std::string_view(name) == "asgo" || std::string_view(name) == "shampoo";
  std::map<std::string, std::string> options;
  if (has_roots) options["interval"] = std::to_string(state.range(0));
  Optimizer<float> optimizer(make_optimizer(name, options), infos);
  for (auto _ : state) optimizer.step(buffer.parameters());
}
BENCHMARK_CAPTURE(step, asgo, "asgo")->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(20)->UseRealTime();
BENCHMARK_CAPTURE(step, shampoo, "shampoo")
    ->Arg(1)
    ->Arg(10)
    ->Unit(benchmark::kMillisecond)
    ->Iterations(20)
    ->UseRealTime();
BENCHMARK_CAPTURE(step, muon, "muon")->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(20)->UseRealTime();

}  // namespace
}  // namespace normdescent

BENCHMARK_MAIN();
