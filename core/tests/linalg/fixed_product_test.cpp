// SPDX-License-Identifier: Apache-2.0
// Products of small integers, whose sums are exact in whatever order and by whatever pieces.
#include "normdescent/linalg/fixed_product.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/threads.hpp"

namespace normdescent::fixed_product {
namespace {

struct Shape {
  Index rows, columns, inner;
};
// The last two are cut between threads: by rows where A is read by columns, by columns where sums are long.
constexpr Shape kShapes[] = {{1, 1, 1}, {5, 3, 70}, {261, 50, 40}, {5, 200, 3201}};

struct Case {
  Shape shape;
  bool turns_a, turns_b;
  bool is_narrow;  ///< C is Bfloat16
  ProductOptions options;

  [[nodiscard]] std::string name() const {
    const auto flag = [](bool is, const char* text) { return std::string(is ? text : ""); };
    return std::to_string(shape.rows) + " x " + std::to_string(shape.columns) + " x " + std::to_string(shape.inner) +
           flag(turns_a, ", A by columns") + flag(turns_b, ", B by columns") + flag(is_narrow, ", C Bfloat16") +
           flag(options.has_bias, ", bias") + flag(options.accumulates, ", C += A B");
  }
};

template <class S>
S number(float x) {
  if constexpr (std::is_same_v<S, float>) {
    return x;
  } else {
    return to_bfloat16(x);
  }
}

template <class S>
constexpr Type kType = std::is_same_v<S, float> ? Type::float32 : Type::bfloat16;

/// A matrix and what is stored of it: its rows, or its columns one after another.
template <class S>
struct Operand {
  Operand(Index rows, Index columns, bool turns, std::uint64_t seed)
      : layout(turns ? Layout::rows(columns, rows, kType<S>).transposed() : Layout::rows(rows, columns, kType<S>)) {
    Philox random(seed);
    for (Index i = 0; i < rows * columns; ++i) {
      values.push_back(static_cast<float>(random.below(5)) - 2.0F);
      stored.push_back(number<S>(values.back()));
    }
  }
  [[nodiscard]] float operator()(Index i, Index j) const {
    return values[static_cast<std::size_t>(i * layout.strides[0] + j * layout.strides[1])];
  }
  Layout layout;
  std::vector<float> values;
  std::vector<S> stored;
};

template <class S, class R>
void expect_exact(const Case& test) {
  const auto [m, n, k] = test.shape;
  const Operand<S> a(m, k, test.turns_a, 1);
  const Operand<S> b(k, n, test.turns_b, 2);
  const Operand<float> bias(1, n, false, 3);
  std::vector<R> c(static_cast<std::size_t>(m * n), number<R>(1.0F));
  const Product product(a.layout, b.layout, Layout::rows(m, n, kType<R>), test.options);
  product.run(a.stored.data(), b.stored.data(), c.data(), test.options.has_bias ? bias.stored.data() : nullptr);
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      float sum = test.options.accumulates ? 1.0F : 0.0F;
      if (test.options.has_bias) sum += bias(0, j);
      for (Index p = 0; p < k; ++p) sum += a(i, p) * b(p, j);
      ASSERT_EQ(c[static_cast<std::size_t>(i * n + j)], number<R>(sum)) << test.name() << " at " << i << ", " << j;
    }
  }
}

template <class S>
void expect_exact_for_all_cases(int threads) {
  const WithThreads with(threads);
  for (const Shape& shape : kShapes) {
    for (const bool turns_a : {false, true}) {
      for (const bool turns_b : {false, true}) {
        expect_exact<S, float>({shape, turns_a, turns_b, false, {.has_bias = true}});
        expect_exact<S, float>({shape, turns_a, turns_b, false, {.accumulates = true}});
        if (kType<S> == Type::bfloat16) expect_exact<S, Bfloat16>({shape, turns_a, turns_b, true, {.has_bias = true}});
      }
    }
  }
}

TEST(FixedProduct, IsExactForIntegers) {
  for (const int threads : {1, 2, 3}) expect_exact_for_all_cases<float>(threads);
}

TEST(FixedProduct, IsExactForIntegersInBfloat16) {
  if (!has_bfloat16()) GTEST_SKIP() << "this processor has no bfloat16 products";
  for (const int threads : {1, 2, 3}) expect_exact_for_all_cases<Bfloat16>(threads);
}

// The threads of a product are those of its construction, wherever it is run.
TEST(FixedProduct, RunsInsideAParallelRegion) {
  const Operand<float> a(400, 60, true, 1);
  const Operand<float> b(60, 90, false, 2);
  std::vector<std::vector<float>> results(4, std::vector<float>(400 * 90));
  const WithThreads two(2);
  const Product product(a.layout, b.layout, Layout::rows(400, 90, Type::float32));
#pragma omp parallel for num_threads(2)
  for (std::size_t i = 0; i < results.size(); ++i) {
    product.run(a.stored.data(), b.stored.data(), results[i].data());
  }
  for (const auto& result : results) EXPECT_EQ(result, results.front());
  EXPECT_EQ(results.front()[0], [&] {
    float sum = 0.0F;
    for (Index p = 0; p < 60; ++p) sum += a(0, p) * b(p, 0);
    return sum;
  }());
}

}  // namespace
}  // namespace normdescent::fixed_product
