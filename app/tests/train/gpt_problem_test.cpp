// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/gpt_problem.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <thread>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/user_error.hpp"

namespace normdescent {
namespace {

/// Text with structure to learn: short words from a small alphabet.
std::shared_ptr<const TokenCorpus> toy_corpus() {
  const auto make = [](std::uint64_t seed, std::size_t size) {
    std::vector<std::uint8_t> text(size);
    Philox random(seed);
    for (std::size_t i = 0; i < size; ++i)
      text[i] = static_cast<std::uint8_t>(i % 5 == 4 ? ' ' : 'a' + random.below(6));
    return text;
  };
  return byte_tokens(std::make_shared<const Corpus>("toy", make(1, 5000), make(2, 500)));
}

GptProblemOptions tiny_options() {
  return {.shape = {.layers = 2, .width = 32, .heads = 2, .context = 16}, .batch_size = 4, .validation_windows = 6};
}

/// Values after some plain gradient steps, with the losses appended.
std::vector<double> train(const Problem& problem, std::uint64_t seed, int steps) {
  omp_set_num_threads(1);
  const auto objective = problem.instantiate(seed);
  std::vector<double> trace;
  for (int step = 0; step < steps; ++step) {
    trace.push_back(objective->gradient(Batch::number(seed, static_cast<std::uint64_t>(step), problem.batch_size())));
    for (const Parameter& p : objective->parameters()) {
      for (std::size_t i = 0; i < p.value.size(); ++i) p.value[i] -= 0.5F * p.gradient[i];
    }
  }
  trace.push_back(objective->validation_loss());
  for (const Parameter& p : objective->parameters()) trace.insert(trace.end(), p.value.begin(), p.value.end());
  return trace;
}

TEST(GptProblem, ParametersAreOneFlatBuffer) {
  const auto objective = make_gpt_problem(tiny_options(), toy_corpus())->instantiate(1);
  const auto parameters = objective->parameters();
  EXPECT_EQ(dimension(parameters), parameter_count(tiny_options().shape));
  const float* value = parameters.front().value.data();
  const float* gradient = parameters.front().gradient.data();
  for (const Parameter& p : parameters) {
    EXPECT_EQ(p.value.data(), value) << p.info.name;
    EXPECT_EQ(p.gradient.data(), gradient) << p.info.name;
    EXPECT_EQ(static_cast<Index>(p.value.size()), p.info.size());
    value += p.value.size();
    gradient += p.gradient.size();
  }
}

TEST(GptProblem, StartsAtTheLossOfUniformGuessing) {
  const auto objective = make_gpt_problem(tiny_options(), toy_corpus())->instantiate(1);
  // Logits at the start have deviation about 0.02 sqrt(width) = 0.11, which moves the loss by less than 0.05.
  EXPECT_NEAR(objective->loss({1, 0, 4}), std::log(256.0), 0.05);
  EXPECT_NEAR(objective->validation_loss(), std::log(256.0), 0.05);
}

TEST(GptProblem, GradientDescentLearns) {
  const auto problem = make_gpt_problem(tiny_options(), toy_corpus());
  const std::vector<double> trace = train(*problem, 3, 60);
  EXPECT_LT(trace[59], trace[0] - 2.0);
}

TEST(GptProblem, GradientOverwritesAndLossKeepsGradients) {
  const auto objective = make_gpt_problem(tiny_options(), toy_corpus())->instantiate(1);
  const Batch batch{7, 3, 4};
  const double first = objective->gradient(batch);
  const auto gradient = objective->parameters()[0].gradient;
  const std::vector<float> kept(gradient.begin(), gradient.end());
  EXPECT_EQ(objective->loss({9, 0, 4}), objective->loss({9, 0, 4}));
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), gradient.begin()));
  EXPECT_EQ(objective->gradient(batch), first);
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), gradient.begin()));
}

TEST(GptProblem, BatchIsTheMeanOfItsExamples) {
  GptProblemOptions options = tiny_options();
  options.precision = Precision::float32;
  const auto objective = make_gpt_problem(options, toy_corpus())->instantiate(1);
  double mean = 0.0;
  for (std::uint64_t i = 0; i < 4; ++i) mean += objective->loss({5, 8 + i, 1}) / 4.0;
  // Two float32 means of 64 terms near 5.5 nats: a few units of 5.5 * 2^-24 = 3.3e-7.
  EXPECT_NEAR(objective->loss({5, 8, 4}), mean, 2e-6);
}

TEST(GptProblem, StreamsAndSeedsDiffer) {
  const auto problem = make_gpt_problem(tiny_options(), toy_corpus());
  const auto objective = problem->instantiate(1);
  EXPECT_NE(objective->loss({1, 0, 4}), objective->loss({2, 0, 4}));
  EXPECT_NE(objective->validation_loss(), problem->instantiate(2)->validation_loss());
}

TEST(GptProblem, SameSeedGivesTheSameBitsAlsoBesideAnotherThread) {
  const auto problem = make_gpt_problem(tiny_options(), toy_corpus());
  std::vector<double> alone_1, alone_2, beside_1, beside_2;
  std::thread([&] { alone_1 = train(*problem, 1, 8); }).join();
  std::thread([&] { alone_2 = train(*problem, 2, 8); }).join();
  std::thread other([&] { beside_2 = train(*problem, 2, 8); });
  std::thread([&] { beside_1 = train(*problem, 1, 8); }).join();
  other.join();
  EXPECT_EQ(alone_1, beside_1);
  EXPECT_EQ(alone_2, beside_2);
  EXPECT_NE(alone_1, alone_2);
}

TEST(GptProblem, KeepsTheThreadCountOfItsCaller) {
  const auto problem = make_gpt_problem(tiny_options(), toy_corpus());
  int after = 0;
  std::thread([&] {
    omp_set_num_threads(1);
    problem->instantiate(1)->gradient({1, 0, 4});
    after = omp_get_max_threads();
  }).join();
  EXPECT_EQ(after, 1);
}

TEST(GptProblem, ImpossibleOptionsAreRefusedByName) {
  const auto expect = [](auto change, const std::string& part) {
    GptProblemOptions options = tiny_options();
    change(options);
    try {
      (void)make_gpt_problem(options, toy_corpus());
      ADD_FAILURE() << "accepted: " << part;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  expect([](auto& o) { o.context = 17; }, "context = 17");
  expect([](auto& o) { o.batch_size = 0; }, "batch_size = 0");
  expect([](auto& o) { o.validation_windows = 0; }, "validation_windows = 0");
  expect([](auto& o) { o.shape.heads = 3; }, "width = 32, must be a multiple of heads = 3");
  expect([](auto& o) { o.shape.vocabulary = 128; }, "vocabulary = 128");
  const auto short_text = byte_tokens(
      std::make_shared<const Corpus>("short", std::vector<std::uint8_t>(100), std::vector<std::uint8_t>(10)));
  EXPECT_THROW((void)make_gpt_problem(tiny_options(), short_text), UserError);
}

}  // namespace
}  // namespace normdescent
