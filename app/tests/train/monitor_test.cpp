// SPDX-License-Identifier: Apache-2.0
// Training with TrainerOptions::monitor_every.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <vector>

#include "normdescent/io/atomic_file.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/trainer.hpp"
#include "support/explained_keys.hpp"
#include "support/quadratic_problem.hpp"
#include "support/temporary_folder.hpp"
#include "train/stop_after.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;

constexpr std::uint32_t kBatch = 8;

/// d = 200 with noise of 1 an example and curvature 0.5.
test::QuadraticProblem noisy_quadratic(std::uint32_t batch_size) {
  return test::QuadraticProblem(
      {.curvature = std::vector<double>(200, 0.5), .noise = std::vector<double>(200, 1.0), .batch_size = batch_size});
}

TrainerOptions monitored_run() {
  return {.steps = 60, .evaluate_every = 30, .checkpoint_every = 0, .divergence_factor = 100.0, .monitor_every = 3};
}

class MonitoredTraining : public testing::Test {
 protected:
  // Its lines but for times.
  std::vector<Json> run(const std::string& name, const test::QuadraticProblem& problem, const TrainerOptions& options,
                        std::int64_t stop_after = -1, const std::string& optimizer = "signum") {
    const auto folder = options.resume ? RunFolder::open(folder_ / name) : RunFolder::create(folder_ / name);
    test::StopAfter observer(stop_after);
    train(problem, make_optimizer(optimizer, {{"learning_rate", "0.01"}}), options, folder, observer,
          observer.source.get_token());
    std::vector<Json> lines;
    std::istringstream text(read_text(folder_ / name / kMetricsFile));
    for (std::string line; std::getline(text, line);) {
      lines.push_back(Json::parse(line));
      lines.back().erase("tokens_per_second");
    }
    return lines;
  }
  test::TemporaryFolder folder_;
};

TEST_F(MonitoredTraining, ShowsTheNoiseOfTheMiniBatchAtEveryNthStep) {
  const auto lines = run("a", noisy_quadratic(kBatch), monitored_run());
  ASSERT_EQ(lines.size(), 61U);
  for (std::size_t step = 1; step < lines.size(); ++step) {
    EXPECT_EQ(lines[step].contains("noise_l2"), (step - 1) % 3 == 0) << step;
  }
  // 4 steps of 4 micro-batches are in the window: S_2^2 has 200 * 12 degrees of freedom, so S_2 errs by 1 / 69.
  const double expected = std::sqrt(200.0 / kBatch);
  EXPECT_NEAR(lines[58]["noise_l2"].get<double>() / expected, 1.0, 4.0 / 69.0);
  EXPECT_NEAR(lines[58]["noise_density"].get<double>(), 1.0, 0.05);
}

// f = 1/4 ||x||^2 in 200 dimensions, noise linear in x. Signum moves every coordinate by the same length d: d^T H d is
// 1/2 ||d||_2^2 and 100 ||d||_inf^2.
TEST_F(MonitoredTraining, ShowsTheCurvatureAndGainOfItsOwnSteps) {
  const auto lines = run("a", noisy_quadratic(kBatch), monitored_run());
  EXPECT_TRUE(lines[1]["step_gain"].is_null());  // its end has not been seen yet
  const auto& last = lines[58];
  EXPECT_NEAR(last["step_curvature_l2"].get<double>(), 0.5, 1e-3);  // positions are floats, 1e-5 of the step
  EXPECT_NEAR(last["step_curvature_linf"].get<double>(), 100.0, 1.0);
  // Steps 1, 13, 25, 37 and 49 were measured; the mean gain of steps is the whole run's within the judges' noise.
  const double whole = (lines[0]["val_loss"].get<double>() - lines[60]["val_loss"].get<double>()) / 60.0;
  EXPECT_NEAR(last["step_gain"].get<double>(), whole, 4.0 * last["step_gain_se"].get<double>());
  EXPECT_GT(last["best_step_multiple"].get<double>(), 1.0);
}

