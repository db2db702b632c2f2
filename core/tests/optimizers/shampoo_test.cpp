// SPDX-License-Identifier: Apache-2.0
// Shampoo and ASGO against identities, steps by hand, and a plain twin in fp64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "normdescent/linalg/polar.hpp"
#include "normdescent/linalg/reductions.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "shampoo_twin.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

using enum PreconditionedSides;

ParameterInfo matrix(std::vector<Index> shape) {
  return {.name = "w", .shape = std::move(shape), .role = Role::matrix};
}

// W <- W - D: plain steps of rate 1.
OptimizerSpec plain(const Shampoo& shampoo, double beta = 0.0, const MatrixLayout& layout = {}) {
  const Recipe recipe{.name = "shampoo",
                      .estimator = beta > 0.0 ? Estimator(Ema{.beta = beta}) : Estimator(Raw{}),
                      .direction = shampoo,
                      .learning_rate = 1.0,
                      .layout = layout};
  return {.name = "shampoo", .routes = {}, .fallback = recipe};
}

// D of each step, from gradients `scale` times standard normal.
template <class T = double>
std::vector<std::vector<T>> directions(const OptimizerSpec& spec, const ParameterInfo& info, int steps,
                                       double scale = 1.0) {
  ParameterBuffer<T> buffer({info});
  Optimizer<T> optimizer(spec, {info});
  std::vector<std::vector<T>> all;
  for (int t = 0; t < steps; ++t) {
    fill_normal(buffer.gradients(), 5, static_cast<std::uint64_t>(t));
    for (T& g : buffer.gradients()) g *= static_cast<T>(scale);
    std::fill(buffer.values().begin(), buffer.values().end(), T{0});
    EXPECT_TRUE(optimizer.step(buffer.parameters()).finite);
    all.push_back(copy(buffer.values()));
    for (T& d : all.back()) d = -d;
  }
  return all;
}

std::vector<std::vector<double>> directions_of(const OptimizerSpec& spec, const ParameterInfo& info,
                                               const std::vector<std::vector<double>>& gradients) {
  ParameterBuffer<double> buffer({info});
  Optimizer<double> optimizer(spec, {info});
  std::vector<std::vector<double>> all;
  for (const auto& g : gradients) {
    std::copy(g.begin(), g.end(), buffer.gradients().begin());
    std::fill(buffer.values().begin(), buffer.values().end(), 0.0);
    EXPECT_TRUE(optimizer.step(buffer.parameters()).finite);
    all.push_back(copy(buffer.values()));
    for (double& d : all.back()) d = -d;
  }
  return all;
}

template <class A, class B>
double difference(const A& a, const B& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    largest = d <= largest ? largest : d;
  }
  return largest;
}

// Inverse roots lose eps cond(G)^2 of D; these matrices have condition numbers below 100.
constexpr double kTolerance = 1e-10;

TEST(Shampoo, FirstStepIsMsignOfTheGradient) {
  for (const auto sides : {shorter, both}) {
    for (const auto& shape : {std::vector<Index>{5, 9}, {9, 5}, {6, 6}, {1, 7}, {7, 1}}) {
      const auto info = matrix(shape);
      std::vector<double> g(static_cast<std::size_t>(info.size()));
      fill_normal(std::span(g), 5, 0);
      std::vector<double> expected(g.size());
      polar_svd<double>({g.data(), info.rows(), info.cols()}, {expected.data(), info.rows(), info.cols()});
      const auto d = directions(plain({.sides = sides, .delta = 1e-20}), info, 1).front();
      EXPECT_LE(difference(d, expected), kTolerance) << to_string(sides) << " " << shape[0] << " x " << shape[1];
    }
  }
}

TEST(Shampoo, FirstStepOfARankOneGradientIsItsUnitMatrix) {
  // Noise eps of the null directions is multiplied by delta^(-1/2) = 1e7.
  const std::vector<double> u{1, -2, 0, 2};
  const std::vector<double> v{3, 0, -4};
  std::vector<double> g;
  std::vector<double> expected;
  for (const double a : u) {
    for (const double b : v) {
      g.push_back(a * b);
      expected.push_back(a * b / 15.0);
    }
  }
  for (const auto sides : {shorter, both}) {
    const auto d = directions_of(plain({.sides = sides, .delta = 1e-14}), matrix({4, 3}), {g});
    EXPECT_LE(difference(d[0], expected), 1e-7) << to_string(sides);
  }
}

