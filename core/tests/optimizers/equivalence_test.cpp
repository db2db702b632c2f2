// SPDX-License-Identifier: Apache-2.0
// Identities between optimizers, and agreement with textbook loops written out here.
#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/linalg/polar.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/rules/sign.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

constexpr int kSteps = 50;

OptimizerSpec uniform(Estimator estimator, Direction direction, double learning_rate = 0.01) {
  return {.name = "test",
          .routes = {},
          .fallback = {.name = "test", .estimator = estimator, .direction = direction, .learning_rate = learning_rate}};
}

// Values after kSteps steps on random gradients that do not depend on the values.
template <class T = double>
std::vector<T> trajectory_end(const OptimizerSpec& spec, std::vector<Index> shape, std::uint64_t seed = 5) {
  ParameterBuffer<T> buffer({{.name = "w", .shape = std::move(shape), .role = Role::matrix}});
  fill_normal(buffer.values(), seed, 1000);
  Optimizer<T> optimizer(spec, {buffer.parameters()[0].info});
  for (std::uint64_t t = 0; t < kSteps; ++t) {
    fill_normal(buffer.gradients(), seed, t);
    optimizer.step(buffer.parameters());
  }
  return copy(buffer.values());
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "entry " << i;
}

TEST(Identity, MuonlightIsMatrixLion) {
  // theory 2.3: (1 - beta) U_t = beta^2 M_{t-1} + (1 - beta^2) G_t. Tolerance: 50 steps of round-off through msign of
  // well-conditioned random matrices; measured 2e-15.
  const Orthogonalize msign{.method = "svd"};
  for (const double beta : {0.5, 0.9, 0.95}) {
    const auto light = trajectory_end(uniform(HeavyBall{.beta = beta, .nesterov = true}, msign), {6, 4});
    const auto lion_matrix = trajectory_end(uniform(DoubleEma{.beta1 = beta * beta, .beta2 = beta}, msign), {6, 4});
    expect_near(light, lion_matrix, 1e-12);
    const auto from_catalog = trajectory_end(
        muonlight({.learning_rate = 0.01, .beta = beta, .method = "svd", .shape_scale = ShapeScale::none}), {6, 4});
    EXPECT_EQ(light, from_catalog);
    const auto swapped = trajectory_end(uniform(DoubleEma{.beta1 = beta, .beta2 = beta * beta}, msign), {6, 4});
    EXPECT_GT(std::abs(swapped[0] - light[0]) + std::abs(swapped[1] - light[1]), 1e-4) << "the test must tell";
  }
}

TEST(Identity, EmaAndHeavyBallAgreeUnderSign) {
  // X7: m = (1 - beta) b, and sign does not see the factor; random data never puts b within round-off of 0.
  for (const bool nesterov : {false, true}) {
    EXPECT_EQ(trajectory_end(uniform(Ema{.beta = 0.9, .nesterov = nesterov}, Sign{}), {20, 10}),
              trajectory_end(uniform(HeavyBall{.beta = 0.9, .nesterov = nesterov}, Sign{}), {20, 10}));
  }
  EXPECT_NE(trajectory_end(uniform(Ema{.beta = 0.9, .nesterov = false}, Sign{}), {20, 10}),
            trajectory_end(uniform(Ema{.beta = 0.9, .nesterov = true}, Sign{}), {20, 10}));
}

TEST(Identity, EmaIsHeavyBallWithTheRateDividedUnderIdentity) {
  // X7: for SGD the conventions differ by 1 / (1 - beta). Tolerance: 50 additions of numbers of size 0.1.
  for (const bool nesterov : {false, true}) {
    expect_near(
        trajectory_end(uniform(Ema{.beta = 0.75, .nesterov = nesterov}, normdescent::Identity{}, 0.04), {7, 3}),
        trajectory_end(uniform(HeavyBall{.beta = 0.75, .nesterov = nesterov}, normdescent::Identity{}, 0.01), {7, 3}),
        1e-14);
  }
}

