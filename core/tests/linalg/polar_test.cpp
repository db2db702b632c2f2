// SPDX-License-Identifier: Apache-2.0
#include "normdescent/linalg/polar.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "linalg/matrices.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "support/allocations.hpp"

namespace normdescent {
namespace {

using test::gaussian;
using test::kSets;
using test::largest_difference;
using test::Matrix;

const std::vector<std::pair<Index, Index>> kShapes{{12, 5}, {5, 12}, {8, 8}, {1, 6}, {6, 1}, {1, 1}, {2, 40}};

template <class T>
Matrix<T> iterated(const CoefficientSet& set, int steps, const Matrix<T>& g) {
  Matrix<T> out(g.rows, g.cols);
  PolarWorkspace<T> workspace;
  polar_newton_schulz(set, steps, g.view(), out.view(), workspace);
  return out;
}
template <class T>
Matrix<T> exact(const Matrix<T>& g) {
  Matrix<T> out(g.rows, g.cols);
  polar_svd(g.view(), out.view());
  return out;
}
// The twin: the scalar map applied to the singular values of an SVD.
template <class T>
Matrix<double> mapped(const CoefficientSet& set, int steps, const Matrix<T>& g) {
  const Svd svd = compact_svd(g.view());
  const double frobenius = norm2(g.view().span());
  std::vector<double> images;
  for (const double s : svd.s) images.push_back(map_singular_value(set, steps, s / frobenius));
  return test::with_singular_values<double>(svd, images);
}

TEST(ScalarMap, HasTheKnownValues) {
  const double s5[] = {1, 0.5, 0.1, 0.05, 0.01};
  const double jordan[] = {0.696436, 0.765439, 0.712120, 0.758120, 0.698917};
  const double s_pe[] = {1, 0.5, 0.1, 0.01, 0.001};
  const double express5[] = {0.877107, 1.104657, 0.891444, 1.054024, 0.840145};
  const double express7[] = {0.99999599, 0.99999709, 0.99999707, 0.99999683, 0.99998923};
  for (int i = 0; i < 5; ++i) {
    EXPECT_NEAR(map_singular_value(jordan_coefficients(), 5, s5[i]), jordan[i], 5e-7);
    EXPECT_NEAR(map_singular_value(polar_express_coefficients(), 5, s_pe[i]), express5[i], 5e-7);
    EXPECT_NEAR(map_singular_value(polar_express_coefficients(), 7, s_pe[i]), express7[i], 5e-9);
  }
}

TEST(NewtonSchulz, MapsSingularValuesAndKeepsSingularVectors) {
  for (const auto* set : kSets) {
    for (const auto& [m, n] : kShapes) {
      for (const int steps : {1, 4, 5, 8}) {
        const auto g = gaussian<double>(m, n, 11);
        // 1e-13: the scalar map's own rounding through at most 8 steps, slopes and all; the seen worst is 1.2e-14.
        EXPECT_LE(largest_difference(iterated(*set, steps, g).entries, mapped(*set, steps, g).entries), 1e-13)
            << set->name << " " << m << "x" << n << " steps " << steps;
      }
    }
  }
}

TEST(NewtonSchulz, FloatAgreesWithDouble) {
  for (const auto* set : kSets) {
    for (const auto& [m, n] : kShapes) {
      const auto g = gaussian<float>(m, n, 12);
      EXPECT_LE(largest_difference(iterated(*set, 5, g).entries, mapped(*set, 5, g).entries), 2e-5) << set->name;
    }
  }
}

template <class T>
class Polar : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Polar, Types);

TYPED_TEST(Polar, ExpressConvergesToTheExactFactor) {
  constexpr double kEps = std::numeric_limits<TypeParam>::epsilon();
  for (const auto& [m, n] : kShapes) {
    const auto g = gaussian<TypeParam>(m, n, 13);
    EXPECT_LE(largest_difference(iterated(polar_express_coefficients(), 12, g).entries, exact(g).entries), 100 * kEps)
        << m << "x" << n;
  }
}

TYPED_TEST(Polar, ExactFactorHasUnitSingularValuesAndIsOrthogonal) {
  constexpr double kEps = std::numeric_limits<TypeParam>::epsilon();
  for (const auto& [m, n] : kShapes) {
    for (const double s : singular_values(exact(gaussian<TypeParam>(m, n, 14)).view())) EXPECT_NEAR(s, 1.0, 20 * kEps);
  }
}

TYPED_TEST(Polar, ExactFactorOfARankOneMatrixIsRankOne) {
  constexpr double kEps = std::numeric_limits<TypeParam>::epsilon();
  const auto g = test::rank_one<TypeParam>(9, 6, 15);
  const auto s = singular_values(exact(g).view());
  EXPECT_NEAR(s[0], 1.0, 10 * kEps);
  EXPECT_LE(s[1], 10 * kEps);
  // Teeth: without the tolerance the rounding errors of G become directions of full size.
  Matrix<TypeParam> careless(9, 6);
  polar_svd(g.view(), careless.view(), 0.0);
  EXPECT_GT(singular_values(careless.view())[1], 0.9);
}

TYPED_TEST(Polar, IterationsOnRankOneStayRankOneAndPositive) {
  constexpr double kEps = std::numeric_limits<TypeParam>::epsilon();
  for (const auto* set : kSets) {
    const auto g = test::rank_one<TypeParam>(40, 30, 16);
    const auto s = singular_values(iterated(*set, 5, g).view());
    EXPECT_NEAR(s[0], map_singular_value(*set, 5, 1.0), 1000 * kEps) << set->name;
    EXPECT_LE(s[1], 2000 * kEps) << set->name;  // rounding times the gain at 0, at most 977
  }
}

TYPED_TEST(Polar, ZeroGivesZero) {
  for (const auto& method : polar_method_names()) {
    for (const auto& [m, n] : kShapes) {
      Matrix<TypeParam> g(m, n);
      for (auto& entry : g.entries) entry = TypeParam{-0.0};
      auto out = gaussian<TypeParam>(m, n, 17);
      PolarWorkspace<TypeParam> workspace;
      polar(method, 5, g.view(), out.view(), workspace);
      for (const auto entry : out.entries) EXPECT_EQ(entry, TypeParam{0});
    }
  }
}

TYPED_TEST(Polar, DoesNotDependOnTheScale) {
  constexpr double kEps = std::numeric_limits<TypeParam>::epsilon();
  for (const auto& method : polar_method_names()) {
    for (const auto& [m, n] : kShapes) {
      const auto g = gaussian<TypeParam>(m, n, 18);
      Matrix<TypeParam> expected(m, n);
      PolarWorkspace<TypeParam> workspace;
      polar(method, 5, g.view(), expected.view(), workspace);
      for (const double factor : {1e-20, 1e-30, 1e20, 1e30}) {
        const auto other = test::scaled(g, factor);
        Matrix<TypeParam> out(m, n);
        polar(method, 5, other.view(), out.view(), workspace);
        EXPECT_LE(largest_difference(out.entries, expected.entries), 500 * kEps) << method << " " << factor;
      }
    }
  }
}

TYPED_TEST(Polar, NonFiniteInputGivesNan) {
  for (const auto& method : polar_method_names()) {
    for (const auto bad : {std::numeric_limits<TypeParam>::quiet_NaN(), std::numeric_limits<TypeParam>::infinity()}) {
      for (const auto& [m, n] : kShapes) {
        auto g = gaussian<TypeParam>(m, n, 19);
        g.entries.back() = bad;
        Matrix<TypeParam> out(m, n);
        PolarWorkspace<TypeParam> workspace;
        polar(method, 5, g.view(), out.view(), workspace);
        for (const auto entry : out.entries) EXPECT_TRUE(std::isnan(entry)) << method;
      }
    }
  }
}

TYPED_TEST(Polar, OutMayBeTheInput) {
  for (const auto& method : polar_method_names()) {
    for (const int steps : {4, 5}) {
      auto g = gaussian<TypeParam>(7, 9, 20);
      Matrix<TypeParam> expected(7, 9);
      PolarWorkspace<TypeParam> workspace;
      polar(method, steps, g.view(), expected.view(), workspace);
      polar(method, steps, g.view(), g.view(), workspace);
      EXPECT_EQ(g.entries, expected.entries) << method;
    }
  }
}

TYPED_TEST(Polar, AReservedWorkspaceNeedsNoAllocation) {
  if (!test::counts_allocations()) GTEST_SKIP() << "not counted under the thread sanitizer";
  const auto g = gaussian<TypeParam>(20, 30, 21);
  Matrix<TypeParam> out(20, 30);
  PolarWorkspace<TypeParam> workspace(30, 20);
  const long before = test::allocation_count();
  polar_newton_schulz(polar_express_coefficients(), 5, g.view(), out.view(), workspace);
  EXPECT_EQ(test::allocation_count() - before, 0);
  const auto larger = gaussian<TypeParam>(31, 31, 22);
  Matrix<TypeParam> larger_out(31, 31);
  const long again = test::allocation_count();
  polar_newton_schulz(polar_express_coefficients(), 5, larger.view(), larger_out.view(), workspace);
  EXPECT_GT(test::allocation_count() - again, 0) << "the counter does not count";
}

TEST(PolarErrors, NameWhatIsWrong) {
  const auto g = gaussian<float>(2, 3, 1);
  Matrix<float> out(2, 3);
  Matrix<float> wrong(3, 2);
  PolarWorkspace<float> workspace;
  EXPECT_THROW(polar("newton", 5, g.view(), out.view(), workspace), std::invalid_argument);
  EXPECT_THROW(polar("jordan", 0, g.view(), out.view(), workspace), std::invalid_argument);
  EXPECT_THROW(polar("jordan", 5, g.view(), wrong.view(), workspace), std::invalid_argument);
  EXPECT_THROW(polar("svd", 5, g.view(), wrong.view(), workspace), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
