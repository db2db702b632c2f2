// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/training_preset.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "normdescent/base/user_error.hpp"
#include "normdescent/gpt/shape.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/throughput.hpp"

namespace normdescent {
namespace {

TEST(TrainingPreset, EveryOneIsATrainableRun) {
  EXPECT_EQ(training_presets().size(), 8U);
  for (const auto& preset : training_presets()) {
    auto settings = preset.settings;
    settings["learning_rate"] = std::to_string(preset.learning_rate);
    EXPECT_NO_THROW((void)make_optimizer(preset.optimizer, settings)) << preset.name;
    EXPECT_LE(preset.context, gpt_preset(preset.model).context);
    EXPECT_LE(preset.warmup_steps, preset.steps);
    EXPECT_EQ(preset.batch % preset.micro_batch, 0U);
    EXPECT_GT(make_optimizer(preset.optimizer, settings).clip_norm, 0.0);
  }
}

TEST(TrainingPreset, TokensAreThoseOfThePapers) {
  const auto& signsgd = training_preset("signsgd-paper");
  EXPECT_EQ(signsgd.steps * signsgd.batch * signsgd.context, 2'621'440'000);
  const auto& lion = training_preset("heavy-tail-paper-lion");
  EXPECT_EQ(lion.steps * lion.batch * lion.context, 2'097'152'000);
}

TEST(TrainingPreset, ScaleShrinksStepsAndBatchAndKeepsTheShareOfTheWarmup) {
  const auto tenth = training_preset("heavy-tail-paper-adamw").scaled(0.1);
  EXPECT_EQ(tenth.steps, 1600);
  EXPECT_EQ(tenth.warmup_steps, 200);
  EXPECT_EQ(tenth.batch, 26U);
  EXPECT_EQ(tenth.micro_batch, 16U);
  EXPECT_EQ(tenth.evaluate_every, 10);
  EXPECT_EQ(tenth.learning_rate, 1e-3);
  EXPECT_EQ(tenth.context, 512);
  const auto whole = training_preset("sgd-paper").scaled(1.0);
  EXPECT_EQ(whole.steps, 10'000);
  EXPECT_EQ(whole.batch, 512U);
  const auto least = training_preset("sgd-paper").scaled(1e-9);
  EXPECT_EQ(least.steps, 10);
  EXPECT_EQ(least.batch, 1U);
  EXPECT_EQ(least.micro_batch, 1U);
  for (const double scale : {0.0, -1.0, 1.5, std::nan("")})
    EXPECT_THROW((void)training_preset("sgd-paper").scaled(scale), std::invalid_argument);
}

TEST(TrainingPreset, AnUnknownNameNamesTheNearest) {
  try {
    (void)training_preset("signsgd-papr");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.hint(), "did you mean signsgd-paper?");
  }
}

TEST(Throughput, CountsTheOperationsOfTheShape) {
  // L = 1, C = 4, V = 10, T = 6: 10 4 + (12 16 + 13 4) + 8 = 292 numbers beside positions; attention 12 1 4 T.
  const GptShape shape{.layers = 1, .width = 4, .heads = 1, .context = 6, .vocabulary = 10};
  EXPECT_EQ(flops_per_token(shape, 5), 6.0 * 292 + 12.0 * 4 * 5);
  GptShape untied = shape;
  untied.tied = false;
  EXPECT_EQ(flops_per_token(untied, 5), flops_per_token(shape, 5)) << "one table is multiplied, the other looked up";
  EXPECT_NEAR(flops_per_token(gpt_preset("gpt2-124m"), 1024), 6 * 123.65e6 + 12.0 * 12 * 768 * 1024, 1e6);
}

TEST(Throughput, PeakIsARateOfThisMachine) {
  const double peak = matrix_peak(Precision::float32);
  EXPECT_GT(peak, 1e8);
  EXPECT_LT(peak, 1e15);
}

}  // namespace
}  // namespace normdescent