// SGD follows noise that is far larger than the gradient: by the examples that it followed every step would be a gain
// of the rate times S_2^2 / B, 50 times ||grad f||_2^2 of the rate.
TEST_F(MonitoredTraining, JudgesStepsByExamplesThatTheyDidNotFollow) {
  const test::QuadraticProblem problem(
      {.curvature = std::vector<double>(200, 0.5), .noise = std::vector<double>(200, 10.0), .batch_size = kBatch});
  auto options = monitored_run();
  options.monitor_every = 1;
  const auto lines = run("a", problem, options, -1, "sgd");
  const double whole = (lines[0]["val_loss"].get<double>() - lines[60]["val_loss"].get<double>()) / 60.0;
  EXPECT_NEAR(lines[60]["step_gain"].get<double>(), whole, 4.0 * lines[60]["step_gain_se"].get<double>());
}

TEST_F(MonitoredTraining, AResumedRunWritesTheNumbersOfAnUninterruptedOne) {
  const auto problem = noisy_quadratic(kBatch);
  const auto expected = run("whole", problem, monitored_run());
  // In the middle of the window, so that what the monitor remembers matters; 25 between both ends of a step.
  for (const std::int64_t stop_after : {25, 29}) {
    const std::string name = "parts-" + std::to_string(stop_after);
    run(name, problem, monitored_run(), stop_after);
    auto options = monitored_run();
    options.resume = true;
    EXPECT_EQ(run(name, problem, options), expected) << stop_after;
  }
}

TEST_F(MonitoredTraining, ARunThatBeganUnmonitoredMayBeMonitoredFromItsCheckpointOn) {
  auto options = monitored_run();
  options.monitor_every = 0;
  run("a", noisy_quadratic(kBatch), options, 29);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a" / "checkpoint-29" / "monitor.safetensors"));
  options.monitor_every = 3;
  options.resume = true;
  const auto lines = run("a", noisy_quadratic(kBatch), options);
  EXPECT_FALSE(lines[28].contains("noise_l2"));
  EXPECT_TRUE(lines[31]["noise_l2"].is_number());
}

TEST_F(MonitoredTraining, FollowsTheSamePathUpToRounding) {
  auto plain = monitored_run();
  plain.monitor_every = 0;
  const auto problem = noisy_quadratic(kBatch);
  const auto a = run("plain", problem, plain);
  const auto b = run("monitored", problem, monitored_run());
  // Sums of 8 numbers of size 1 in another order; signs differ only where a momentum is that near 0.
  for (std::size_t step = 1; step <= 10; ++step) {
    EXPECT_NEAR(a[step]["train_loss"].get<double>(), b[step]["train_loss"].get<double>(), 1e-4) << step;
    EXPECT_NEAR(a[step]["grad_norm_l2"].get<double>(), b[step]["grad_norm_l2"].get<double>(), 1e-4) << step;
  }
}

TEST_F(MonitoredTraining, WhatItsLinesHaveBeyondOthersIsExplained) {
  auto expected = test::explained_keys(NORMDESCENT_DOCS "/monitor.md", "Lines of metrics.jsonl");
  expected.erase("noise_because");  // everything is measured
  const auto lines = run("a", noisy_quadratic(kBatch), monitored_run());
  std::set<std::string> monitored;
  std::set<std::string> plain;
  test::collect_keys(lines[58], monitored);
  test::collect_keys(lines[57], plain);
  for (const std::string& key : plain) monitored.erase(key);
  EXPECT_EQ(monitored, expected);
}

TEST_F(MonitoredTraining, SaysWhyABatchThatCannotBeSplitIsNotMeasured) {
  const auto lines = run("a", noisy_quadratic(11), monitored_run());
  EXPECT_TRUE(lines[1]["noise_l2"].is_null());
  EXPECT_NE(lines[1]["noise_because"].get<std::string>().find("a mini-batch of 11"), std::string::npos);
}

}  // namespace
}  // namespace normdescent
