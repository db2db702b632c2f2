// SPDX-License-Identifier: Apache-2.0
// The products of dense layers of GPT-2 124M, of its head and of nano, in bfloat16: as fixed_product::Product divides
// them (whole 0) and by one matmul of oneDNN on all threads (whole 1). Rates in operations a second: two a
// multiply-add.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <vector>

#include "linalg/matmul.hpp"

namespace {

using namespace normdescent;
using fixed_product::Layout;

enum class Kind { forward, dx, dw };  // x W^T, dy W, dy^T x for W (out, in)

struct Operands {
  Layout a, b, c;
};

Operands operands(Kind kind, Index n, Index in, Index out) {
  const auto narrow = [](Index rows, Index cols) { return Layout::rows(rows, cols, fixed_product::Type::bfloat16); };
  const auto wide = [](Index rows, Index cols) { return Layout::rows(rows, cols, fixed_product::Type::float32); };
  const Layout x = narrow(n, in);
  const Layout w = narrow(out, in);
  const Layout y = narrow(n, out);
  if (kind == Kind::forward) return {x, w.transposed(), wide(n, out)};
  return kind == Kind::dx ? Operands{y, w, wide(n, in)} : Operands{y.transposed(), x, wide(out, in)};
}

void product(benchmark::State& state, Kind kind) {
  if (!fixed_product::has_bfloat16()) return state.SkipWithError("needs AVX-512");
  const Index n = state.range(0);
  const Index in = state.range(1);
  const Index out = state.range(2);
  const auto [a, b, c] = operands(kind, n, in, out);
  const fixed_product::Product divided(a, b, c);
  const fixed_product::Matmul whole(a, b, c, {});
  const auto largest = static_cast<std::size_t>(std::max({n * in, in * out, n * out}));
  const std::vector<Bfloat16> left(largest, to_bfloat16(0.5F));
  const std::vector<Bfloat16> right(left);
  std::vector<float> result(largest);
  for (auto _ : state) {
    if (state.range(3) == 1) {
      whole.run(left.data(), right.data(), result.data(), nullptr);
    } else {
      divided.run(left.data(), right.data(), result.data());
    }
  }
  state.counters["rate"] = {2.0 * static_cast<double>(n * in * out), benchmark::Counter::kIsIterationInvariantRate,
                            benchmark::Counter::kIs1000};
}

void shapes(benchmark::internal::Benchmark* b) {
  b->UseRealTime()->ArgNames({"rows", "in", "out", "whole"});
  for (const auto& [n, in, out] : {std::array<Index, 3>{2048, 768, 3072},
                                   {2048, 768, 768},
                                   {256, 768, 3072},
                                   {512, 768, 50257},
                                   {1024, 160, 640}}) {
    for (const Index whole : {0, 1}) b->Args({n, in, out, whole});
  }
}

BENCHMARK_CAPTURE(product, forward, Kind::forward)->Apply(shapes);
BENCHMARK_CAPTURE(product, dx, Kind::dx)->Apply(shapes);
BENCHMARK_CAPTURE(product, dw, Kind::dw)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
