// SPDX-License-Identifier: Apache-2.0
// Products of the shapes of GPT-2 124M's layers and head, and of nano's, from packed panels (engine 0) and by oneDNN
// (engine 1), on all threads; and, as the ceiling, one thread's tiles whose panels stay in the first-level cache.
// Rates in operations a second: two a multiply-add.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <vector>

#include "linalg/packed_tile.hpp"
#include "normdescent/linalg/fixed_product.hpp"

namespace {

using namespace normdescent;
using fixed::Layout;

benchmark::Counter rate(double operations) {
  return {operations, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000};
}

template <class S>
void tile(benchmark::State& state) {
  if (!packed::has_tiles<S>()) return state.SkipWithError("needs AVX-512");
  constexpr Index kGroups = 128;
  std::vector<packed::Line> left(packed::kTileRows * kGroups / 16);
  std::vector<packed::Line> right(packed::kTileColumns * kGroups / 16);
  std::vector<float> c(packed::kTileRows * packed::kTileColumns);
  const packed::Tile to{.wide = c.data(),
                        .narrow = nullptr,
                        .row = packed::kTileColumns,
                        .rows = packed::kTileRows,
                        .columns = packed::kTileColumns,
                        .adds = false,
                        .bias = nullptr};
  for (auto _ : state) {
    packed::multiply_tile<S>(left.data()->groups.data(), right.data()->groups.data(), kGroups, to);
    benchmark::ClobberMemory();
  }
  state.counters["rate"] = rate(2.0 * packed::kTileRows * packed::kTileColumns * kGroups * packed::kTogether<S>);
}

enum Kind { forward, dx, dw };  // x W^T, dy W, dy^T x for W (out, in)

void product(benchmark::State& state, fixed::Type type, Kind kind) {
  const Index n = state.range(0);
  const Index in = state.range(1);
  const Index out = state.range(2);
  const Layout x = Layout::rows(n, in, type);
  const Layout w = Layout::rows(out, in, type);
  const Layout y = Layout::rows(n, out, type);
  const fixed::ProductOptions options{.engine = state.range(3) == 0 ? fixed::Engine::automatic : fixed::Engine::onednn};
  const auto wide = [](Index rows, Index cols) { return Layout::rows(rows, cols, fixed::Type::float32); };
  const fixed::Product p = kind == forward ? fixed::Product(x, w.transposed(), wide(n, out), options)
                           : kind == dx    ? fixed::Product(y, w, wide(n, in), options)
                                           : fixed::Product(y.transposed(), x, wide(out, in), options);
  const auto largest = static_cast<std::size_t>(std::max({n * in, out * in, n * out}));
  const std::vector<float> a(largest), b(largest);  // zeros in either type
  std::vector<float> c(largest);
  for (auto _ : state) p.run(a.data(), b.data(), c.data());
  state.counters["rate"] = rate(2.0 * static_cast<double>(n * in * out));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->UseRealTime()->ArgNames({"rows", "in", "out", "engine"});
  for (const auto& [n, in, out] : {std::array<Index, 3>{2048, 768, 3072},
                                   {2048, 768, 768},
                                   {512, 768, 50257},
                                   {1024, 160, 640},
                                   {1024, 160, 160}}) {
    for (const Index engine : {0, 1}) b->Args({n, in, out, engine});
  }
}

BENCHMARK(tile<float>);
BENCHMARK(tile<Bfloat16>);
BENCHMARK_CAPTURE(product, bfloat16_forward, fixed::Type::bfloat16, forward)->Apply(shapes);
BENCHMARK_CAPTURE(product, bfloat16_dx, fixed::Type::bfloat16, dx)->Apply(shapes);
BENCHMARK_CAPTURE(product, bfloat16_dw, fixed::Type::bfloat16, dw)->Apply(shapes);
BENCHMARK_CAPTURE(product, float_forward, fixed::Type::float32, forward)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
