// SPDX-License-Identifier: Apache-2.0
// Estimates against what the same model then allocates.
#include "normdescent/train/estimate.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <memory>

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {
namespace {

double heap_bytes() {
  const auto info = ::mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

/// Bytes on the heap after two steps of the whole model.
double measured(const GptProblemOptions& options, const OptimizerSpec& spec) {
  const double before = heap_bytes();
  const auto text =
      std::make_shared<Corpus>("test", std::vector<std::uint8_t>(2000, 1), std::vector<std::uint8_t>(2000, 2));
  const auto objective = make_gpt_problem(options, byte_tokens(text))->instantiate(1);
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective->parameters()) infos.push_back(parameter.info);
  Optimizer<float> optimizer(spec, std::move(infos));
  for (std::uint64_t step = 0; step < 2; ++step) {
    objective->gradient(Batch::number(0, step, options.batch_size));
    optimizer.step(objective->parameters());
  }
  return heap_bytes() - before;
}

TEST(Estimate, TellsTheBytesOfModelsThatAreDeeperAndOfLargerVocabularyAndBatch) {
  // Wide enough that buffers outweigh what is allocated once.
  for (const char* name : {"sgd", "adamw", "muon"}) {
    const GptProblemOptions options{
        .shape = {.layers = 5, .width = 128, .heads = 4, .context = 512, .vocabulary = 4000}, .batch_size = 12};
    const auto spec = make_optimizer(name);
    const auto estimate = estimate_training(options, spec, BackgroundWrites::never);
    const double expected = measured(options, spec);
    if (expected <= 0.0) GTEST_SKIP() << "this allocator does not count";
    const auto told =
        static_cast<double>(estimate.parameters + estimate.gradients + estimate.optimizer_state + estimate.activations);
    EXPECT_NEAR(told / expected, 1.0, 0.05) << name;  // the promise for the whole process is 0.15
    EXPECT_GT(estimate.seconds_per_step, 0.0);
    EXPECT_EQ(estimate.checkpoint_copies, std::max(estimate.parameters, estimate.optimizer_state));
  }
}

TEST(Estimate, AccumulationNeedsTheMemoryOfAMicroBatchAndOneSum) {
  GptProblemOptions options{.shape = {.layers = 3, .width = 128, .heads = 4, .context = 256, .vocabulary = 3000},
                            .batch_size = 12,
                            .micro_batch = 3};
  const auto spec = make_optimizer("signum");
  const auto split = estimate_training(options, spec, BackgroundWrites::never);
  const double expected = measured(options, spec);
  if (expected <= 0.0) GTEST_SKIP() << "this allocator does not count";
  const auto told = static_cast<double>(split.parameters + split.gradients + split.optimizer_state + split.activations);
  EXPECT_NEAR(told / expected, 1.0, 0.05);
  options.micro_batch = 0;
  EXPECT_LT(split.activations, estimate_training(options, spec, BackgroundWrites::never).activations);
}

}  // namespace
}  // namespace normdescent
