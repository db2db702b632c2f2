// SPDX-License-Identifier: Apache-2.0
// Optimizer<float>::step on the tensors of GPT-2 124M, in GB/s of useful bytes: values and state read and written once,
// gradients read once. The finite check of the gradients reads them a second time; that is cost, not use. The yardstick
// in the same run is the plain loop p += a g.
//
//   build/dev/bench/optimizer_step --benchmark_enable_random_interleaving=true --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {
namespace {

std::vector<ParameterInfo> gpt2_124m() {
  std::vector<ParameterInfo> infos{{.name = "wte", .shape = {50257, 768}, .role = Role::embedding},
                                   {.name = "wpe", .shape = {1024, 768}, .role = Role::embedding}};
  const auto add = [&](const std::string& name, std::vector<Index> shape) {
    const Role role = shape.size() > 1 ? Role::matrix : Role::vector;
    infos.push_back({.name = name, .shape = std::move(shape), .role = role});
  };
  for (int layer = 0; layer < 12; ++layer) {
    const std::string h = "h." + std::to_string(layer) + ".";
    for (const char* norm : {"ln_1", "ln_2"}) {
      add(h + norm + ".weight", {768});
      add(h + norm + ".bias", {768});
    }
    add(h + "attn.c_attn.weight", {2304, 768});
    add(h + "attn.c_attn.bias", {2304});
    add(h + "attn.c_proj.weight", {768, 768});
    add(h + "attn.c_proj.bias", {768});
    add(h + "mlp.c_fc.weight", {3072, 768});
    add(h + "mlp.c_fc.bias", {3072});
    add(h + "mlp.c_proj.weight", {768, 3072});
    add(h + "mlp.c_proj.bias", {768});
  }
  add("ln_f.weight", {768});
  add("ln_f.bias", {768});
  return infos;
}

// One set of values and gradients for all benchmarks: half a gigabyte each.
ParameterBuffer<float>& model() {
  static ParameterBuffer<float>& buffer = *[] {
    auto* made = new ParameterBuffer<float>(gpt2_124m());
    for (std::size_t i = 0; i < made->gradients().size(); ++i) {
      made->gradients()[i] = (i % 3 == 0 ? -1e-3F : 1e-3F) * static_cast<float>(i % 17);
    }
    return made;
  }();
  return buffer;
}

void report(benchmark::State& state, double bytes_per_parameter) {
  state.counters["useful_bytes"] =
      benchmark::Counter(bytes_per_parameter * static_cast<double>(model().values().size()),
                         benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void step(benchmark::State& state, const OptimizerSpec& spec) {
  Optimizer<float> optimizer(spec, gpt2_124m());
  optimizer.step(model().parameters(), 1e-6);
  for (auto _ : state) optimizer.step(model().parameters(), 1e-6);
  const int buffers = optimizer.explain().front().state_buffers;
  report(state, 4.0 * (3 + 2 * buffers));
}

void plain_update(benchmark::State& state) {
  const std::span<float> p = model().values();
  const std::span<const float> g = model().gradients();
  const auto n = static_cast<std::int64_t>(p.size());
  for (auto _ : state) {
#pragma omp parallel for simd schedule(static)
    for (std::int64_t i = 0; i < n; ++i) p[static_cast<std::size_t>(i)] += 1e-9F * g[static_cast<std::size_t>(i)];
    benchmark::ClobberMemory();
  }
  report(state, 12.0);
}

}  // namespace
}  // namespace normdescent

int main(int argc, char** argv) {
  using namespace normdescent;
  const auto time = [](benchmark::internal::Benchmark* b) {
    b->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(0.5);
  };
  time(benchmark::RegisterBenchmark("p += a g", plain_update));
  for (const char* name : {"sgd", "signsgd", "signum", "lion", "adamw"}) {
    time(benchmark::RegisterBenchmark(name, step, make_optimizer(name)));
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
