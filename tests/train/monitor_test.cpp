// SPDX-License-Identifier: Apache-2.0
// Training with TrainerOptions::monitor_every.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "normdescent/io/atomic_file.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/trainer.hpp"
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
                        std::int64_t stop_after = -1) {
    const auto folder = options.resume ? RunFolder::open(folder_ / name) : RunFolder::create(folder_ / name);
    test::StopAfter observer(stop_after);
    train(problem, make_optimizer("signum", {{"learning_rate", "0.01"}}), options, folder, observer,
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

TEST_F(MonitoredTraining, AResumedRunWritesTheNumbersOfAnUninterruptedOne) {
  const auto problem = noisy_quadratic(kBatch);
  const auto expected = run("whole", problem, monitored_run());
  // In the middle of the window, so that what the monitor remembers matters.
  run("parts", problem, monitored_run(), 29);
  auto options = monitored_run();
  options.resume = true;
  EXPECT_EQ(run("parts", problem, options), expected);
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

TEST_F(MonitoredTraining, SaysWhyABatchThatCannotBeSplitIsNotMeasured) {
  const auto lines = run("a", noisy_quadratic(11), monitored_run());
  EXPECT_TRUE(lines[1]["noise_l2"].is_null());
  EXPECT_NE(lines[1]["noise_because"].get<std::string>().find("a mini-batch of 11"), std::string::npos);
}

}  // namespace
}  // namespace normdescent
