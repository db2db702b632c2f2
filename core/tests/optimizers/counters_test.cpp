// SPDX-License-Identifier: Apache-2.0
// Numbers that show what an optimizer really did.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "normdescent/linalg/reductions.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

TEST(Counters, EveryMatrixOfMuonIsOrthogonalizedOnceAStep) {
  ParameterBuffer<float> model(small_model());
  Optimizer<float> optimizer(muon().with_layout("layer.weight", {.row_blocks = 3}), small_model());
  for (std::uint64_t step = 0; step < 4; ++step) {
    fill_normal(model.gradients(), 1, step);
    (void)optimizer.step(model.parameters());
  }
  const OptimizerCounters counters = optimizer.counters();
  EXPECT_EQ(counters.steps, 4);
  EXPECT_EQ(counters.orthogonalizations, 4 * (3 + 1));  // three blocks of layer.weight, one convolution
  EXPECT_EQ(counters.parameters[1].orthogonalizations, 12);
  EXPECT_EQ(counters.parameters[2].orthogonalizations, 0);
  int parameters = 0;
  for (const auto& [recipe, count] : counters.parameters_of_recipe) parameters += count;
  EXPECT_EQ(parameters, 5);
  EXPECT_EQ(counters.parameters_of_recipe.at(counters.parameters[1].recipe), 2);
}

TEST(Counters, RuleWithoutMsignHasNone) {
  OneTensor<double> tensor({1, 2}, {3, 4});
  Optimizer<double> optimizer(lion(), {tensor.info});
  (void)optimizer.step(tensor.list);
  EXPECT_EQ(optimizer.counters().orthogonalizations, 0);
}

TEST(Counters, UpdateRmsAndCosineAreThoseOfTheMeasuredStep) {
  OneTensor<double> tensor({1, 2}, {3, 4});
  Optimizer<double> optimizer(sgd({.learning_rate = 0.5, .beta = 0.5}), {tensor.info});
  (void)optimizer.step(tensor.list);
  EXPECT_TRUE(std::isnan(optimizer.counters().parameters[0].update_rms));  // not asked for
  optimizer.measure_next_step();
  (void)optimizer.step(tensor.list);
  // b = 1.5 (3, 4), so x moves by 0.75 (3, 4): length 3.75 along the momentum.
  EXPECT_DOUBLE_EQ(optimizer.counters().parameters[0].update_rms, 3.75 / std::sqrt(2.0));
  EXPECT_NEAR(optimizer.counters().parameters[0].momentum_cosine, 1.0, 1e-15);
  (void)optimizer.step(tensor.list);  // asked for once
  EXPECT_DOUBLE_EQ(optimizer.counters().parameters[0].update_rms, 3.75 / std::sqrt(2.0));
}

TEST(Counters, SignsHaveAnRmsOfTheRateAndTheCosineOfTheL1Norm) {
  OneTensor<double> tensor({0, 0}, {3, 4});
  Optimizer<double> optimizer(signum({.learning_rate = 0.25}), {tensor.info});
  optimizer.measure_next_step();
  (void)optimizer.step(tensor.list);
  EXPECT_DOUBLE_EQ(optimizer.counters().parameters[0].update_rms, 0.25);
  EXPECT_NEAR(optimizer.counters().parameters[0].momentum_cosine, 7.0 / (5.0 * std::sqrt(2.0)), 1e-15);
}

TEST(Counters, WhatDoesNotExistIsNaN) {
  OneTensor<double> tensor({1, 2}, {0, 0});
  Optimizer<double> momentum(sgd({.beta = 0.5}), {tensor.info});
  momentum.measure_next_step();
  (void)momentum.step(tensor.list);
  EXPECT_EQ(momentum.counters().parameters[0].update_rms, 0.0);
  EXPECT_TRUE(std::isnan(momentum.counters().parameters[0].momentum_cosine));
  Optimizer<double> raw(sgd(), {tensor.info});
  raw.measure_next_step();
  (void)raw.step(tensor.list);
  EXPECT_TRUE(std::isnan(raw.counters().parameters[0].momentum_cosine));
}

TEST(Counters, RefusedAndClippedStepsAreCounted) {
  OneTensor<double> tensor({1, 2}, {3, 4});
  OptimizerSpec spec = sgd();
  spec.clip_norm = 1.0;
  Optimizer<double> optimizer(spec, {tensor.info});
  (void)optimizer.step(tensor.list);
  tensor.g[0] = std::numeric_limits<double>::quiet_NaN();
  optimizer.measure_next_step();
  (void)optimizer.step(tensor.list);
  EXPECT_EQ(optimizer.counters().clipped_steps, 1);
  EXPECT_EQ(optimizer.counters().refused_steps, 1);
  EXPECT_EQ(optimizer.counters().steps, 1);
  tensor.g[0] = 0.0;  // the refused step was not measured; the next one that is taken is
  tensor.g[1] = 0.5;
  (void)optimizer.step(tensor.list);
  EXPECT_DOUBLE_EQ(optimizer.counters().parameters[0].update_rms, 0.1 * 0.5 / std::sqrt(2.0));
}

}  // namespace
}  // namespace normdescent
