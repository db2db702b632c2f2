// SPDX-License-Identifier: Apache-2.0
#include "normdescent/training/accumulation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "normdescent/train/gpt_problem.hpp"
#include "support/quadratic_problem.hpp"

#include <omp.h>

namespace normdescent {
namespace {

std::shared_ptr<const TokenCorpus> sample_corpus() {
  std::vector<std::uint8_t> text;
  for (int i = 0; i < 4000; ++i) text.push_back(static_cast<std::uint8_t>(i * i % 61 + i % 7));
  return byte_tokens(std::make_shared<Corpus>("sample", text, text));
}

std::unique_ptr<Objective> gpt(std::uint32_t micro_batch, Precision precision = Precision::float32) {
  return make_gpt_problem({.shape = {.layers = 2, .width = 32, .heads = 2, .context = 16, .vocabulary = 256},
                           .batch_size = 7,
                           .precision = precision,
                           .validation_windows = 5,
                           .micro_batch = micro_batch},
                          sample_corpus())
      ->instantiate(1);
}

double distance(const Objective& a, const Objective& b, double& size) {
  double sum = 0.0;
  size = 0.0;
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    for (std::size_t k = 0; k < a.parameters()[i].gradient.size(); ++k) {
      const auto x = static_cast<double>(a.parameters()[i].gradient[k]);
      const auto y = static_cast<double>(b.parameters()[i].gradient[k]);
      sum += (x - y) * (x - y);
      size += x * x;
    }
  }
  size = std::sqrt(size);
  return std::sqrt(sum);
}

TEST(Accumulation, GivesTheGradientOfTheWholeMiniBatch) {
  const auto whole = gpt(0);
  const Batch batch = Batch::number(3, 5, 7);
  const double loss = whole->gradient(batch);
  for (const std::uint32_t micro_batch : {1U, 2U, 3U, 6U, 7U, 100U}) {
    const auto parts = gpt(micro_batch);
    // Sums of at most 7 parts and 112 rows in float32 in another order: well below 112 roundings.
    EXPECT_NEAR(parts->gradient(batch), loss, 112 * 0x1p-24 * loss) << micro_batch;
    EXPECT_NEAR(parts->loss(batch), loss, 112 * 0x1p-24 * loss) << micro_batch;
    double size = 0.0;
    const double difference = distance(*whole, *parts, size);
    EXPECT_LE(difference, 112 * 0x1p-24 * size) << micro_batch;
    EXPECT_GT(size, 0.1);
    EXPECT_NEAR(parts->validation_loss(), whole->validation_loss(), 112 * 0x1p-24 * loss) << micro_batch;
  }
}

TEST(Accumulation, IsDeterministicForEveryNumberOfThreads) {
  const Batch batch = Batch::number(3, 5, 7);
  omp_set_num_threads(1);
  test::QuadraticProblem problem(
      {.curvature = std::vector<double>(1000, 1.0), .noise = std::vector<double>(1000, 0.3)});
  const auto one = accumulate(problem.instantiate(1), 3);
  const double loss = one->gradient(batch);
  omp_set_num_threads(2);
  const auto two = accumulate(problem.instantiate(1), 3);
  EXPECT_EQ(two->gradient(batch), loss);
  double size = 0.0;
  EXPECT_EQ(distance(*one, *two, size), 0.0);
  EXPECT_EQ(two->gradient(batch), loss) << "the sums begin anew";
  EXPECT_EQ(distance(*one, *two, size), 0.0);
  omp_set_num_threads(1);
}

// Where products of bfloat16 are to be had, the objective rounds its weights; between parts it need not.
TEST(Accumulation, PassesOnWhatTheObjectiveRounds) {
  const auto plain = gpt(0, Precision::bfloat16);
  const auto parts = gpt(3, Precision::bfloat16);
  EXPECT_EQ(parts->rounded_values().size(), plain->rounded_values().size());
  const Batch batch = Batch::number(3, 5, 7);
  const double loss = parts->loss(batch);
  EXPECT_EQ(parts->loss(batch), loss);
  if (parts->rounded_values().empty()) return;
  *parts->rounded_values().back() = to_bfloat16(100.0F);  // a shift of the last norm
  parts->trust_rounded_values();
  EXPECT_EQ(parts->loss(batch), loss) << "norms read values in full precision";
  std::fill_n(parts->rounded_values().front(), parts->parameters().front().value.size(), Bfloat16{});
  parts->trust_rounded_values();
  EXPECT_NEAR(parts->loss(batch), std::log(256.0), 1e-6) << "the output head is 0, in all parts";
  EXPECT_EQ(parts->loss(batch), loss);
}

TEST(Accumulation, RefusesMicroBatchesOfNothing) {
  test::QuadraticProblem problem({.curvature = {1.0}});
  EXPECT_THROW((void)accumulate(problem.instantiate(1), 0), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
