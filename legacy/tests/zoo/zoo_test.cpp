// SPDX-License-Identifier: Apache-2.0
// What every problem of the zoo promises.
#include "normdescent/zoo/zoo.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/text.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/training/training_run.hpp"

namespace normdescent {
namespace {

[[maybe_unused]] const bool kIsSingleThreaded = [] {
  omp_set_num_threads(1);
  return true;
}();

double dot(std::span<const Parameter> parameters, const std::vector<float>& direction) {
  double sum = 0.0;
  std::size_t i = 0;
  for (const Parameter& p : parameters) {
    for (const float g : p.gradient) sum += static_cast<double>(g) * static_cast<double>(direction[i++]);
  }
  return sum;
}

void move_along(std::span<const Parameter> parameters, const std::vector<float>& direction, float length) {
  std::size_t i = 0;
  for (const Parameter& p : parameters) {
    for (float& x : p.value) x += length * direction[i++];
  }
}

std::vector<float> all_gradients(const Objective& objective) {
  std::vector<float> all;
  for (const Parameter& p : objective.parameters()) all.insert(all.end(), p.gradient.begin(), p.gradient.end());
  return all;
}

class ZooTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { omp_set_num_threads(1); }
  const ZooProblem& entry = zoo_problem(GetParam());
  std::shared_ptr<const Problem> problem = made(entry);

 private:
  /// Once for all tests: fine-tuning trains in make().
  static std::shared_ptr<const Problem> made(const ZooProblem& entry) {
    static std::map<std::string, std::shared_ptr<const Problem>> all;
    auto& problem = all[entry.name];
    if (!problem) problem = entry.make();
    return problem;
  }
};

/// d/dt loss(x + t v) at 0 is <gradient, v>. v is the gradient plus noise of a tenth of its size, so that the quotient
/// is large against the rounding of a float32 loss: at |t v| = h the quotient's error is about 2^-22 |loss| / (h |g|)
/// from rounding and O(h^2) from the third derivative, 1% at the h below for all of them (measured: at most 0.4%).
TEST_P(ZooTest, GradientIsTheDerivativeOfTheLoss) {
  const auto objective = problem->instantiate(3);
  const Batch batch{5, 0, std::min<std::uint32_t>(entry.batch_size, 8)};
  const double loss = objective->gradient(batch);
  EXPECT_NEAR(objective->loss(batch), loss, 1e-5 * (1.0 + std::abs(loss)));
  std::vector<float> direction = all_gradients(*objective);
  double square = 0.0;
  for (const float g : direction) square += static_cast<double>(g) * static_cast<double>(g);
  ASSERT_GT(square, 0.0);
  const double size = std::sqrt(square);
  Philox random(9);
  const double noise = 0.1 * size / std::sqrt(static_cast<double>(direction.size()));
  for (float& d : direction) d = static_cast<float>((static_cast<double>(d) + noise * random.normal()) / size);
  const double slope = dot(objective->parameters(), direction);
  const auto quotient = [&](float h) {
    move_along(objective->parameters(), direction, h);
    const double above = objective->loss(batch);
    move_along(objective->parameters(), direction, -2 * h);
    const double below = objective->loss(batch);
    move_along(objective->parameters(), direction, h);
    return (above - below) / (2.0 * static_cast<double>(h));
  };
  const float h = static_cast<float>(std::min(0.02, 0.002 * std::max(1.0, loss / size)));
  EXPECT_NEAR(quotient(h), slope, 0.01 * slope) << "loss " << loss << " |g| " << size;
}

TEST_P(ZooTest, IsTheSameEveryTime) {
  const auto again = entry.make();
  EXPECT_EQ(again->name(), problem->name());
  EXPECT_EQ(problem->batch_size(), entry.batch_size);
  const auto first = problem->instantiate(4);
  const auto second = again->instantiate(4);
  const Batch batch = Batch::number(7, 3, entry.batch_size);
  EXPECT_EQ(first->gradient(batch), second->gradient(batch));
  EXPECT_EQ(all_gradients(*first), all_gradients(*second));
  EXPECT_EQ(first->validation_loss(), second->validation_loss());
  EXPECT_EQ(first->validation_loss(), second->validation_loss());
}

TEST_P(ZooTest, SeedsAndStreamsDiffer) {
  const auto first = problem->instantiate(1);
  const auto second = problem->instantiate(2);
  const Batch batch = Batch::number(7, 0, entry.batch_size);
  const double loss = first->loss(batch);
  EXPECT_NE(loss, first->loss(Batch::number(8, 0, entry.batch_size)));
  EXPECT_NE(loss, first->loss(Batch::number(7, 1, entry.batch_size)));
  const bool starts_from_one_state = GetParam() == "finetune-gpt-prose";
  EXPECT_EQ(loss == second->loss(batch), starts_from_one_state);
}

/// Mean of means, up to float32 sums of at most a few thousand terms.
TEST_P(ZooTest, LossOfABatchIsTheMeanOverItsHalves) {
  const auto objective = problem->instantiate(1);
  const double both = objective->gradient({7, 10, 2});
  const std::vector<float> gradient = all_gradients(*objective);
  const double first = objective->gradient({7, 10, 1});
  const std::vector<float> gradient_1 = all_gradients(*objective);
  const double second = objective->gradient({7, 11, 1});
  const std::vector<float> gradient_2 = all_gradients(*objective);
  EXPECT_NEAR(both, 0.5 * (first + second), 1e-5 * (1.0 + std::abs(both)));
  double error = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double mean = 0.5 * (static_cast<double>(gradient_1[i]) + static_cast<double>(gradient_2[i]));
    error += std::pow(static_cast<double>(gradient[i]) - mean, 2);
    size += mean * mean;
  }
  EXPECT_LT(std::sqrt(error), 1e-5 * std::sqrt(size));
}

