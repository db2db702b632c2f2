// SPDX-License-Identifier: Apache-2.0
// The lab's inner loops in coordinate updates per second, on one thread, and every experiment at its default size.
//
//   build/dev/bench/lab_step --benchmark_filter=Update
//   python3 bench/peers/lab_vs_pytorch.py build/dev/bench/lab_step        the same loops in PyTorch, with the ratio
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "normdescent/lab/experiment.hpp"
#include "normdescent/lab/quadratic.hpp"

namespace normdescent::lab {
namespace {

void count_updates(benchmark::State& state, double updates) {
  state.counters["updates_per_second"] =
      benchmark::Counter(updates * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

// The whole experiment: 14 runs of 3000 steps on 5000 coordinates, curves and checks included.
void ToyDeterministicUpdates(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(run_experiment("toy-deterministic", {.threads = 1}));
  count_updates(state, 14.0 * 3000 * 5000);
}
BENCHMARK(ToyDeterministicUpdates)->Unit(benchmark::kMillisecond);

// SignSGD on 1/2 ||x||^2 with N(0, 1) noise on every coordinate; d in the argument.
void NoisySignSgdUpdates(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const std::vector<float> ones(d, 1.0F);
  QuadraticRun run(ones, ones, ones, RandomStream::of(1, 1, 1));
  using Rule = rules::ElementwiseRule<rules::Raw<float>, rules::Sign<float>>;
  const Rule rule{rules::Raw<float>{}, rules::Sign<float>{}, rules::Step<float>(1e-3, 0.0)};
  for (auto _ : state) benchmark::DoNotOptimize(run.step(rule));
  count_updates(state, static_cast<double>(d));
}
BENCHMARK(NoisySignSgdUpdates)->RangeMultiplier(10)->Range(1'000, 1'000'000);

// Once each, at default size.
const int kRegistered = [] {
  for (const auto& info : experiment_catalog()) {
    benchmark::RegisterBenchmark(("Experiment/" + info.name).c_str(),
                                 [&info](benchmark::State& state) {
                                   for (auto _ : state) benchmark::DoNotOptimize(info.run({.threads = 1}));
                                 })
        ->Iterations(1)
        ->Unit(benchmark::kSecond);
  }
  return 0;
}();

}  // namespace
}  // namespace normdescent::lab

BENCHMARK_MAIN();
