// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/inverse_root.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "linalg/matrices.hpp"

namespace normdescent {
namespace {

using test::gaussian;
using test::largest_difference;
using test::Matrix;

// Roots and powers of matrices of norm about 30 and condition about 100: a few thousand roundings.
constexpr double kRootTolerance = 1e-12;

Matrix<double> positive(Index n, Index k, std::uint64_t seed) {
  Matrix<double> a(n, n);
  gram(Transpose::no, gaussian<double>(n, k, seed).view(), a.view());
  return a;
}

template <class T>
Matrix<T> inverse_root(const Matrix<T>& a, double c, int p, double delta, Damping damping) {
  Matrix<T> out(a.rows, a.cols);
  InverseRootSolver<T> solver;
  EXPECT_TRUE(solver.run(a.view(), c, p, delta, damping, out.view()));
  return out;
}

Matrix<double> power(const Matrix<double>& x, int p) {
  Matrix<double> product = x;
  for (int k = 1; k < p; ++k) {
    const Matrix<double> before = product;
    multiply<double>(before.view(), x.view(), product.view());
  }
  return product;
}

TEST(InverseRoot, ItsPowerInvertsTheLiftedMatrix) {
  for (const int p : {1, 2, 3, 4}) {
    for (const auto damping : {Damping::relative, Damping::absolute}) {
      const auto a = positive(6, 20, 3);
      constexpr double kScale = 0.5;
      constexpr double kDelta = 0.125;
      const double largest = symmetric_eigen(a.view()).values.back();
      Matrix<double> lifted = test::scaled(a, kScale);
      for (Index i = 0; i < 6; ++i) lifted(i, i) += damping == Damping::absolute ? kDelta : kDelta * kScale * largest;
      const auto inverse = power(inverse_root(a, kScale, p, kDelta, damping), p);
      Matrix<double> product(6, 6);
      multiply<double>(inverse.view(), lifted.view(), product.view());
      Matrix<double> identity(6, 6);
      for (Index i = 0; i < 6; ++i) identity(i, i) = 1.0;
      EXPECT_LE(largest_difference(product.entries, identity.entries), kRootTolerance) << p << to_string(damping);
    }
  }
}

TEST(InverseRoot, KnowsAnExactExampleAndReadsTheUpperTriangleOnly) {
  // Eigenvalues 9 on (1, 1), 1 on (1, -1).
  Matrix<double> a(2, 2);
  a.entries = {5, 4, -77, 5};
  const auto root = inverse_root(a, 1.0, 2, 0.0, Damping::absolute);
  EXPECT_LE(largest_difference(root.entries, std::vector<double>{2.0 / 3, -1.0 / 3, -1.0 / 3, 2.0 / 3}),
            kRootTolerance);
}

TEST(InverseRoot, IsExactlySymmetricAndMayBeWrittenOverItsArgument) {
  auto a = positive(7, 9, 5);
  const auto root = inverse_root(a, 1.0, 4, 1e-6, Damping::relative);
  EXPECT_EQ(root.entries, test::transposed(root).entries);
  InverseRootSolver<double> solver;
  EXPECT_TRUE(solver.run(a.view(), 1.0, 4, 1e-6, Damping::relative, a.view()));
  EXPECT_EQ(a.entries, root.entries);
}

TEST(InverseRoot, OfZeroIsZeroUnlessItIsLifted) {
  const Matrix<double> zero(3, 3);
  EXPECT_EQ(inverse_root(zero, 1.0, 2, 1e-6, Damping::relative).entries, zero.entries);
  EXPECT_NEAR(inverse_root(zero, 1.0, 2, 0.25, Damping::absolute)(1, 1), 2.0, kRootTolerance);
}

TEST(InverseRoot, NegativeEigenvaluesCountAsZero) {
  Matrix<double> a(2, 2);
  a.entries = {-1e-9, 0, 0, 4};
  const auto root = inverse_root(a, 1.0, 2, 0.0, Damping::absolute);
  EXPECT_NEAR(root(1, 1), 0.5, kRootTolerance);
  EXPECT_EQ(root(0, 0), 0.0);
}

TEST(InverseRoot, SaysNoAndChangesNothingWhereTheResultIsNoNumberOfTheType) {
  Matrix<float> a(2, 2);
  Matrix<float> out(2, 2);
  out.entries = {1, 2, 3, 4};
  const auto before = out.entries;
  InverseRootSolver<float> solver;
  a.entries = {1, 0, 0, std::numeric_limits<float>::infinity()};
  EXPECT_FALSE(solver.run(a.view(), 1.0, 2, 1e-6, Damping::relative, out.view()));
  a.entries = {1, std::nanf(""), 0, 1};
  EXPECT_FALSE(solver.run(a.view(), 1.0, 2, 1e-6, Damping::relative, out.view()));
  a.entries = {1, 0, 0, 0};
  EXPECT_FALSE(solver.run(a.view(), 1.0, 2, 1e-90, Damping::absolute, out.view()));
  EXPECT_EQ(out.entries, before);
}

TEST(InverseRoot, RefusesWhatIsNotSquare) {
  const auto x = gaussian<double>(2, 3, 1);
  Matrix<double> out(2, 2);
  InverseRootSolver<double> solver;
  EXPECT_THROW((void)solver.run(x.view(), 1.0, 2, 1e-6, Damping::relative, out.view()), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
