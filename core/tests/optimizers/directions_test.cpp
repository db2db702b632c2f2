// SPDX-License-Identifier: Apache-2.0
// AdaGrad, AdaGrad-Norm, row and column normalization, Scion's oracles, LionMuon's alternation.
#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/rules/sign.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

OptimizerSpec uniform(Recipe recipe) {
  recipe.name = "test";
  return {.name = "test", .routes = {}, .fallback = std::move(recipe)};
}

template <class T = double>
std::vector<T> step_from_zero(const OptimizerSpec& spec, std::vector<T> g, std::vector<Index> shape = {},
                              Role role = Role::matrix) {
  OneTensor<T> tensor(std::vector<T>(g.size(), T(0)), g, std::move(shape), role);
  Optimizer<T>(spec, {tensor.info}).step(tensor.list);
  return tensor.x;
}

TEST(AdaGrad, DividesByTheRootOfAllSquaresThisOneIncluded) {
  // b = 3, then 5: steps 3/(3 + 1) and 4/(5 + 1); without the current gradient the first would be 3/1.
  OneTensor<double> tensor({0, 0}, {3, 0});
  Optimizer<double> optimizer(adagrad({.learning_rate = 12, .delta = 1}), {tensor.info});
  optimizer.step(tensor.list);
  EXPECT_EQ(tensor.x, (std::vector<double>{-9, 0}));
  tensor.g = {4, 0};
  tensor.list[0].gradient = tensor.g;
  optimizer.step(tensor.list);
  EXPECT_EQ(tensor.x, (std::vector<double>{-17, 0}));
}

TEST(AdaGradNorm, DividesByTheRootOfAllSquaredNorms) {
  // ||g|| = 5, b = 5, then ||g|| = 12, b = 13.
  OneTensor<double> tensor({0, 0}, {3, 4});
  Optimizer<double> optimizer(adagrad_norm({.learning_rate = 1, .delta = 1e-300}), {tensor.info});
  optimizer.step(tensor.list);
  EXPECT_DOUBLE_EQ(tensor.x[0], -0.6);
  EXPECT_DOUBLE_EQ(tensor.x[1], -0.8);
  tensor.g = {0, 12};
  tensor.list[0].gradient = tensor.g;
  optimizer.step(tensor.list);
  EXPECT_DOUBLE_EQ(tensor.x[0], -0.6);
  EXPECT_DOUBLE_EQ(tensor.x[1], -0.8 - 12.0 / 13.0);
}

TEST(AdaGradNorm, ScopeDecidesWhoseGradientsCount) {
  for (const Scope scope : {Scope::global, Scope::per_tensor}) {
    ParameterBuffer<double> buffer({{.name = "a", .shape = {1}}, {.name = "b", .shape = {1}}});
    buffer.gradients()[0] = 3;
    buffer.gradients()[1] = -4;
    Optimizer<double> optimizer(adagrad_norm({.learning_rate = 1, .delta = 1e-300, .scope = scope}),
                                {buffer.parameters()[0].info, buffer.parameters()[1].info});
    optimizer.step(buffer.parameters());
    EXPECT_DOUBLE_EQ(buffer.values()[0], scope == Scope::global ? -0.6 : -1.0);
    EXPECT_DOUBLE_EQ(buffer.values()[1], scope == Scope::global ? 0.8 : 1.0);
  }
}

TEST(Identity, AdaGradDoesNotSeeTheScaleOfItsGradients) {
  // Powers of two scale every rounding with them.
  for (const auto& spec : {adagrad({.delta = 1e-300}), adagrad_norm({.delta = 1e-300}), row_normalized_sgd(),
                           row_normalized_sgd({.axis = Axis::columns}), scion({.method = "svd"})}) {
    std::vector<std::vector<double>> ends;
    for (const double scale : {1.0, 1024.0}) {
      ParameterBuffer<double> buffer(small_model());
      Optimizer<double> optimizer(spec, small_model());
      for (std::uint64_t t = 0; t < 5; ++t) {
        fill_normal(buffer.gradients(), 4, t);
        for (double& g : buffer.gradients()) g *= scale;
        optimizer.step(buffer.parameters());
      }
      ends.push_back(copy(buffer.values()));
    }
    for (std::size_t i = 0; i < ends[0].size(); ++i) EXPECT_NEAR(ends[0][i], ends[1][i], 1e-13) << spec.name;
  }
}

