// SPDX-License-Identifier: Apache-2.0
// Operands are small whole numbers, so that every sum is exact and must come out to the bit.
#include "../../src/linalg/packed_product.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <vector>

#include "../../src/linalg/blocks.hpp"
#include "normdescent/base/philox.hpp"

namespace normdescent::packed {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

float stored(float x, float /*as*/) { return x; }
Bfloat16 stored(float x, Bfloat16 /*as*/) { return to_bfloat16(x); }
float value(float x) { return x; }
float value(Bfloat16 x) { return to_float(x); }

/// A matrix in memory with gaps of NaN between its rows, or its columns.
template <class S>
struct Matrix {
  Index rows, columns;
  bool is_transposed;
  Index stride;
  std::vector<S> memory;

  Matrix(Index rows_, Index columns_, bool is_transposed_, std::uint64_t seed, Index gap = 3)
      : rows(rows_),
        columns(columns_),
        is_transposed(is_transposed_),
        stride((is_transposed_ ? rows_ : columns_) + gap),
        memory(static_cast<std::size_t>((is_transposed_ ? columns_ : rows_) * stride), stored(kNan, S{})) {
    Philox random(seed);
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        (*this)(i, j) = stored(static_cast<float>(static_cast<int>(random.below(17)) - 8), S{});
      }
    }
  }
  S& operator()(Index i, Index j) {
    return memory[static_cast<std::size_t>(is_transposed ? j * stride + i : i * stride + j)];
  }
  const S& operator()(Index i, Index j) const { return const_cast<Matrix&>(*this)(i, j); }
  [[nodiscard]] Strides strides() const { return is_transposed ? Strides{1, stride} : Strides{stride, 1}; }
};

template <class S>
float entry(const Matrix<S>& a, const Matrix<S>& b, Index i, Index j) {
  double sum = 0.0;
  for (Index k = 0; k < a.columns; ++k)
    sum += static_cast<double>(value(a(i, k))) * static_cast<double>(value(b(k, j)));
  return static_cast<float>(sum);
}

template <class S>
Shape shape_of(const Matrix<S>& a, const Matrix<S>& b, Index c_row) {
  return {.rows = a.rows, .columns = b.columns, .inner = a.columns, .a = a.strides(), .b = b.strides(), .c_row = c_row};
}

template <class S>
class PackedProduct : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_tiles<S>()) GTEST_SKIP() << "needs AVX-512" << (std::is_same_v<S, float> ? "" : " BF16");
  }
};
using Storage = testing::Types<float, Bfloat16>;
TYPED_TEST_SUITE(PackedProduct, Storage);

// At and around a tile, a vector, a whole block and a part of the inner dimension; nothing's multiple.
constexpr std::array<std::array<Index, 3>, 10> kShapes{{{1, 1, 1},
                                                        {12, 32, 32},
                                                        {13, 33, 31},
                                                        {11, 16, 2},
                                                        {24, 17, 65},
                                                        {37, 49, 2048},
                                                        {5, 70, 2049},
                                                        {70, 5, 4500},
                                                        {300, 130, 70},
                                                        {130, 1300, 600}}};

TYPED_TEST(PackedProduct, IsTheSumOfProducts) {
  for (const auto& [m, n, k] : kShapes) {
    for (const bool turns_a : {false, true}) {
      for (const bool turns_b : {false, true}) {
        const Matrix<TypeParam> a(m, k, turns_a, 1);
        const Matrix<TypeParam> b(k, n, turns_b, 2);
        Matrix<float> c(m, n, false, 3);
        Product<TypeParam>(shape_of(a, b, c.stride)).run(a.memory.data(), b.memory.data(), c.memory.data());
        for (Index i = 0; i < m; ++i) {
          for (Index j = 0; j < n; ++j) {
            ASSERT_EQ(c(i, j), entry(a, b, i, j)) << m << " " << n << " " << k << " at " << i << " " << j;
          }
          for (Index j = n; j < c.stride; ++j) ASSERT_TRUE(std::isnan(c.memory[std::size_t(i * c.stride + j)]));
        }
      }
    }
  }
}

TYPED_TEST(PackedProduct, AddsABiasOnceAndToWhatWasThere) {
  for (const Index k : {Index{7}, Index{4100}}) {  // one part of the inner dimension, and three
    const Matrix<TypeParam> a(30, k, false, 1);
    const Matrix<TypeParam> b(k, 40, false, 2);
    const Matrix<float> bias(1, 40, false, 4);
    Matrix<float> c(30, 40, false, 3);
    const Matrix<float> before = c;
    Shape shape = shape_of(a, b, c.stride);
    shape.adds = true;
    Product<TypeParam>(shape).run(a.memory.data(), b.memory.data(), c.memory.data(), bias.memory.data());
    for (Index i = 0; i < 30; ++i) {
      for (Index j = 0; j < 40; ++j) ASSERT_EQ(c(i, j), entry(a, b, i, j) + bias(0, j) + before(i, j)) << k;
    }
  }
}