TEST(Identity, LionInCurrentMomentumForm) {
  // theory 2.3 [LM]: v = (beta1 / beta2) m_t + (1 - beta1 / beta2) g_t with the NEW momentum.
  constexpr double kBeta1 = 0.9;
  constexpr double kBeta2 = 0.99;
  std::vector<double> x(200);
  std::vector<double> g(200);
  std::vector<double> m(200, 0.0);
  fill_normal(std::span(x), 5, 1000);
  for (std::uint64_t t = 0; t < kSteps; ++t) {
    fill_normal(std::span(g), 5, t);
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = kBeta2 * m[i] + (1 - kBeta2) * g[i];
      x[i] -= 0.01 * rules::sign(kBeta1 / kBeta2 * m[i] + (1 - kBeta1 / kBeta2) * g[i]);
    }
  }
  EXPECT_EQ(trajectory_end(lion({.learning_rate = 0.01, .beta1 = kBeta1, .beta2 = kBeta2}), {20, 10}), x);
}

TEST(Identity, DoubleEmaWithEqualBetasIsSignum) {
  EXPECT_EQ(trajectory_end(uniform(DoubleEma{.beta1 = 0.9, .beta2 = 0.9}, Sign{}), {20, 10}),
            trajectory_end(signum({.learning_rate = 0.01, .beta = 0.9}), {20, 10}));
}

TEST(Identity, SignSgdIsSignumWithoutMomentum) {
  EXPECT_EQ(trajectory_end(signsgd({.learning_rate = 0.01}), {20, 10}),
            trajectory_end(signum({.learning_rate = 0.01, .beta = 0.0}), {20, 10}));
}

TEST(Identity, RowNormalizeOfOneRowIsNormalize) {
  const auto rows = trajectory_end(uniform(Raw{}, RowNormalize{}), {1, 30});
  const auto all = trajectory_end(uniform(Raw{}, Normalize{.scope = Scope::per_tensor}), {1, 30});
  expect_near(rows, all, 1e-15);
}

TEST(Identity, MsignOfAVectorIsNormalize) {
  const Orthogonalize msign{.method = "svd"};
  expect_near(trajectory_end(uniform(Ema{}, msign), {30, 1}), trajectory_end(uniform(Ema{}, Normalize{}), {30, 1}),
              1e-14);
}

TEST(Momentum, ChangesTheTrajectoryOfEveryEstimator) {
  EXPECT_NE(trajectory_end(sgd({.beta = 0.0}), {9, 9}), trajectory_end(sgd({.beta = 0.9}), {9, 9}));
  EXPECT_NE(trajectory_end(signum({.beta = 0.0}), {9, 9}), trajectory_end(signum({.beta = 0.9}), {9, 9}));
  EXPECT_NE(trajectory_end(normalized_sgd({.beta = 0.0}), {9, 9}),
            trajectory_end(normalized_sgd({.beta = 0.9}), {9, 9}));
  EXPECT_NE(trajectory_end(muon({.beta = 0.0}), {9, 9}), trajectory_end(muon({.beta = 0.9}), {9, 9}));
  EXPECT_NE(trajectory_end(sgd({.beta = 0.9}), {9, 9}), trajectory_end(sgd({.beta = 0.9, .nesterov = true}), {9, 9}));
  EXPECT_NE(trajectory_end(muon({.beta = 0.9}), {9, 9}), trajectory_end(muon({.beta = 0.9, .nesterov = true}), {9, 9}));
}

// ---- textbook loops -------------------------------------------------------------------------------------------------

