// SPDX-License-Identifier: Apache-2.0
// What gradients go through before the estimators, besides corrections: l2 penalty, clipping, the check for NaN.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "coupled_quadratic.hpp"

namespace normdescent {
namespace {

TEST(NonFinite, StopsTheRunIfAsked) {
  Trained run(signum({.common = {.on_nonfinite = NonFinitePolicy::stop}}));
  run.run(0, 1);
  const auto values = copy(run.buffer.values());
  std::fill(run.buffer.gradients().begin(), run.buffer.gradients().end(), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(run.optimizer.step(run.buffer.parameters()).stopped);
  std::fill(run.buffer.gradients().begin(), run.buffer.gradients().end(), 1.0);
  const auto later = run.optimizer.step(run.buffer.parameters());
  EXPECT_TRUE(later.stopped);
  EXPECT_TRUE(later.finite);
  EXPECT_EQ(copy(run.buffer.values()), values);
}

TEST(L2Penalty, IsTheGradientOfThePenalizedFunction) {
  // g = 1 + 0.5 * 2 = 2; a decay would give 2 - 0.25 * (1 + ...) by another route, and under sign no more than its
  // sign.
  OneTensor<double> tensor({2, -4}, {1, 1});
  Optimizer<double>(sgd({.learning_rate = 0.25, .common = {.l2_penalty = 0.5}}), {tensor.info}).step(tensor.list);
  EXPECT_EQ(tensor.x, (std::vector<double>{1.5, -3.75}));
  EXPECT_EQ(tensor.g, (std::vector<double>{1, 1})) << "the caller's gradient is only read";
  OneTensor<double> sign({2, -4}, {1, 1});
  Optimizer<double>(signsgd({.learning_rate = 0.25, .common = {.l2_penalty = 0.5}}), {sign.info}).step(sign.list);
  EXPECT_EQ(sign.x, (std::vector<double>{1.75, -3.75}));
}

TEST(L2Penalty, BelongsToThePointWhereTheGradientIsTaken) {
  // Penalty in the optimizer, or in the function: the same run.
  for (const auto kind : {CorrectionKind::extrapolation, CorrectionKind::variance_reduction, CorrectionKind::mars}) {
    Trained penalized(
        sgd({.learning_rate = 0.01, .beta = 0.5, .average = {.correction = kind}, .common = {.l2_penalty = 0.5}}));
    Trained plain(sgd({.learning_rate = 0.01, .beta = 0.5, .average = {.correction = kind}}));
    for (std::uint64_t t = 0; t < 20; ++t) {
      penalized.run(t, t + 1);
      plain.optimizer.step(plain.buffer.parameters(), [&] {
        plain.compute(t);
        for (std::size_t i = 0; i < plain.buffer.values().size(); ++i)
          plain.buffer.gradients()[i] += 0.5 * plain.buffer.values()[i];
      });
    }
    EXPECT_EQ(copy(penalized.buffer.values()), copy(plain.buffer.values()));
  }
}

// Two tensors, gradients (3, 4) and (0, 12): norms 5 and 12, together 13.
StepReport clipped_step(const CommonOptions& common, std::vector<double>& x) {
  ParameterBuffer<double> buffer({{.name = "a", .shape = {2}}, {.name = "b", .shape = {2}}});
  Optimizer<double> optimizer(sgd({.learning_rate = 1, .common = common}),
                              {buffer.parameters()[0].info, buffer.parameters()[1].info});
  const std::vector<double> g{3, 4, 0, 12};
  std::copy(g.begin(), g.end(), buffer.gradients().begin());
  const auto report = optimizer.step(buffer.parameters());
  EXPECT_EQ(copy(buffer.gradients()), g);
  x = copy(buffer.values());
  for (double& value : x) value = -value;
  return report;
}

TEST(Clipping, RescalesTogetherOrTensorByTensor) {
  std::vector<double> step;
  EXPECT_EQ(clipped_step({}, step).clip_factor, 1.0);
  EXPECT_EQ(step, (std::vector<double>{3, 4, 0, 12}));
  EXPECT_EQ(clipped_step({.clip_norm = 6.5}, step).clip_factor, 0.5);
  EXPECT_EQ(step, (std::vector<double>{1.5, 2, 0, 6}));
  EXPECT_EQ(clipped_step({.clip_tensor_norm = 6}, step).clip_factor, 0.5);
  EXPECT_EQ(step, (std::vector<double>{3, 4, 0, 6}));
  EXPECT_EQ(clipped_step({.clip_norm = 13}, step).clip_factor, 1.0) << "a norm at the limit is within it";
  // Tensor by tensor first: norms 5 and 12 become 5 and 5, together sqrt 50, which is within 8; 13 is not.
  EXPECT_NEAR(clipped_step({.clip_norm = 8, .clip_tensor_norm = 5}, step).clip_factor, 5.0 / 12.0, 1e-16);
}

TEST(Clipping, DoesNotChangeStepsWithoutMomentumInScaleFreeDirections) {
  for (const Direction& direction : {Direction(Sign{}), Direction(RowNormalize{}), Direction(Normalize{})}) {
    OptimizerSpec plain = uniform({.name = {}, .direction = direction, .learning_rate = 0.1});
    OptimizerSpec clipped = plain;
    clipped.clip_norm = 0.5;
    Trained a(plain);
    Trained b(clipped);
    a.run(0, 5);
    b.run(0, 5);
    const auto x = copy(a.buffer.values());
    const auto y = copy(b.buffer.values());
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-14) << describe(direction);
  }
}

}  // namespace
}  // namespace normdescent