TEST(Shampoo, OnDiagonalGradientsIsAdaGrad) {
  const std::vector<std::vector<double>> gradients{{3, 0, 0, -1}, {-4, 0, 0, 0.5}, {12, 0, 0, 2}};
  const auto expected = directions_of(adagrad({.learning_rate = 1.0, .delta = 1e-20}), matrix({2, 2}), gradients);
  for (const auto sides : {shorter, both}) {
    const auto d = directions_of(plain({.sides = sides, .delta = 1e-30}), matrix({2, 2}), gradients);
    for (std::size_t t = 0; t < 3; ++t) EXPECT_LE(difference(d[t], expected[t]), 1e-14) << to_string(sides) << t;
  }
}

TEST(Shampoo, OneSidedStepByHand) {
  // P, Q the projectors on (1, 1) and (1, -1). G1 = 3 P + Q: V = 9 P + Q, D = P + Q. G2 = 3/4 Q: V = 9 P + 25/16 Q,
  // D = (3/4) / (5/4) Q.
  const auto d = directions_of(plain({.sides = shorter, .delta = 1e-30}), matrix({2, 2}),
                               {{2, 1, 1, 2}, {0.375, -0.375, -0.375, 0.375}});
  EXPECT_LE(difference(d[0], std::vector<double>{1, 0, 0, 1}), 1e-14);
  EXPECT_LE(difference(d[1], std::vector<double>{0.3, -0.3, -0.3, 0.3}), 1e-14);
}

TEST(Shampoo, TwoSidedStepByHand) {
  // L = diag(9 + 16, 0), R = diag(16, 9): D2 = 4 / (25^(1/4) 16^(1/4)). One side would give 4/5.
  const auto d = directions_of(plain({.sides = both, .delta = 1e-30}), matrix({2, 2}), {{0, 3, 0, 0}, {4, 0, 0, 0}});
  EXPECT_LE(difference(d[1], std::vector<double>{std::sqrt(0.8), 0, 0, 0}), 1e-14);
}

TEST(Shampoo, AveragedStatisticsAreUnbiasedFromTheFirstStep) {
  const std::vector<double> g{2, 1, 1, 2};
  const auto d = directions_of(plain({.sides = shorter, .beta2 = 0.75, .delta = 1e-30}), matrix({2, 2}), {g, g, g});
  for (const auto& step : d) EXPECT_LE(difference(step, std::vector<double>{1, 0, 0, 1}), 1e-14);
}

TEST(Shampoo, AbsoluteDampingAddsDeltaItself) {
  // V = 16, D = 4 / (16 + 9)^(1/2).
  const auto d =
      directions_of(plain({.sides = shorter, .delta = 9, .damping = Damping::absolute}), matrix({1, 1}), {{4}});
  EXPECT_NEAR(d[0][0], 0.8, 1e-15);
  const auto relative = directions_of(plain({.sides = shorter, .delta = 0.5625}), matrix({1, 1}), {{4}});
  EXPECT_NEAR(relative[0][0], 0.8, 1e-15);
}

TEST(Shampoo, AgreesWithTheTwinForEveryOption) {
  struct Case {
    Shampoo shampoo;
    double beta;
    std::vector<Index> shape;
    MatrixLayout layout;
  };
  std::vector<Case> cases;
  for (const auto sides : {shorter, both}) {
    for (const auto& shape : {std::vector<Index>{5, 8}, {8, 5}}) {
      cases.push_back({{.sides = sides}, 0.5, shape, {}});
      cases.push_back({{.sides = sides, .beta2 = 0.75, .interval = 3}, 0.5, shape, {}});
      cases.push_back({{.sides = sides, .block_size = 3}, 0.0, shape, {}});
      cases.push_back({{.sides = sides, .damping = Damping::absolute, .interval = 2, .block_size = 4}, 0.5, shape, {}});
      cases.push_back({{.sides = sides, .block_size = 2, .graft = Graft::sgd}, 0.5, shape, {}});
      cases.push_back({{.sides = sides, .interval = 2, .graft = Graft::adamw_rms}, 0.5, shape, {}});
    }
    cases.push_back({{.sides = sides, .interval = 2, .block_size = 2}, 0.5, {6, 4}, {.row_blocks = 2}});
    cases.push_back({{.sides = sides, .interval = 2, .graft = Graft::sgd}, 0.5, {3, 4, 5}, {.is_stacked = true}});
    cases.push_back({{.sides = sides}, 0.5, {4, 3, 2, 2}, {}});
  }
  // Roots of rank-deficient statistics then lose no more than eps / delta.
  for (auto& c : cases) c.shampoo.delta = 1e-3;
  for (const auto& c : cases) {
    const auto info = matrix(c.shape);
    test::ShampooTwin twin(c.shampoo, c.beta, matrix_shape(c.layout, info));
    const auto d = directions(plain(c.shampoo, c.beta, c.layout), info, 7);
    for (std::size_t t = 0; t < d.size(); ++t) {
      std::vector<double> g(d[t].size());
      fill_normal(std::span(g), 5, t);
      const auto expected = twin.step(g);
      EXPECT_LE(difference(d[t], expected), kTolerance * std::max(1.0, max_abs(std::span<const double>(expected))))
          << describe(Direction(c.shampoo)) << " step " << t << " of " << c.shape[0] << " x " << c.shape[1];
    }
  }
}