TEST(Textbook, SgdWithMomentumAndDecay) {
  for (const bool nesterov : {false, true}) {
    std::vector<double> x(30);
    std::vector<double> g(30);
    std::vector<double> b(30, 0.0);
    fill_normal(std::span(x), 5, 1000);
    for (std::uint64_t t = 0; t < kSteps; ++t) {
      fill_normal(std::span(g), 5, t);
      for (std::size_t i = 0; i < x.size(); ++i) {
        b[i] = 0.9 * b[i] + g[i];
        x[i] = (1 - 0.01 * 0.2) * x[i] - 0.01 * (nesterov ? g[i] + 0.9 * b[i] : b[i]);
      }
    }
    EXPECT_EQ(
        trajectory_end(sgd({.learning_rate = 0.01, .beta = 0.9, .nesterov = nesterov, .decoupled_decay = 0.2}), {30}),
        x);
  }
}

TEST(Textbook, AdamWWithBiasCorrectionAndDecay) {
  std::vector<double> x(30);
  std::vector<double> g(30);
  std::vector<double> m(30, 0.0);
  std::vector<double> v(30, 0.0);
  fill_normal(std::span(x), 5, 1000);
  for (std::uint64_t t = 0; t < kSteps; ++t) {
    fill_normal(std::span(g), 5, t);
    const double n = static_cast<double>(t) + 1;
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = 0.9 * m[i] + 0.1 * g[i];
      v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
      x[i] -= 0.01 * 0.2 * x[i];
      x[i] -= 0.01 * (m[i] / (1 - std::pow(0.9, n))) / (std::sqrt(v[i] / (1 - std::pow(0.999, n))) + 1e-8);
    }
  }
  // Tolerance: 1 - 0.9 and 0.1 differ in the last bits, and 50 roundings of size eps add up.
  expect_near(trajectory_end(adamw({.learning_rate = 0.01, .decoupled_decay = 0.2}), {30}), x, 1e-13);
}

TEST(Textbook, MuonWithJordansIteration) {
  // b = mu b + G ; W -= eta sqrt(max(1, m / n)) NS5(G + mu b)
  std::vector<double> w(24);
  std::vector<double> g(24);
  std::vector<double> b(24, 0.0);
  std::vector<double> u(24);
  std::vector<double> o(24);
  PolarWorkspace<double> workspace(6, 4);
  fill_normal(std::span(w), 5, 1000);
  for (std::uint64_t t = 0; t < kSteps; ++t) {
    fill_normal(std::span(g), 5, t);
    for (std::size_t i = 0; i < w.size(); ++i) {
      b[i] = 0.95 * b[i] + g[i];
      u[i] = g[i] + 0.95 * b[i];
    }
    polar<double>("jordan", 5, {u.data(), 6, 4}, MatrixView<double>{o.data(), 6, 4}, workspace);
    for (std::size_t i = 0; i < w.size(); ++i) w[i] -= 0.01 * std::sqrt(6.0 / 4.0) * o[i];
  }
  auto spec = uniform(HeavyBall{.beta = 0.95, .nesterov = true}, Orthogonalize{.method = "jordan"});
  spec.fallback.shape_scale = ShapeScale::sqrt_max_one;
  expect_near(trajectory_end(spec, {6, 4}), w, 1e-14);
}

TEST(Textbook, NormalizedSgdOverAllTensors) {
  ParameterBuffer<double> buffer({{.name = "a", .shape = {40000}}, {.name = "b", .shape = {3, 2}}});
  std::vector<double> x(40006);
  std::vector<double> m(40006, 0.0);
  std::vector<ParameterInfo> infos{buffer.parameters()[0].info, buffer.parameters()[1].info};
  Optimizer<double> optimizer(normalized_sgd({.learning_rate = 0.1, .beta = 0.9}), infos);
  fill_normal(buffer.values(), 5, 1000);
  x = copy(buffer.values());
  for (std::uint64_t t = 0; t < 5; ++t) {
    fill_normal(buffer.gradients(), 5, t);
    optimizer.step(buffer.parameters());
    double square = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = 0.9 * m[i] + 0.1 * buffer.gradients()[i];
      square += m[i] * m[i];
    }
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= 0.1 * m[i] / std::sqrt(square);
  }
  expect_near(copy(buffer.values()), x, 1e-14);
}

}  // namespace
}  // namespace normdescent
