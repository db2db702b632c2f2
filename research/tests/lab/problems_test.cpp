// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/problems.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "lab/claims.hpp"

namespace normdescent::lab {
namespace {

TEST(Problems, ClaimsOfQuadraticsHold) {
  expect_claims_hold(*quadratic_problem({.spectrum = {4, 1, 0.5, 0}, .noise = {.sigma = {1, 0, 2, 0.1}}}));
  expect_claims_hold(*quadratic_problem({.spectrum = {4, 1, 0.5, 0.1, 0.1}, .axis_aligned = false}));
}

TEST(Problems, ClaimsHoldForEveryNoiseLaw) {
  const NoiseLaw laws[] = {{NoiseKind::gaussian, 2.0},     {NoiseKind::two_point, 1.5, 0.1},
                           {NoiseKind::lomax, 1.5, 3.2},   {NoiseKind::pareto, 1.5, 3.2},
                           {NoiseKind::student, 1.5, 4.0}, {NoiseKind::stable, 1.5, 2.0}};
  for (const auto& law : laws) {
    expect_claims_hold(*quadratic_problem({.spectrum = {1, 2}, .noise = {.law = law, .sigma = {0.5, 2}}}));
  }
}

TEST(Problems, ClaimsOfCoshHoldInItsBox) {
  const auto problem = cosh_problem({.l0 = {1, 0.5}, .l1 = {1, 2}, .radius = 2});
  expect_claims_hold(*problem);
  // (L0, L1): curvature <= L0 + L1 |f'| everywhere, and no constant L bounds it.
  for (double x = -5; x <= 5; x += 0.01) {
    EXPECT_LE(0.5 * std::cosh(2 * x), 0.5 + 2 * std::abs(0.25 * std::sinh(2 * x)) + 1e-12);
  }
}

TEST(Problems, ClaimsOfLogisticRegressionHold) {
  expect_claims_hold(*logistic_problem({}));
  // At 0 the Hessian is exactly the bound, so that the constants are reached there.
  const auto problem = logistic_problem({.dimension = 3, .examples = 40});
  std::vector<double> x(3, 0.0), y(3), gx(3), gy(3);
  problem->gradient(x, gx);
  double reached = 0.0;
  for (unsigned signs = 0; signs < 8; ++signs) {
    for (unsigned i = 0; i < 3; ++i) y[i] = ((signs >> i) & 1U) != 0 ? 1e-5 : -1e-5;
    problem->gradient(y, gy);
    double change = 0.0;
    for (unsigned i = 0; i < 3; ++i) change += std::abs(gy[i] - gx[i]);
    reached = std::max(reached, change / 1e-5);
  }
  EXPECT_NEAR(reached, *problem->claims().smoothness.sign, 1e-4 * reached);
}

TEST(Problems, ClaimsOfMatrixFactorizationHoldInItsRegion) {
  expect_claims_hold(*factorization_problem({}));
  expect_claims_hold(*factorization_problem({.size = 3, .rank = 3, .noise = {.sigma = std::vector<double>(18, 0.5)}}));
}

// Without a second opinion a constant that is ten times too large would pass for one that holds.
TEST(Problems, ConstantsOfMatrixFactorizationAreNearlyReached) {
  constexpr Index n = 3;
  constexpr double radius = 20.0;  // ||M||_op = 1 no longer matters
  const auto problem = factorization_problem({.size = n, .rank = n, .radius = radius});
  const auto reached = [&](const std::vector<double>& point, const std::vector<double>& direction) {
    constexpr double h = 1e-5;
    std::vector<double> ahead(point), at(point.size()), there(point.size());
    for (std::size_t i = 0; i < point.size(); ++i) ahead[i] += h * direction[i];
    problem->gradient(point, at);
    problem->gradient(ahead, there);
    double form = 0.0;
    for (std::size_t i = 0; i < point.size(); ++i) form += direction[i] * (there[i] - at[i]) / h;
    return form;  // at most the smoothness for directions in the unit ball
  };
  // U = V = radius I, A = B = I/sqrt 2: ||(A, B)||_op = 1.
  std::vector<double> point(2 * n * n, 0.0), direction(2 * n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (const std::size_t part : {std::size_t{0}, std::size_t{n * n}}) {
      point[part + i * n + i] = radius;
      direction[part + i * n + i] = std::sqrt(0.5);
    }
  }
  const Claims& claims = problem->claims();
  EXPECT_LE(reached(point, direction), *claims.smoothness.spectral);
  EXPECT_GE(reached(point, direction), 0.99 * *claims.smoothness.spectral);
  // U = V = radius 1 1^T/n, A = B = 1 1^T.
  std::fill(point.begin(), point.end(), radius / n);
  std::fill(direction.begin(), direction.end(), 1.0);
  EXPECT_LE(reached(point, direction), *claims.smoothness.sign);
  EXPECT_GE(reached(point, direction), 0.99 * *claims.smoothness.sign);
}

TEST(Problems, ZeroChainMatchesTheKnownAnswers) {  // T15
  for (const int length : {1, 5, 20}) {
    const auto problem = zero_chain_problem({.length = length});
    const std::vector<double> zero(static_cast<std::size_t>(length), 0.0);
    EXPECT_NEAR(problem->value(zero), -2.0664, 5e-5);
    expect_claims_hold(*problem);
  }
  const auto problem = zero_chain_problem({.length = 5, .probability = 0.1});
  std::vector<double> x(5, 0.0), g(5);
  problem->gradient(x, g);
  EXPECT_NEAR(g[0], -1.6487, 5e-5);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(g[i], 0.0);
  expect_claims_hold(*problem);
}

TEST(Problems, ZeroChainKeepsItsGradientAboveOneUntilTheEnd) {
  const auto problem = zero_chain_problem({.length = 6});
  std::vector<double> x(6), g(6);
  for (std::uint64_t k = 0; k < 2000; ++k) {
    problem->probe_point({1, 2}, k, x);
    x[5] *= 0.499;  // |x_T| < 1
    problem->gradient(x, g);
    double square = 0.0;
    double largest = 0.0;
    for (const double v : g) {
      square += v * v;
      largest = std::max(largest, std::abs(v));
    }
    EXPECT_GT(square, 1.0);
    EXPECT_LE(largest, 23.0);
  }
}

TEST(Problems, TheSameSampleCanBeAskedForAtTwoPoints) {
  const auto problem = quadratic_problem({.spectrum = {1, 3}, .noise = {.sigma = {1, 1}}});
  const std::vector<double> x{1, 2}, y{-1, 0.5};
  std::vector<double> gx(2), gy(2), again(2);
  problem->sample(x, {5, 6}, 77, gx);
  problem->sample(y, {5, 6}, 77, gy);
  problem->sample(x, {5, 6}, 77, again);
  EXPECT_EQ(gx, again);
  EXPECT_NEAR(gx[0] - gy[0], 2.0, 1e-15);  // the noise cancels
  EXPECT_NEAR(gx[1] - gy[1], 4.5, 1e-14);
}

TEST(Problems, BadOptionsAreRefused) {
  EXPECT_THROW((void)quadratic_problem({}), std::invalid_argument);
  EXPECT_THROW((void)quadratic_problem({.spectrum = {-1}}), std::invalid_argument);
  EXPECT_THROW((void)quadratic_problem({.spectrum = {1}, .noise = {.sigma = {1, 2}}}), std::invalid_argument);
  EXPECT_THROW((void)cosh_problem({.l0 = {1}, .l1 = {0}}), std::invalid_argument);
  EXPECT_THROW((void)logistic_problem({.dimension = 17}), std::invalid_argument);
  EXPECT_THROW((void)factorization_problem({.size = 2, .rank = 3}), std::invalid_argument);
  EXPECT_THROW((void)zero_chain_problem({.probability = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent::lab
