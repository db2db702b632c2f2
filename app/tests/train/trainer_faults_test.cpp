// SPDX-License-Identifier: Apache-2.0
// What the trainer does about numbers that are none, and about losses out of the ordinary.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/trainer.hpp"
#include "support/quadratic_problem.hpp"
#include "support/temporary_folder.hpp"
#include "train/stop_after.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;

enum class Fault { loss, gradient, spike, thrown };

/// A noisy quadratic whose mini-batches of the given numbers are broken.
class FaultyObjective final : public test::QuadraticObjective {
 public:
  FaultyObjective(const test::QuadraticOptions& options, std::uint64_t seed, Fault fault,
                  const std::vector<std::uint64_t>& batches)
      : QuadraticObjective(options, seed), fault_(fault), batches_(batches) {}

  double gradient(const Batch& batch) override {
    const bool is_broken = std::ranges::find(batches_, batch.first / batch.count) != batches_.end();
    if (is_broken && fault_ == Fault::thrown) throw UserError("the data cannot be read");
    const double loss = QuadraticObjective::gradient(batch);
    if (!is_broken) return loss;
    if (fault_ == Fault::gradient) parameters()[0].gradient[1] = std::numeric_limits<float>::infinity();
    return fault_ == Fault::loss ? std::nan("") : fault_ == Fault::spike ? loss + 50.0 : loss;
  }

 private:
  Fault fault_;
  const std::vector<std::uint64_t>& batches_;
};

class FaultyProblem final : public Problem {
 public:
  FaultyProblem(Fault fault, std::vector<std::uint64_t> batches) : fault_(fault), batches_(std::move(batches)) {}
  [[nodiscard]] std::string name() const override { return "faulty"; }
  [[nodiscard]] std::uint32_t batch_size() const override { return 2; }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    return std::make_unique<FaultyObjective>(options_, seed, fault_, batches_);
  }

 private:
  test::QuadraticOptions options_{.curvature = {1.0, 3.0, 0.1, 0.5}, .noise = {0.3, 0.1, 0.3, 0.0}, .batch_size = 2};
  Fault fault_;
  std::vector<std::uint64_t> batches_;
};

class TrainerFaults : public testing::Test {
 protected:
  TrainingReport run(const std::string& name, const Problem& problem, NonFinitePolicy policy, bool resume = false,
                     std::int64_t stop_after = -1) {
    test::StopAfter observer(stop_after);
    const TrainerOptions options{.steps = 60,
                                 .evaluate_every = 0,
                                 .checkpoint_every = 10,
                                 .divergence_factor = 1e6,
                                 .on_nonfinite = policy,
                                 .resume = resume};
    const auto folder = resume ? RunFolder::open(folder_ / name) : RunFolder::create(folder_ / name);
    return train(problem, make_optimizer("adamw"), options, folder, observer, observer.source.get_token());
  }
  [[nodiscard]] std::vector<Json> lines(const std::string& name) const {
    std::vector<Json> out;
    std::istringstream text(read_text(folder_ / name / "metrics.jsonl"));
    for (std::string line; std::getline(text, line);) {
      out.push_back(Json::parse(line));
      out.back().erase("tokens_per_second");
    }
    return out;
  }
  [[nodiscard]] std::string weights(const std::string& name) const {
    return read_text(folder_ / name / "checkpoint-60" / "model.safetensors");
  }
  test::TemporaryFolder folder_;
};

TEST_F(TrainerFaults, StopNamesStepAndParameterAndKeepsTheLastGoodCheckpoint) {
  const auto loss = run("loss", FaultyProblem(Fault::loss, {33}), NonFinitePolicy::stop);
  EXPECT_EQ(loss.status, RunStatus::diverged);
  EXPECT_EQ(loss.reason, "the loss is not finite at step 33");
  const auto gradient = run("gradient", FaultyProblem(Fault::gradient, {33}), NonFinitePolicy::stop);
  EXPECT_EQ(gradient.reason, "the gradient of x is not finite at step 33");
  for (const char* name : {"loss", "gradient"})
    EXPECT_EQ(find_checkpoint(folder_ / name).newest->filename(), "checkpoint-30");
}