TEST(Shampoo, KeepsTheRootUntilTheIntervalEnds) {
  // G1 = 3, root 1/3; G2 = 4 takes the old root, G3 the root of 9 + 16 + 144.
  const auto d =
      directions_of(plain({.sides = shorter, .delta = 1e-30, .interval = 2}), matrix({1, 1}), {{3}, {4}, {12}});
  EXPECT_NEAR(d[0][0], 1.0, 1e-15);
  EXPECT_NEAR(d[1][0], 4.0 / 3.0, 1e-15);
  EXPECT_NEAR(d[2][0], 12.0 / 13.0, 1e-15);
}

TEST(Shampoo, ContinuesWithTheSameBitsInTheMiddleOfAnInterval) {
  const auto spec = shampoo({.preconditioner = {.beta2 = 0.9, .interval = 4, .block_size = 3}});
  const auto run = [](Optimizer<float>& optimizer, ParameterBuffer<float>& buffer, std::uint64_t first,
                      std::uint64_t last) {
    for (std::uint64_t t = first; t < last; ++t) {
      fill_normal(buffer.gradients(), 5, t);
      auto parameters = std::vector(buffer.parameters().begin(), buffer.parameters().end());
      if (t == 1) parameters[1].gradient = {};  // its own steps, which say when roots are due, fall behind
      optimizer.step(parameters);
    }
  };
  ParameterBuffer<float> buffer(small_model());
  ParameterBuffer<float> other(small_model());
  Optimizer<float> through(spec, small_model());
  Optimizer<float> first(spec, small_model());
  Optimizer<float> second(spec, small_model());
  run(through, buffer, 0, 8);
  run(first, other, 0, 3);
  second.load_state(first.state());
  run(second, other, 3, 8);
  EXPECT_EQ(copy(buffer.values()), copy(other.values()));
  EXPECT_EQ(through.state(), second.state());
}

TEST(Shampoo, AGraftGivesEveryMatrixItsNorm) {
  const auto info = matrix({4, 6, 3});
  const MatrixLayout stacked{.is_stacked = true};
  for (const Graft graft : {Graft::sgd, Graft::adamw_rms}) {
    const auto d = directions(plain({.interval = 2, .block_size = 2, .graft = graft}, 0.0, stacked), info, 3);
    for (std::size_t t = 0; t < 3; ++t) {
      std::vector<double> g(72);
      fill_normal(std::span(g), 5, t);
      for (std::size_t k = 0; k < 4; ++k) {
        const double expected =
            graft == Graft::sgd ? norm2(std::span<const double>(g).subspan(k * 18, 18)) : 0.2 * std::sqrt(18.0);
        EXPECT_NEAR(norm2(std::span<const double>(d[t]).subspan(k * 18, 18)), expected, 1e-14 * expected);
      }
    }
  }
}

TEST(Shampoo, DoesNotSeeTheScaleOfGradientsUnderRelativeDamping) {
  for (const auto sides : {shorter, both}) {
    const auto spec = plain({.sides = sides, .beta2 = 0.9, .interval = 2, .block_size = 4}, 0.5);
    const auto d = directions(spec, matrix({5, 8}), 4);
    for (const double scale : {1e-60, 3.0, 1e60}) {
      const auto scaled = directions(spec, matrix({5, 8}), 4, scale);
      for (std::size_t t = 0; t < 4; ++t) {
        EXPECT_LE(difference(d[t], scaled[t]), kTolerance * max_abs(std::span<const double>(d[t])));
      }
    }
  }
}

TEST(Shampoo, FloatAgreesWithDoubleUpToItsRounding) {
  // Statistics in float know eigenvalues up to 2^-24 lambda_max; condition numbers squared are below 1e3 from step 1
  // on.
  for (const auto sides : {shorter, both}) {
    const auto spec = plain({.sides = sides, .beta2 = 0.9}, 0.5);
    const auto exact = directions(spec, matrix({5, 40}), 5);
    const auto rounded = directions<float>(spec, matrix({5, 40}), 5);
    for (std::size_t t = 0; t < 5; ++t) EXPECT_LE(difference(exact[t], rounded[t]), 1e3 * 0x1p-24) << t;
  }
}