TEST(Textbook, AdaGradWithMomentumAveragesTheNumerator) {
  std::vector<double> x(30, 0.0), g(30), m(30, 0.0), b(30, 0.0);
  OneTensor<double> tensor(x, x);
  Optimizer<double> optimizer(adagrad({.learning_rate = 0.1, .beta = 0.5, .delta = 0.25}), {tensor.info});
  for (std::uint64_t t = 0; t < 20; ++t) {
    fill_normal(std::span(g), 6, t);
    std::copy(g.begin(), g.end(), tensor.g.begin());
    optimizer.step(tensor.list);
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = 0.5 * m[i] + 0.5 * g[i];
      b[i] += g[i] * g[i];
      x[i] -= 0.1 * (m[i] / (std::sqrt(b[i]) + 0.25));
    }
  }
  EXPECT_EQ(tensor.x, x);
}

TEST(ColumnNormalize, GivesEveryColumnNormOneAndKeepsZeroColumns) {
  EXPECT_EQ(
      step_from_zero(row_normalized_sgd({.learning_rate = 1, .axis = Axis::columns}), {3, 0, 0, 4, 0, -7}, {2, 3}),
      (std::vector<double>{-0.6, 0, 0, -0.8, 0, 1}));
  EXPECT_EQ(step_from_zero(row_normalized_sgd({.learning_rate = 1}), {0, 4, 0, 0, 0, -7}, {3, 2}),
            (std::vector<double>{0, -1, 0, 0, 0, 1}));
}

TEST(ColumnNormalize, IsRowNormalizeOfTheTransposeAtAnySize) {
  // 70 columns are more than one block; entries of 1e-30 and 1e30 are where squares leave float.
  for (const float size : {1.0F, 1e-30F, 1e30F}) {
    const Index rows = 9;
    const Index cols = 70;
    std::vector<float> g(static_cast<std::size_t>(rows * cols));
    fill_normal(std::span(g), 8);
    for (float& value : g) value *= size;
    std::vector<float> transposed(g.size());
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j)
        transposed[static_cast<std::size_t>(j * rows + i)] = g[static_cast<std::size_t>(i * cols + j)];
    }
    const auto by_column =
        step_from_zero<float>(row_normalized_sgd({.learning_rate = 1, .axis = Axis::columns}), g, {rows, cols});
    const auto by_row = step_from_zero<float>(row_normalized_sgd({.learning_rate = 1}), transposed, {cols, rows});
    const auto in_out = step_from_zero<float>(
        row_normalized_sgd({.learning_rate = 1, .common = {.orientation = Orientation::in_out}}), g, {rows, cols});
    EXPECT_EQ(by_column, in_out);
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) {
        // one rounding of the norm and one of the quotient each
        EXPECT_NEAR(by_column[static_cast<std::size_t>(i * cols + j)], by_row[static_cast<std::size_t>(j * rows + i)],
                    2.5e-7);
      }
    }
  }
}

TEST(Scion, StepsAcrossTheBallOfEveryRole) {
  // 2 x 8 as (out, in): spectral sqrt(2/8) = 1/2; sign 1/8; rows 1/sqrt 8; columns sqrt 2.
  std::vector<double> g(16, 0.0);
  g[0] = 3;
  g[9] = -5;
  const auto scaled = [&](double length) {
    std::vector<double> x(16, 0.0);
    x[0] = -length;
    x[9] = length;
    return x;
  };
  const auto expect_step = [&](ScionBall ball, double length) {
    const auto x = step_from_zero(scion({.learning_rate = 1, .matrix_ball = ball, .matrix_radius = 3, .method = "svd"}),
                                  g, {2, 8});
    const auto expected = scaled(length);
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], expected[i], 1e-15) << to_string(ball) << " " << i;
  };
  expect_step(ScionBall::spectral, 1.5);
  expect_step(ScionBall::sign, 3.0 / 8.0);
  expect_step(ScionBall::rows, 3.0 / std::sqrt(8.0));
  expect_step(ScionBall::columns, 3.0 * std::sqrt(2.0));
}

TEST(Scion, MovesEveryTokensEmbeddingByTheSameRms) {
  // Tables are (tokens, width): a token's vector is a column of the map from tokens, here one without gradient.
  const auto x =
      step_from_zero(scion({.learning_rate = 1, .embedding_radius = 2}), {3, 4, 0, 0, -1, 0}, {3, 2}, Role::embedding);
  const double length = 2 * std::sqrt(2.0);
  const std::vector<double> expected{-0.6 * length, -0.8 * length, 0, 0, length, 0};
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], expected[i], 1e-15);
}