TEST_P(ZooTest, ThirtyStepsOfAdamwReduceTheHeldOutLoss) {
  const auto objective = problem->instantiate(1);
  const double before = objective->validation_loss();
  std::vector<ParameterInfo> infos;
  for (const Parameter& p : objective->parameters()) infos.push_back(p.info);
  Optimizer<float> optimizer(adamw({.learning_rate = 3e-3}), std::move(infos));
  TrainingPosition position;
  TrainingObserver observer;
  const auto report =
      train_once(*objective, optimizer, entry.batch_size,
                 {.steps = std::min<std::int64_t>(30, entry.steps), .stream = training_stream(1)}, position, observer);
  EXPECT_EQ(report.status, RunStatus::completed) << report.reason;
  EXPECT_LT(report.final_loss, before);
}

/// Every column but the seconds and losses of one machine; bench/zoo_runs writes the lines.
TEST_P(ZooTest, HasItsLineInTheDocumentation) {
  const auto objective = problem->instantiate(1);
  const std::string start = "| `" + entry.name + "` | " + entry.family + " | " +
                            grouped(dimension(objective->parameters())) + " | " + std::to_string(entry.batch_size) +
                            " | " + std::to_string(entry.steps) + " | " + (entry.is_quick ? "yes" : "") + " | ";
  std::ifstream page(SOURCE_FOLDER "/docs/zoo.md");
  bool is_listed = false;
  for (std::string line; std::getline(page, line);) {
    is_listed = is_listed || (line.starts_with(start) && line.ends_with("| " + entry.summary + " |"));
  }
  EXPECT_TRUE(is_listed) << start;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const ZooProblem& problem : zoo()) all.push_back(problem.name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ZooTest, testing::ValuesIn(names()), [](const auto& chosen) {
  std::string name = chosen.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Zoo, NamesAreUniqueAndNearOnesAreOffered) {
  const auto all = names();
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
  try {
    (void)zoo_problem("gpt-code-byte");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.hint(), "did you mean gpt-code-bytes?");
  }
}

}  // namespace
}  // namespace normdescent