TEST(Shampoo, AZeroGradientMakesNoStepAndKeepsTheStatistics) {
  for (const auto sides : {shorter, both}) {
    for (const auto damping : {Damping::relative, Damping::absolute}) {
      for (const Graft graft : {Graft::none, Graft::sgd, Graft::adamw_rms}) {
        const std::vector<double> zero(6, 0.0);
        const auto d = directions_of(plain({.sides = sides, .damping = damping, .graft = graft}), matrix({2, 3}),
                                     {zero, {1, 2, 3, 4, 5, 7}, zero});
        EXPECT_EQ(d[0], zero);
        EXPECT_NE(d[1], zero);
        EXPECT_EQ(d[2], zero);
      }
    }
  }
}

TEST(Shampoo, SquaresOutOfRangeAreNotCountedAndMakeNoStep) {
  const auto info = matrix({2, 2});
  ParameterBuffer<float> buffer({info});
  Optimizer<float> optimizer(plain({.sides = both}), {info});
  const std::vector<float> plain_gradient{2, 1, 1, 2};
  std::copy(plain_gradient.begin(), plain_gradient.end(), buffer.gradients().begin());
  optimizer.step(buffer.parameters());
  const auto values = copy(buffer.values());
  const auto statistics = optimizer.state().tensors.at("w/left_statistics");
  std::fill(buffer.gradients().begin(), buffer.gradients().end(), 1e25F);
  EXPECT_TRUE(optimizer.step(buffer.parameters()).finite);
  EXPECT_EQ(copy(buffer.values()), values);
  EXPECT_EQ(optimizer.state().tensors.at("w/left_statistics"), statistics);
}

TEST(Shampoo, KeepsStateOfItsOwnShapeAndSaysSo) {
  const std::vector<ParameterInfo> infos{{.name = "w", .shape = {6, 4}, .role = Role::matrix},
                                         {.name = "b", .shape = {6}, .role = Role::vector}};
  const Optimizer<float> one(asgo(), infos);
  EXPECT_EQ(one.state().tensors.at("w/right_statistics").shape, (std::vector<Index>{4, 4}));
  EXPECT_EQ(one.explain()[0].state_buffers, 2);
  EXPECT_EQ(one.explain()[0].state_entries, 24 + 16);
  EXPECT_EQ(one.explain()[1].recipe, "adamw");
  EXPECT_EQ(one.explain()[1].state_entries, 12);
  const Optimizer<float> two(shampoo(), infos);
  EXPECT_EQ(two.state().tensors.at("w/left_root").shape, (std::vector<Index>{6, 6}));
  EXPECT_EQ(two.explain()[0].state_buffers, 5);
  EXPECT_EQ(two.explain()[0].state_entries, 24 + 2 * (36 + 16));
  EXPECT_EQ(two.explain()[0].direction,
            "shampoo(both sides, beta2=0.99, delta=1e-06 relative, blocks of 1024, roots every 10 steps, "
            "graft=adamw-rms)");
  // Blocks of 4 and 2 rows by 4 columns: 16 + 4 on the left, 2 * 16 on the right.
  const Optimizer<float> blocks(shampoo({.preconditioner = {.interval = 1, .block_size = 4}}), infos);
  EXPECT_EQ(blocks.state().tensors.at("w/left_statistics").shape, (std::vector<Index>{20}));
  EXPECT_EQ(blocks.state().tensors.at("w/right_statistics").shape, (std::vector<Index>{32}));
}

TEST(Shampoo, RefusesVectorsByNameAndOptionsOutsideTheirDomain) {
  const ParameterInfo bias{.name = "bias", .shape = {5}};
  const auto refusal = [&](const Shampoo& shampoo) {
    try {
      const Optimizer<float> optimizer(plain(shampoo), {bias});
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("no refusal");
  };
  EXPECT_TRUE(refusal({}).starts_with("parameter bias: 1 dimensions, must be at least 2 for shampoo("));
  EXPECT_EQ(refusal({.beta2 = 1.5, .delta = 0.0, .interval = 0, .block_size = 0}),
            "recipe shampoo: beta2 = 1.5, must be in [0, 1]; delta = 0, must be in (0, inf); interval = 0, must be >= "
            "1; block_size = 0, must be >= 1");
}

}  // namespace
}  // namespace normdescent
