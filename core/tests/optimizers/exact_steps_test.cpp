// SPDX-License-Identifier: Apache-2.0
// Steps computed by hand. Hyper-parameters and data are dyadic, so equality is exact.
#include <gtest/gtest.h>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

// Values after each of the gradients in turn.
template <class T = double>
std::vector<std::vector<T>> run(const OptimizerSpec& spec, std::vector<T> x,
                                const std::vector<std::vector<T>>& gradients, std::vector<Index> shape = {},
                                Role role = Role::vector) {
  OneTensor<T> tensor(std::move(x), gradients.front(), std::move(shape), role);
  Optimizer<T> optimizer(spec, {tensor.info});
  std::vector<std::vector<T>> values;
  for (const auto& g : gradients) {
    std::copy(g.begin(), g.end(), tensor.g.begin());
    EXPECT_TRUE(optimizer.step(tensor.list).finite);
    values.push_back(tensor.x);
  }
  return values;
}
using Values = std::vector<std::vector<double>>;

TEST(ExactStep, Sgd) {
  EXPECT_EQ(run(sgd({.learning_rate = 0.25}), {1, 2, 3}, {{4, -2, 0}, {0, 8, -1}}),
            (Values{{0, 2.5, 3}, {0, 0.5, 3.25}}));
}

TEST(ExactStep, SgdWithMomentumIsHeavyBall) {
  // b = 4, then 0.5 * 4 + 2 = 4
  EXPECT_EQ(run(sgd({.learning_rate = 0.25, .beta = 0.5}), {1}, {{4}, {2}}), (Values{{0}, {-1}}));
}

TEST(ExactStep, SgdWithNesterov) {
  // u = 4 + 0.5 * 4 = 6, then b = 4, u = 2 + 0.5 * 4 = 4
  EXPECT_EQ(run(sgd({.learning_rate = 0.25, .beta = 0.5, .nesterov = true}), {1}, {{4}, {2}}),
            (Values{{-0.5}, {-1.5}}));
}

TEST(ExactStep, SignSgdMovesByTheRateAndStaysWhereTheGradientIsZero) {
  EXPECT_EQ(run(signsgd({.learning_rate = 0.25}), {1, 1, 1, 1}, {{1e-30, -7, 0.0, -0.0}}),
            (Values{{0.75, 1.25, 1, 1}}));
}

TEST(ExactStep, SignumTakesTheSignOfTheMean) {
  // m = 2, 0.5 * 2 - 0.5 * 1 = 0.5, 0.5 * 0.5 - 0.5 * 3 = -1.25
  EXPECT_EQ(run(signum({.learning_rate = 0.25, .beta = 0.5, .decoupled_decay = 1.0}), {4}, {{4}, {-1}, {-3}}),
            (Values{{2.75}, {1.8125}, {1.609375}}));
}

TEST(ExactStep, LionUsesTheOldMomentumInsideTheSign) {
  // v = 2, m = 3; v = 0.5 * 3 - 0.5 * 2 = 0.5, m = -0.75; v = -0.375 - 0.25. In the second step the new m would give
  // v = -1.375 and swapped betas -1.
  EXPECT_EQ(run(lion({.learning_rate = 0.25, .beta1 = 0.5, .beta2 = 0.25}), {1}, {{4}, {-2}, {-0.5}}),
            (Values{{0.75}, {0.5}, {0.75}}));
}

TEST(ExactStep, AdamWFirstStepIsTheGradientOverItsSize) {
  EXPECT_EQ(run(adamw({.learning_rate = 0.5, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 1.0, .decoupled_decay = 0.5}),
                {1, 1}, {{-3, 0}}),
            (Values{{0.75 + 0.375, 0.75}}));
}

TEST(ExactStep, NormalizedSgdMovesByTheRateInTheEuclideanNorm) {
  EXPECT_EQ(run(normalized_sgd({.learning_rate = 0.5}), {1, 1, 1, 1}, {{8, -8, 8, 8}}),
            (Values{{0.75, 1.25, 0.75, 0.75}}));
}