TYPED_TEST(PackedProduct, UpperTriangleIsTheWholeProducts) {
  for (const Index r : {Index{1}, Index{31}, Index{100}, Index{333}}) {
    const Matrix<TypeParam> a(r, 50, false, 1);
    const Matrix<TypeParam> b(50, r, true, 2);
    Matrix<float> c(r, r, false, 3);
    Shape shape = shape_of(a, b, c.stride);
    shape.upper_only = true;
    Product<TypeParam>(shape).run(a.memory.data(), b.memory.data(), c.memory.data());
    for (Index i = 0; i < r; ++i) {
      for (Index j = i; j < r; ++j) ASSERT_EQ(c(i, j), entry(a, b, i, j)) << r << " at " << i << " " << j;
    }
  }
}

TYPED_TEST(PackedProduct, WhatIsNotFiniteStaysInItsRowAndColumn) {
  Matrix<TypeParam> a(40, 21, true, 1);
  Matrix<TypeParam> b(21, 50, false, 2);
  a(17, 20) = stored(kNan, TypeParam{});
  b(20, 49) = stored(std::numeric_limits<float>::infinity(), TypeParam{});
  Matrix<float> c(40, 50, false, 3);
  Product<TypeParam>(shape_of(a, b, c.stride)).run(a.memory.data(), b.memory.data(), c.memory.data());
  for (Index i = 0; i < 40; ++i) {
    for (Index j = 0; j < 50; ++j) ASSERT_EQ(std::isfinite(c(i, j)), i != 17 && j != 49) << i << " " << j;
  }
}

TYPED_TEST(PackedProduct, NumberOfThreadsChangesNoBit) {
  Matrix<TypeParam> a(200, 300, false, 1);
  Matrix<TypeParam> b(300, 500, true, 2);
  Philox random(5);
  for (auto* x : {&a.memory, &b.memory}) {
    for (auto& entry : *x) entry = stored(static_cast<float>(random.normal()), TypeParam{});
  }
  const int threads = omp_get_max_threads();
  std::vector<std::vector<float>> results;
  for (const int count : {1, 2, 3, 8}) {
    omp_set_num_threads(count);
    Matrix<float> c(200, 500, false, 3, 0);
    Product<TypeParam>(shape_of(a, b, c.stride)).run(a.memory.data(), b.memory.data(), c.memory.data());
    results.push_back(c.memory);
  }
  omp_set_num_threads(threads);
  for (const auto& result : results) EXPECT_EQ(result, results.front());
}

TYPED_TEST(PackedProduct, NothingToSumIsTheBias) {
  const Matrix<TypeParam> a(14, 0, false, 1);
  const Matrix<TypeParam> b(0, 9, false, 2);
  const Matrix<float> bias(1, 9, false, 4);
  Matrix<float> c(14, 9, false, 3);
  Product<TypeParam>(shape_of(a, b, c.stride))
      .run(a.memory.data(), b.memory.data(), c.memory.data(), bias.memory.data());
  for (Index i = 0; i < 14; ++i) {
    for (Index j = 0; j < 9; ++j) EXPECT_EQ(c(i, j), bias(0, j));
  }
  Shape empty = shape_of(a, b, 9);
  empty.rows = 0;
  Product<TypeParam>(empty).run(a.memory.data(), b.memory.data(), nullptr);
}

TEST(PackedProductResult, RoundsToBfloat16Once) {
  if (!has_tiles<Bfloat16>()) GTEST_SKIP() << "needs AVX-512 BF16";
  for (const Index k : {Index{33}, Index{5000}}) {
    const Matrix<Bfloat16> a(25, k, false, 1);
    const Matrix<Bfloat16> b(k, 50, true, 2);
    const Matrix<float> bias(1, 50, false, 4);
    Matrix<Bfloat16> c(25, 50, false, 3);
    Shape shape = shape_of(a, b, c.stride);
    shape.is_narrow = true;
    Product<Bfloat16>(shape).run(a.memory.data(), b.memory.data(), c.memory.data(), bias.memory.data());
    for (Index i = 0; i < 25; ++i) {
      for (Index j = 0; j < 50; ++j) ASSERT_EQ(c(i, j), to_bfloat16(entry(a, b, i, j) + bias(0, j))) << k;
    }
  }
}

TEST(MirrorUpper, MakesASymmetricMatrix) {
  for (const Index n : {Index{1}, Index{16}, Index{50}, Index{64}}) {
    Matrix<float> x(n, n, false, 6, 5);
    const Matrix<float> before = x;
    mirror_upper(Block<float>(x.memory.data(), n, n, x.stride));
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) ASSERT_EQ(x(i, j), before(std::min(i, j), std::max(i, j))) << n;
    }
  }
}

}  // namespace
}  // namespace normdescent::packed
