// SPDX-License-Identifier: Apache-2.0
// Optimizer<float>::step on the tensors of GPT-2 124M, in GB/s of useful bytes: values and state read and written once,
// gradients read once (and written once where they are zeroed). Reading gradients a second time, to prove them finite
// or to clip them, is cost, not use. The yardstick in the same run is the plain loop p += a g.
//
//   build/dev/bench/optimizer_step --benchmark_enable_random_interleaving=true --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <cstdint>
#include <map>
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

void fill(std::span<float> gradients) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    gradients[i] = (i % 3 == 0 ? -1e-3F : 1e-3F) * static_cast<float>(i % 17);
  }
}

// One set of values and gradients for all benchmarks: half a gigabyte each.
ParameterBuffer<float>& model() {
  static ParameterBuffer<float>& buffer = *[] {
    auto* made = new ParameterBuffer<float>(gpt2_124m());
    fill(made->gradients());
    return made;
  }();
  return buffer;
}

// The same memory cut into 5000 tensors of sizes that are multiples of nothing.
std::vector<Parameter> many_small_tensors() {
  constexpr std::size_t kTensors = 5000;
  const std::size_t mean = model().values().size() / kTensors;
  std::vector<Parameter> list;
  std::size_t first = 0;
  for (std::size_t i = 0; i < kTensors; ++i) {
    const std::size_t size = i + 1 == kTensors ? model().values().size() - first : mean / 2 + 7 * i % mean;
    list.push_back({.info = {.name = std::to_string(i), .shape = {static_cast<Index>(size)}, .role = Role::vector},
                    .value = model().values().subspan(first, size),
                    .gradient = model().gradients().subspan(first, size)});
    first += size;
  }
  return list;
}

void report(benchmark::State& state, double bytes_per_parameter) {
  state.counters["useful_bytes"] =
      benchmark::Counter(bytes_per_parameter * static_cast<double>(model().values().size()),
                         benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

std::vector<ParameterInfo> infos_of(std::span<const Parameter> parameters) {
  std::vector<ParameterInfo> infos;
  for (const auto& p : parameters) infos.push_back(p.info);
  return infos;
}

void step(benchmark::State& state, const OptimizerSpec& spec, std::span<const Parameter> parameters,
          StepOptions options) {
  Optimizer<float> optimizer(spec, infos_of(parameters));
  options.learning_rate_scale = 1e-6;
  optimizer.step(parameters, options);
  for (auto _ : state) optimizer.step(parameters, options);
  if (options.zero_gradients) fill(model().gradients());
  const ParameterPlan plan = optimizer.explain().front();
  const double number = plan.state_format == to_string(StateFormat::full) ? 4.0 : 2.0;
  report(state, 12.0 + 2.0 * number * plan.state_buffers + (options.zero_gradients ? 4.0 : 0.0));
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
    b->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(0.3);
  };
  const auto small_tensors = many_small_tensors();
  const auto add = [&](const std::string& name, const std::string& variant, std::span<const Parameter> parameters,
                       const StepOptions& options, const std::map<std::string, std::string>& spec = {}) {
    time(benchmark::RegisterBenchmark((name + "/" + variant).c_str(), step, make_optimizer(name, spec), parameters,
                                      options));
  };
  time(benchmark::RegisterBenchmark("p += a g", plain_update));
  for (const char* name : {"sgd", "signsgd", "signum", "lion", "adamw"}) {
    const auto whole = model().parameters();
    add(name, "checked", whole, {});
    add(name, "vouched", whole, {.gradients_are_finite = true});
    add(name, "clipped", whole, {}, {{"clip_norm", "1e-3"}});
    add(name, "zeroed", whole, {.gradients_are_finite = true, .zero_gradients = true});
    add(name, "small", small_tensors, {.gradients_are_finite = true});
  }
  for (const char* name : {"signum", "lion", "adamw"}) {
    for (const StateFormat format : {StateFormat::bfloat16, StateFormat::bfloat16_stochastic}) {
      add(name, to_string(format), model().parameters(), {.gradients_are_finite = true},
          {{"state_format", to_string(format)}});
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