TEST(Scion, DefaultsToRadiiOneThreeTen) {
  for (const auto& spec : {scion(), scion_constrained()}) {
    for (const auto& row : Optimizer<float>(spec, small_model()).explain()) {
      const Role role = row.parameter.role;
      EXPECT_EQ(row.radius, role == Role::matrix ? 3.0 : role == Role::head ? 10.0 : 1.0) << row.parameter.name;
      EXPECT_EQ(row.decay.starts_with("constrained"), spec.name == "scion-constrained") << row.decay;
    }
  }
}

TEST(LionMuon, TakesMsignEveryPeriodOnOneSharedMomentum) {
  // Reference twin: Lion's average, direction by the number of the step.
  const double beta1 = 0.8;
  const double beta2 = 0.9;
  for (const int period : {1, 2, 3}) {
    OneTensor<double> tensor(std::vector<double>(24, 0.0), std::vector<double>(24, 0.0), {6, 4}, Role::matrix);
    Optimizer<double> optimizer(lionmuon({.learning_rate = 0.1,
                                          .beta1 = beta1,
                                          .beta2 = beta2,
                                          .period = period,
                                          .sign_rate = 0.5,
                                          .method = "svd",
                                          .shape_scale = ShapeScale::sqrt_max,
                                          .decoupled_decay = 0.5}),
                                {tensor.info});
    OneTensor<double> msign(std::vector<double>(24, 0.0), std::vector<double>(24, 0.0), {6, 4}, Role::matrix);
    std::vector<double> x(24, 0.0), m(24, 0.0), u(24);
    for (int t = 1; t <= 7; ++t) {
      fill_normal(std::span(tensor.g), 21, static_cast<std::uint64_t>(t));
      optimizer.step(tensor.list);
      for (std::size_t i = 0; i < m.size(); ++i) {
        u[i] = beta1 * m[i] + (1 - beta1) * tensor.g[i];
        m[i] = beta2 * m[i] + (1 - beta2) * tensor.g[i];
      }
      const bool is_msign = t % period == 0;
      const auto direction = step_from_zero(
          uniform({.name = {}, .direction = Orthogonalize{.method = "svd"}, .learning_rate = 1}), u, {6, 4});
      for (std::size_t i = 0; i < m.size(); ++i) {
        const double rate = is_msign ? 0.1 : 0.05;
        const double d = is_msign ? -std::sqrt(6.0) * direction[i] : rules::sign(u[i]);
        x[i] = (1 - rate * 0.5) * x[i] - rate * d;
      }
      for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(tensor.x[i], x[i], 1e-13) << "period " << period;
    }
  }
}

TEST(Identity, LionMuonOfPeriodOneIsMatrixLionAndOfLongPeriodIsLion) {
  const auto end = [](const OptimizerSpec& spec) {
    ParameterBuffer<float> buffer(small_model());
    Optimizer<float> optimizer(spec, small_model());
    for (std::uint64_t t = 0; t < 20; ++t) {
      fill_normal(buffer.gradients(), 4, t);
      optimizer.step(buffer.parameters());
    }
    return copy(buffer.values());
  };
  EXPECT_EQ(end(lionmuon({.learning_rate = 0.5, .period = 1000, .sign_rate = 0.25})),
            end(lion({.learning_rate = 0.125})));
  EXPECT_NE(end(lionmuon({.learning_rate = 0.5, .period = 2, .sign_rate = 0.25})), end(lion({.learning_rate = 0.125})));
}

TEST(MarsLion, ClipsTheCorrectedGradientToNormOne) {
  // g = (3, 4), then (4, 4): c = g + 0.025 * 19 (1, 0) = (4.475, 4), scaled to norm 1.
  OneTensor<double> tensor({0, 0}, {3, 4});
  Optimizer<double> optimizer(mars_lion(), {tensor.info});
  EXPECT_DOUBLE_EQ(optimizer.step(tensor.list).clip_factor, 0.2);
  tensor.g[0] = 4;
  EXPECT_DOUBLE_EQ(optimizer.step(tensor.list).clip_factor, 1.0 / std::hypot(4.475, 4.0));
  const auto state = optimizer.state();
  const auto* m = reinterpret_cast<const double*>(state.tensors.at("w/momentum").bytes.data());
  EXPECT_NEAR(m[0], 0.95 * 0.05 * 0.6 + 0.05 * 4.475 / std::hypot(4.475, 4.0), 1e-15);
  const auto* before = reinterpret_cast<const double*>(state.tensors.at("w/previous_gradient").bytes.data());
  EXPECT_EQ(before[0], 4.0) << "the gradient itself is remembered, neither corrected nor clipped";
}

}  // namespace
}  // namespace normdescent
