// SPDX-License-Identifier: Apache-2.0
// What a TrainingMonitor of GPT-2 124M costs: a micro-batch observed, and a report of its window.
#include "normdescent/monitor/training_monitor.hpp"

#include <benchmark/benchmark.h>

#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

std::vector<ParameterInfo> gpt2_tensors() {
  std::vector<ParameterInfo> infos = {{"wte", {50257, 768}, Role::embedding}, {"wpe", {1024, 768}, Role::embedding}};
  for (int layer = 0; layer < 12; ++layer) {
    for (const Index width : {768, 768, 2304, 768, 768, 768, 3072, 768}) infos.push_back({"v", {width}, Role::vector});
    for (const Index width : {2304, 768, 3072, 3072}) infos.push_back({"m", {width, 768}, Role::matrix});
  }
  for (int i = 0; i < 2; ++i) infos.push_back({"ln_f", {768}, Role::vector});
  return infos;
}

void fill(ParameterBuffer<float>& model, std::uint64_t seed) {
  Philox random(seed);
  // A period of 2^16 numbers: 124M normal draws would take longer than what is measured.
  std::vector<float> noise(1U << 16U);
  for (float& x : noise) x = static_cast<float>(random.normal());
  std::size_t i = 0;
  for (float& g : model.gradients()) g = noise[i++ * 40503U % noise.size()];
}

void observe_micro_batch(benchmark::State& state) {
  ParameterBuffer<float> model(gpt2_tensors());
  fill(model, 1);
  TrainingMonitor monitor(model.parameters());
  for (auto _ : state) {
    for (int k = 0; k < 4; ++k) monitor.observe_micro_batch(model.parameters());
    monitor.end_step();
  }
  state.SetItemsProcessed(4 * state.iterations());
}

void report(benchmark::State& state) {
  ParameterBuffer<float> model(gpt2_tensors());
  const auto window = static_cast<int>(state.range(0));
  TrainingMonitor monitor(model.parameters(), {.window = window});
  for (int k = 0; k < window; ++k) {
    fill(model, static_cast<std::uint64_t>(k));
    monitor.observe_micro_batch(model.parameters());
    if (k % 4 == 3) monitor.end_step();
  }
  for (auto _ : state) benchmark::DoNotOptimize(monitor.report());
}

BENCHMARK(observe_micro_batch)->Unit(benchmark::kMillisecond);
BENCHMARK(report)->Arg(16)->Arg(64)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace normdescent

BENCHMARK_MAIN();
