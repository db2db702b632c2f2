// SPDX-License-Identifier: Apache-2.0
// What one msign of a 768 x 3072 matrix (or its transpose) is made of, on one thread: docs/performance.md's table of
// what was tried. Argument 1: the packed panels, 0: the plain blocks.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <vector>

#include "linalg/panels.hpp"
#include "linalg/rational_factor.hpp"
#include "linalg/rounded_products.hpp"
#include "normdescent/base/philox.hpp"

namespace {

using namespace normdescent;

constexpr Index kShort = 768;
constexpr Index kLong = 3072;

std::vector<float> gaussian(Index size) {
  std::vector<float> x(static_cast<std::size_t>(size));
  Philox random(1);
  for (float& entry : x) entry = static_cast<float>(random.normal());
  return x;
}

// Square matrices with what their methods need; the first holds G G^T / 3072 of a Gaussian G.
struct Squares {
  std::vector<std::vector<float>> entries{4, std::vector<float>(kShort* kShort)};
  std::vector<float> scratch;
  std::vector<float> gram_matrix;

  explicit Squares(bool with_panels) {
    omp_set_num_threads(1);
    if (with_panels && panels::are_supported()) scratch.resize(static_cast<std::size_t>(panels::scratch_size(kShort)));
    const auto g = gaussian(kShort * kLong);
    gram<float>(Transpose::no, {g.data(), kShort, kLong}, view(0));
    for (float& x : entries[0]) x /= static_cast<float>(kLong);
    gram_matrix = entries[0];
  }
  MatrixView<float> view(std::size_t i) { return {entries[i].data(), kShort, kShort}; }
  float* panels_or_null() { return scratch.empty() ? nullptr : scratch.data(); }
};

void inverse(benchmark::State& state) {
  Squares m(state.range(0) == 1);
  for (auto _ : state) {
    m.entries[1] = m.gram_matrix;
    add_to_diagonal(m.view(1), 1.0F);
    invert(m.view(1), m.view(2), m.panels_or_null());
  }
}

void symmetric_product(benchmark::State& state) {
  Squares m(state.range(0) == 1);
  for (auto _ : state) multiply_commuting(m.view(0), m.view(0), m.view(1), m.panels_or_null());
}

template <class Factor>
void factor(benchmark::State& state, const Factor& compute) {
  Squares m(state.range(0) == 1);
  for (auto _ : state) {
    m.entries[0] = m.gram_matrix;
    benchmark::DoNotOptimize(
        compute(RationalBuffers<float>{m.view(0), m.view(1), m.view(2), m.view(3), m.panels_or_null()}).data);
  }
}
void halley(benchmark::State& state) {
  factor(state, [](const RationalBuffers<float>& buffers) { return halley_factor<float>(2, buffers); });
}
void resolvent(benchmark::State& state) { factor(state, resolvent_factor<float>); }

// Arguments: rows, columns.
struct Rounded {
  Index rows;
  Index cols;
  RoundedProducts products;
  RoundedProducts::Scratch scratch;
  std::vector<Bfloat16> x, q;
  std::vector<float> out;

  explicit Rounded(const benchmark::State& state)
      : rows(state.range(0)),
        cols(state.range(1)),
        products((omp_set_num_threads(1), RoundedProducts(rows, cols))),
        x(static_cast<std::size_t>(rows * cols)),
        q(kShort * kShort),
        out(x.size()) {
    products.reserve(scratch);
    const auto g = gaussian(rows * cols);
    round_scaled(g.data(), 0.01F, x.data(), rows * cols);
    round_scaled(g.data(), 0.01F, q.data(), kShort * kShort);
  }
};

void bfloat16_gram(benchmark::State& state) {
  Rounded m(state);
  for (auto _ : state) m.products.gram(m.x.data(), {m.out.data(), kShort, kShort}, m.scratch);
}

void bfloat16_apply(benchmark::State& state) {
  Rounded m(state);
  for (auto _ : state) m.products.apply(m.q.data(), m.x.data(), {m.out.data(), m.rows, m.cols}, m.scratch);
}

BENCHMARK(inverse)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(symmetric_product)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(halley)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(resolvent)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
BENCHMARK(bfloat16_gram)->Args({kShort, kLong})->Args({kLong, kShort})->Unit(benchmark::kMillisecond);
BENCHMARK(bfloat16_apply)->Args({kShort, kLong})->Args({kLong, kShort})->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