TEST(ExactStep, NormalizedSgdAveragesBeforeItNormalizes) {
  // m = (2, 0), then (1, 0) - (4, 0) / 2 = (-1, 0): direction -1. Normalizing first would give m = 1/4 - 1/2.
  EXPECT_EQ(run(normalized_sgd({.learning_rate = 0.5, .beta = 0.5}), {1, 1}, {{4, 0}, {-4, 0}, {0.5, 0}}),
            (Values{{0.5, 1}, {1, 1}, {1.5, 1}}));
}

TEST(ExactStep, RowNormalizeMovesEveryRowByTheRateAndKeepsZeroRows) {
  const OptimizerSpec spec{
      .name = "rows", .routes = {}, .fallback = {.name = "rows", .direction = RowNormalize{}, .learning_rate = 0.5}};
  EXPECT_EQ(run(spec, {1, 1, 1, 1, 1, 1}, {{0, -7, 0, 0, 1e-30, 0}}, {3, 2}), (Values{{1, 1.5, 1, 1, 0.5, 1}}));
}

// msign of a diagonal matrix is the sign of its diagonal; the exact SVD may round the last bit.
void expect_near(const Values& actual, const Values& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t t = 0; t < actual.size(); ++t) {
    ASSERT_EQ(actual[t].size(), expected[t].size());
    for (std::size_t i = 0; i < actual[t].size(); ++i)
      EXPECT_NEAR(actual[t][i], expected[t][i], 1e-15) << t << " " << i;
  }
}

TEST(ExactStep, MuonMovesEverySingularDirectionByTheScaledRate) {
  // s(2, 2) = sqrt(max(1, 2/2)) = 1; M = diag(2, -1), then diag(1, -0.5) + diag(-4, 0): signs (1, -1), (-1, -1).
  const auto spec = muon({.learning_rate = 0.25,
                          .beta = 0.5,
                          .method = "svd",
                          .shape_scale = ShapeScale::sqrt_max_one,
                          .decoupled_decay = 1.0});
  expect_near(run(spec, {1, 0, 0, 1}, {{4, 0, 0, -2}, {-8, 0, 0, 0}}, {2, 2}, Role::matrix),
              {{0.5, 0, 0, 1}, {0.625, 0, 0, 1}});
}

TEST(ExactStep, MuonScalesTheStepOfTallMatrices) {
  // sqrt(m / n) = sqrt(8 / 2) = 2
  const auto spec = muon({.learning_rate = 0.25, .method = "svd", .shape_scale = ShapeScale::sqrt_out_over_in});
  std::vector<double> g(16, 0.0);
  g[0] = 3;
  g[3] = -5;
  std::vector<double> expected(16, 0.0);
  expected[0] = -0.5;
  expected[3] = 0.5;
  expect_near(run(spec, std::vector<double>(16, 0.0), {g}, {8, 2}, Role::matrix), {expected});
}

TEST(ExactStep, MuonlightLooksAhead) {
  // B = diag(4, 4), U = diag(6, 6); then B = diag(-1, 0.5), U = diag(-3.5, -1.25). Without Nesterov the second entry
  // would keep its sign.
  const auto spec = muonlight({.learning_rate = 0.25, .beta = 0.5, .method = "svd", .shape_scale = ShapeScale::none});
  expect_near(run(spec, {1, 0, 0, 1}, {{4, 0, 0, 4}, {-3, 0, 0, -1.5}}, {2, 2}, Role::matrix),
              {{0.75, 0, 0, 0.75}, {1, 0, 0, 1}});
}

TEST(ExactStep, ScheduleFactorMultipliesStepAndDecay) {
  OneTensor<double> tensor({4}, {-9});
  Optimizer<double> optimizer(signsgd({.learning_rate = 0.5, .decoupled_decay = 0.5}), {tensor.info});
  optimizer.step(tensor.list, 0.5);  // eta = 0.25
  EXPECT_EQ(tensor.x, (std::vector<double>{4 * 0.875 + 0.25}));
}

TEST(ExactStep, FloatAndDoubleAgreeOnDyadicData) {
  EXPECT_EQ(run<float>(lion({.learning_rate = 0.25, .beta1 = 0.5, .beta2 = 0.25}), {1}, {{4}, {-2}, {-0.5}}),
            (std::vector<std::vector<float>>{{0.75F}, {0.5F}, {0.75F}}));
}

}  // namespace
}  // namespace normdescent
