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
