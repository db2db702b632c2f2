// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/schedule.hpp"

#include <gtest/gtest.h>

namespace normdescent {
namespace {

TEST(Schedule, WarmsUpLinearlyAndReachesOneWhenWarmupEnds) {
  const Schedule schedule{.total_steps = 100, .warmup_steps = 3};
  EXPECT_EQ(schedule.factor(0), 0.25);
  EXPECT_EQ(schedule.factor(1), 0.5);
  EXPECT_EQ(schedule.factor(2), 0.75);
  EXPECT_EQ(schedule.factor(3), 1.0);
}

TEST(Schedule, DecaysToTheFinalFactor) {
  const Schedule linear{.total_steps = 8, .decay = Decay::linear, .final_factor = 0.5};
  EXPECT_EQ(linear.factor(0), 1.0);
  EXPECT_EQ(linear.factor(4), 0.75);
  EXPECT_EQ(linear.factor(8), 0.5);
  EXPECT_EQ(linear.factor(80), 0.5) << "stays there";
  const Schedule cosine{.total_steps = 8, .decay = Decay::cosine, .final_factor = 0.5};
  EXPECT_EQ(cosine.factor(0), 1.0);
  EXPECT_NEAR(cosine.factor(4), 0.75, 1e-15);
  EXPECT_NEAR(cosine.factor(2), 0.5 + 0.25 * (1.0 + 0.7071067811865476), 1e-15);
  EXPECT_EQ(cosine.factor(8), 0.5);
}

TEST(Schedule, ConstantStaysAtOne) {
  const Schedule schedule{.total_steps = 8, .warmup_steps = 1, .decay = Decay::constant};
  EXPECT_EQ(schedule.factor(0), 0.5);
  for (int step = 1; step < 20; ++step) EXPECT_EQ(schedule.factor(step), 1.0);
}

TEST(Schedule, LinearOneCycleRunsAlongStraightLines) {
  // Ten steps, the peak at step 3: a = 3, b = 9; from 1/5 and to 1/20.
  const Schedule schedule{
      .total_steps = 10, .warmup_steps = 4, .decay = Decay::one_cycle_linear, .div = 5.0, .final_div = 4.0};
  EXPECT_EQ(schedule.factor(0), 0.2);
  EXPECT_NEAR(schedule.factor(1), 0.2 + 0.8 / 3.0, 1e-15);
  EXPECT_EQ(schedule.factor(3), 1.0);
  EXPECT_NEAR(schedule.factor(6), 0.525, 1e-15);
  EXPECT_NEAR(schedule.factor(9), 0.05, 1e-15);
  EXPECT_EQ(parse_decay("one-cycle-linear"), Decay::one_cycle_linear);
}

TEST(Schedule, NeverLeavesTheUnitIntervalNorRisesAfterWarmup) {
  for (const Decay decay : {Decay::constant, Decay::linear, Decay::cosine, Decay::warmup_stable_decay}) {
    const Schedule schedule{.total_steps = 57, .warmup_steps = 9, .decay = decay, .final_factor = 0.1};
    for (int step = 0; step < 57; ++step) {
      EXPECT_GT(schedule.factor(step), 0.0);
      EXPECT_LE(schedule.factor(step), 1.0);
      if (step > 9) {
        EXPECT_LE(schedule.factor(step), schedule.factor(step - 1));
      }
    }
  }
}

// Source of the values: theory 2.7, T = 10000, W = 1000, div = 100, final_div = 1; six digits were given.
TEST(Schedule, OneCycleHasThePublishedValues) {
  const Schedule schedule{.total_steps = 10000, .warmup_steps = 1000, .decay = Decay::one_cycle};
  EXPECT_NEAR(schedule.factor(0), 0.01, 1e-15);
  EXPECT_NEAR(schedule.factor(500), 0.505778, 5e-7);
  EXPECT_EQ(schedule.factor(999), 1.0);
  EXPECT_NEAR(schedule.factor(5000), 0.590786, 5e-7);
  EXPECT_NEAR(schedule.factor(9999), 0.01, 1e-15);
  const Schedule deeper{.total_steps = 100, .warmup_steps = 1, .decay = Decay::one_cycle, .final_div = 10.0};
  EXPECT_EQ(deeper.factor(0), 1.0);
  EXPECT_NEAR(deeper.factor(99), 0.001, 1e-15);
}

TEST(Schedule, WarmupStableDecayIsFlatBetweenItsRamps) {
  const Schedule schedule{
      .total_steps = 20, .warmup_steps = 3, .decay = Decay::warmup_stable_decay, .final_factor = 0.5, .decay_steps = 4};
  EXPECT_EQ(schedule.factor(0), 0.25);
  for (int step = 3; step <= 16; ++step) EXPECT_EQ(schedule.factor(step), 1.0);
  EXPECT_EQ(schedule.factor(17), 0.875);
  EXPECT_EQ(schedule.factor(18), 0.75);
  EXPECT_EQ(schedule.factor(20), 0.5);
  EXPECT_EQ(schedule.factor(30), 0.5) << "stays there";
}

TEST(Schedule, NamesReadBack) {
  for (const auto name : decay_names()) EXPECT_EQ(to_string(parse_decay(name).value()), name);
  EXPECT_EQ(decay_names().size(), 6U);
  EXPECT_FALSE(parse_decay("cosin").has_value());
}

TEST(Schedule, OfWarmupOnlyIsDefined) {
  const Schedule schedule{.total_steps = 4, .warmup_steps = 4};
  EXPECT_EQ(schedule.factor(3), 0.8);
  EXPECT_EQ(schedule.factor(4), 1.0);
}

}  // namespace
}  // namespace normdescent
