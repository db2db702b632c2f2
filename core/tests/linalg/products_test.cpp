// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/products.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "linalg/matrices.hpp"

namespace normdescent {
namespace {

using test::gaussian;
using test::Matrix;
using test::transposed;

// The twin: three plain loops in fp64.
template <class T>
Matrix<double> plain_product(const Matrix<T>& a, const Matrix<T>& b) {
  Matrix<double> c(a.rows, b.cols);
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j < b.cols; ++j) {
      for (Index k = 0; k < a.cols; ++k) c(i, j) += static_cast<double>(a(i, k)) * static_cast<double>(b(k, j));
    }
  }
  return c;
}

// A sum of k products of numbers below 5 in size errs by less than k * 25 * k * eps / 2.
template <class T>
double tolerance(Index k) {
  return 12.5 * static_cast<double>(k * k) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

template <class T>
class Products : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Products, Types);

TYPED_TEST(Products, GemmAgreesWithPlainLoopsForAllTransposes) {
  const auto a = gaussian<TypeParam>(7, 5, 1);
  const auto b = gaussian<TypeParam>(5, 9, 2);
  const auto c0 = gaussian<TypeParam>(7, 9, 3);
  const auto product = plain_product(a, b);
  const auto at = transposed(a);
  const auto bt = transposed(b);
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      auto c = c0;
      gemm(ta ? Transpose::yes : Transpose::no, tb ? Transpose::yes : Transpose::no, 2, ta ? at.view() : a.view(),
           tb ? bt.view() : b.view(), -3, c.view());
      for (Index i = 0; i < 7; ++i) {
        for (Index j = 0; j < 9; ++j) {
          EXPECT_NEAR(c(i, j), 2.0 * product(i, j) - 3.0 * static_cast<double>(c0(i, j)), tolerance<TypeParam>(5));
        }
      }
    }
  }
}

TYPED_TEST(Products, BetaZeroIgnoresWhatTheOutputHeld) {
  const auto a = gaussian<TypeParam>(3, 3, 1);
  auto c = Matrix<TypeParam>(3, 3);
  for (auto& entry : c.entries) entry = std::numeric_limits<TypeParam>::quiet_NaN();
  multiply(a.view(), a.view(), c.view());
  EXPECT_LE(test::largest_difference(c.entries, plain_product(a, a).entries), tolerance<TypeParam>(3));
}

TYPED_TEST(Products, GramIsTheSymmetricProductOfRowsOrColumns) {
  for (const auto& [m, n] : {std::pair<Index, Index>{4, 11}, {40, 3}, {67, 70}, {1, 5}, {5, 1}}) {
    const auto x = gaussian<TypeParam>(m, n, 4);
    auto rows = Matrix<TypeParam>(m, m);
    auto cols = Matrix<TypeParam>(n, n);
    gram(Transpose::no, x.view(), rows.view());
    gram(Transpose::yes, x.view(), cols.view());
    EXPECT_LE(test::largest_difference(rows.entries, plain_product(x, transposed(x)).entries), tolerance<TypeParam>(n));
    EXPECT_LE(test::largest_difference(cols.entries, plain_product(transposed(x), x).entries), tolerance<TypeParam>(m));
    EXPECT_EQ(rows.entries, transposed(rows).entries);
    EXPECT_EQ(cols.entries, transposed(cols).entries);
  }
}

TYPED_TEST(Products, WrongShapesAreNamed) {
  const auto a = gaussian<TypeParam>(2, 3, 1);
  Matrix<TypeParam> c(2, 2);
  try {
    multiply(a.view(), a.view(), c.view());
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("A = (2, 3), B = (2, 3), C = (2, 2)"), std::string::npos) << error.what();
  }
  EXPECT_THROW(gram(Transpose::yes, a.view(), c.view()), std::invalid_argument);
}

TYPED_TEST(Products, EmptyInnerDimensionGivesZero) {
  const Matrix<TypeParam> a(2, 0);
  const Matrix<TypeParam> b(0, 3);
  auto c = gaussian<TypeParam>(2, 3, 1);
  multiply(a.view(), b.view(), c.view());
  for (const auto entry : c.entries) EXPECT_EQ(entry, TypeParam{0});
}

}  // namespace
}  // namespace normdescent
