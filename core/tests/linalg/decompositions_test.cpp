// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/decompositions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "linalg/matrices.hpp"

namespace normdescent {
namespace {

using test::gaussian;
using test::Matrix;

// Backward stable algorithms on matrices of norm about 10: a few hundred roundings.
constexpr double kTolerance = 1e-13;

TEST(Svd, ReproducesTheMatrixWithOrthonormalFactorsForEveryShape) {
  for (const auto& [m, n] : {std::pair<Index, Index>{9, 4}, {4, 9}, {6, 6}, {1, 5}, {5, 1}, {1, 1}}) {
    const auto g = gaussian<double>(m, n, 7);
    const Svd svd = compact_svd(g.view());
    const Index r = svd.rank_bound();
    EXPECT_LE(test::largest_difference(test::with_singular_values<double>(svd, svd.s).entries, g.entries), kTolerance);
    EXPECT_TRUE(std::is_sorted(svd.s.rbegin(), svd.s.rend()));
    Matrix<double> identity(r, r);
    for (Index i = 0; i < r; ++i) identity(i, i) = 1.0;
    Matrix<double> product(r, r);
    gram<double>(Transpose::yes, {svd.u.data(), m, r}, product.view());
    EXPECT_LE(test::largest_difference(product.entries, identity.entries), kTolerance);
    gram<double>(Transpose::no, {svd.vt.data(), r, n}, product.view());
    EXPECT_LE(test::largest_difference(product.entries, identity.entries), kTolerance);
    EXPECT_LE(test::largest_difference(singular_values(g.view()), svd.s), kTolerance);
  }
}

TEST(Svd, KnowsAnExactExample) {
  const Matrix<float> g = [] {
    Matrix<float> x(2, 2);
    x(0, 1) = -3.0F;
    x(1, 0) = 2.0F;
    return x;
  }();
  const auto s = singular_values(g.view());
  EXPECT_NEAR(s[0], 3.0, kTolerance);
  EXPECT_NEAR(s[1], 2.0, kTolerance);
}

TEST(Svd, NonFiniteInputGivesNanInsteadOfAnError) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto g = gaussian<double>(3, 4, 8);
    g(1, 2) = bad;
    for (const double s : singular_values(g.view())) EXPECT_TRUE(std::isnan(s));
    const Svd svd = compact_svd(g.view());
    for (const double x : svd.u) EXPECT_TRUE(std::isnan(x));
    for (const double x : svd.vt) EXPECT_TRUE(std::isnan(x));
    auto column = gaussian<double>(3, 1, 8);
    column(1, 0) = bad;
    EXPECT_TRUE(std::isnan(singular_values(column.view())[0]));
  }
}

TEST(SymmetricEigen, RowsOfVectorsDiagonalizeAndOnlyTheUpperTriangleIsRead) {
  const auto x = gaussian<double>(5, 8, 9);
  Matrix<double> a(5, 5);
  gram(Transpose::no, x.view(), a.view());
  auto upper = a;
  for (Index i = 0; i < 5; ++i) {
    for (Index j = 0; j < i; ++j) upper(i, j) = 1e9;
  }
  const SymmetricEigen eigen = symmetric_eigen(upper.view());
  EXPECT_TRUE(std::is_sorted(eigen.values.begin(), eigen.values.end()));
  Matrix<double> rebuilt(5, 5);
  for (Index i = 0; i < 5; ++i) {
    for (Index j = 0; j < 5; ++j) {
      for (std::size_t k = 0; k < 5; ++k) {
        rebuilt(i, j) += eigen.values[k] * eigen.vectors[5 * k + static_cast<std::size_t>(i)] *
                         eigen.vectors[5 * k + static_cast<std::size_t>(j)];
      }
    }
  }
  EXPECT_LE(test::largest_difference(rebuilt.entries, a.entries), kTolerance);
  const auto s = singular_values(x.view());
  for (std::size_t k = 0; k < 5; ++k) EXPECT_NEAR(eigen.values[4 - k], s[k] * s[k], 10 * kTolerance);
}

TEST(SymmetricEigen, RefusesWhatIsNotSquare) {
  const auto x = gaussian<double>(2, 3, 1);
  EXPECT_THROW((void)symmetric_eigen(x.view()), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