TEST_F(TrainerFaults, SkipLeavesTheStepOutAndSaysSo) {
  for (const Fault fault : {Fault::loss, Fault::gradient}) {
    const std::string name = fault == Fault::loss ? "loss" : "gradient";
    const auto report = run(name, FaultyProblem(fault, {0, 33}), NonFinitePolicy::skip);
    EXPECT_EQ(report.status, RunStatus::completed) << report.reason;
    EXPECT_TRUE(std::isfinite(report.first_loss));
    const auto rows = lines(name);
    ASSERT_EQ(rows.size(), 60U);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].contains("events"), i == 0 || i == 33) << i;
    EXPECT_EQ(rows[33]["events"][0], fault == Fault::loss ? "step skipped: the loss is not finite"
                                                          : "step skipped: the gradient of x is not finite");
  }
  EXPECT_EQ(weights("loss"), weights("gradient")) << "neither changed anything";
}

TEST_F(TrainerFaults, FiveSkipsInARowEndTheRun) {
  for (const Fault fault : {Fault::loss, Fault::gradient}) {
    const std::string name = fault == Fault::loss ? "loss" : "gradient";
    EXPECT_EQ(run(name + "4", FaultyProblem(fault, {20, 21, 22, 23, 25}), NonFinitePolicy::skip).status,
              RunStatus::completed);
    const auto report = run(name + "5", FaultyProblem(fault, {20, 21, 22, 23, 24}), NonFinitePolicy::skip);
    EXPECT_EQ(report.status, RunStatus::diverged);
    EXPECT_EQ(report.steps_done, 24);
  }
}

TEST_F(TrainerFaults, ResumeIsBitEqualWithSkippedStepsAndSpikes) {
  for (const Fault fault : {Fault::loss, Fault::gradient, Fault::spike}) {
    const FaultyProblem problem(fault, {31, 32, 33, 50});
    const std::string name = "f" + std::to_string(static_cast<int>(fault));
    run(name + "whole", problem, NonFinitePolicy::skip);
    EXPECT_EQ(run(name, problem, NonFinitePolicy::skip, false, 33).status, RunStatus::stopped);
    EXPECT_EQ(run(name, problem, NonFinitePolicy::skip, true).status, RunStatus::completed);
    EXPECT_EQ(lines(name), lines(name + "whole"));
    EXPECT_EQ(weights(name), weights(name + "whole"));
  }
}

TEST_F(TrainerFaults, AnExceptionKeepsEveryCompleteStep) {
  const FaultyProblem sound(Fault::thrown, {});
  run("whole", sound, NonFinitePolicy::stop);
  for (const std::uint64_t step : {1U, 33U, 40U}) {
    const std::string name = "at" + std::to_string(step);
    EXPECT_THROW(run(name, FaultyProblem(Fault::thrown, {step}), NonFinitePolicy::stop), UserError);
    EXPECT_EQ(find_checkpoint(folder_ / name).newest->filename(), "checkpoint-" + std::to_string(step));
    EXPECT_EQ(run(name, sound, NonFinitePolicy::stop, true).status, RunStatus::completed);
    EXPECT_EQ(lines(name), lines("whole"));
    EXPECT_EQ(weights(name), weights("whole"));
  }
  EXPECT_THROW(run("first", FaultyProblem(Fault::thrown, {0}), NonFinitePolicy::stop), UserError);
  EXPECT_FALSE(find_checkpoint(folder_ / "first").newest) << "there is nothing to keep";
}

TEST_F(TrainerFaults, LossSpikesAreInTheMetrics) {
  run("a", FaultyProblem(Fault::spike, {40}), NonFinitePolicy::stop);
  const auto rows = lines("a");
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].contains("events"), i == 40) << i;
  EXPECT_EQ(rows[40]["events"][0].get<std::string>().find("loss spike: "), 0U);
}

}  // namespace
}  // namespace normdescent
