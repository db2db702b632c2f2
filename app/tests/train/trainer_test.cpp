// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/trainer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "normdescent/base/user_error.hpp"
#include "normdescent/files/checked_folder.hpp"
#include "normdescent/files/json_lines.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/checkpoint.hpp"
#include "support/file_size_limit.hpp"
#include "support/quadratic_problem.hpp"
#include "support/temporary_folder.hpp"
#include "train/stop_after.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;

const test::QuadraticProblem& noisy_quadratic() {
  static const test::QuadraticProblem problem(
      {.curvature = {1.0, 3.0, 0.1, 0.5}, .noise = {0.3, 0.1, 0.3, 0.0}, .batch_size = 2});
  return problem;
}

TrainerOptions short_run() {
  return {
      .steps = 40, .evaluate_every = 8, .checkpoint_every = 10, .divergence_factor = 100.0, .tokens_per_example = 5};
}

std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::istringstream text(read_text(path));
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// Remembers what it is told.
class Recording : public test::StopAfter {
 public:
  using StopAfter::StopAfter;
  void on_metrics(const TrainingMetrics& metrics) override {
    rows.push_back(metrics);
    StopAfter::on_metrics(metrics);
  }
  void on_resume(std::int64_t step) override { resumed_at = step; }
  void on_checkpoint(const std::filesystem::path& folder) override { checkpoints.push_back(folder.filename()); }
  std::vector<TrainingMetrics> rows;
  std::vector<std::filesystem::path> checkpoints;
  std::int64_t resumed_at = -1;
};

class Trainer : public testing::Test {
 protected:
  TrainingReport run(const std::string& name, const OptimizerSpec& spec, const TrainerOptions& options,
                     Recording& observer) {
    const auto folder = options.resume ? RunFolder::open(folder_ / name) : RunFolder::create(folder_ / name);
    return train(noisy_quadratic(), spec, options, folder, observer, observer.source.get_token());
  }
  TrainingReport run(const std::string& name, const OptimizerSpec& spec, const TrainerOptions& options) {
    Recording nobody;
    return run(name, spec, options, nobody);
  }
  test::TemporaryFolder folder_;
};

TEST_F(Trainer, WritesOneLineAStepWithTheKeysOfTheFormat) {
  Recording observer;
  const auto report = run("a", signsgd({.learning_rate = 0.02}), short_run(), observer);
  EXPECT_EQ(report.status, RunStatus::completed);
  const auto lines = lines_of(folder_ / "a" / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 41U);  // step 0 and 40 steps
  for (const char* key : {"step", "tokens", "train_loss", "val_loss", "learning_rate", "tokens_per_second",
                          "grad_norm_l1", "grad_norm_l2", "grad_norm_linf"}) {
    for (const auto& line : lines) EXPECT_TRUE(line.contains(key)) << key;
  }
  EXPECT_TRUE(lines[0]["train_loss"].is_null());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["step"], i);
    EXPECT_EQ(lines[i]["tokens"], 10 * i);
    EXPECT_EQ(lines[i]["val_loss"].is_number(), i % 8 == 0) << i;
    EXPECT_GT(lines[i]["tokens_per_second"].get<double>(), 0.0);
  }
  EXPECT_EQ(lines[40]["val_loss"].get<double>(), report.final_loss);
  EXPECT_EQ(lines[4]["learning_rate"].get<double>(), 0.02 * Schedule({40, 4, Decay::cosine}).factor(3));
  EXPECT_EQ(observer.rows.size(), lines.size());
}

TEST_F(Trainer, WritesARecordForTensorBoardWithEveryLine) {
  run("a", signsgd({.learning_rate = 0.02}), short_run());
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "a")) {
    if (!entry.path().filename().string().starts_with("events.out.tfevents.")) continue;
    const std::string events = read_text(entry.path());
    std::size_t records = 0;
    for (auto at = events.find("tokens_per_second"); at != std::string::npos;
         at = events.find("tokens_per_second", at + 1))
      ++records;
    EXPECT_EQ(records, 40U) << "all but step 0, where there is no speed";
    return;
  }
  FAIL() << "no event file";
}

TEST_F(Trainer, GradientNormsAreThoseOfTheWholeGradient) {
  // Without noise the first gradient is h_i x_i with |x_i| = 1: (1, 3, 0.1, 0.5), read back as floats.
  const test::QuadraticProblem problem({.curvature = {1.0, 3.0, 0.1, 0.5}});
  Recording observer;
  train(problem, sgd({.learning_rate = 0.1}), {.steps = 1, .evaluate_every = 0}, RunFolder::create(folder_ / "a"),
        observer);
  const double rounding = 4.0 * 3.0 * 0x1p-24;
  EXPECT_NEAR(observer.rows[0].grad_norm_l1, 4.6, rounding);
  EXPECT_NEAR(observer.rows[0].grad_norm_l2, std::sqrt(1.0 + 9.0 + 0.01 + 0.25), rounding);
  EXPECT_EQ(observer.rows[0].grad_norm_linf, 3.0);
}

TEST_F(Trainer, ResumeIsBitEqualForEveryOptimizer) {
  for (const auto& info : optimizer_catalog()) {
    const auto spec = make_optimizer(info.name);
    const std::string whole = info.name + "-whole";
    const std::string parts = info.name + "-parts";
    const auto expected = run(whole, spec, short_run());

    Recording stopper(17);
    EXPECT_EQ(run(parts, spec, short_run(), stopper).status, RunStatus::stopped);
    EXPECT_EQ(stopper.checkpoints.back(), "checkpoint-17");
    auto options = short_run();
    options.resume = true;
    Recording second;
    const auto resumed = run(parts, spec, options, second);
    EXPECT_EQ(second.resumed_at, 17);
    EXPECT_EQ(resumed.status, RunStatus::completed);
    EXPECT_EQ(resumed.final_loss, expected.final_loss) << info.name;
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      EXPECT_EQ(read_text(folder_ / whole / "checkpoint-40" / file),
                read_text(folder_ / parts / "checkpoint-40" / file))
          << info.name << ' ' << file;

    auto a = lines_of(folder_ / whole / "metrics.jsonl");
    auto b = lines_of(folder_ / parts / "metrics.jsonl");
    for (auto* lines : {&a, &b}) {
      for (auto& line : *lines) line.erase("tokens_per_second");
    }
    EXPECT_EQ(a, b) << info.name;
  }
}

TEST_F(Trainer, ResumeAfterACrashDropsTheLinesBehindTheCheckpoint) {
  const auto spec = signum({.learning_rate = 0.02});
  run("whole", spec, short_run());
  // A crash after step 25 leaves checkpoint-20 and 25 lines: made from a run that was stopped at 20.
  Recording stopper(20);
  run("a", spec, short_run(), stopper);
  JsonLinesWriter(folder_ / "a" / "metrics.jsonl", std::filesystem::file_size(folder_ / "a" / "metrics.jsonl"))
      .append(R"({"step":21})");
  auto options = short_run();
  options.resume = true;
  run("a", spec, options);
  EXPECT_EQ(lines_of(folder_ / "a" / "metrics.jsonl").size(), 41U);
  EXPECT_EQ(read_text(folder_ / "a" / "checkpoint-40" / "model.safetensors"),
            read_text(folder_ / "whole" / "checkpoint-40" / "model.safetensors"));
}

TEST_F(Trainer, ResumeOfAFinishedRunChangesNothing) {
  const auto first = run("a", adamw({.learning_rate = 0.02}), short_run());
  const auto metrics = read_text(folder_ / "a" / "metrics.jsonl");
  auto options = short_run();
  options.resume = true;
  const auto again = run("a", adamw({.learning_rate = 0.02}), options);
  EXPECT_EQ(again.status, RunStatus::completed);
  EXPECT_EQ(again.final_loss, first.final_loss);
  EXPECT_EQ(read_text(folder_ / "a" / "metrics.jsonl"), metrics);
}

TEST_F(Trainer, KeepsTheNewestCheckpointsOnly) {
  for (const int keep : {1, 2, 3, 9}) {
    Recording observer;
    const std::string name = "keep-" + std::to_string(keep);
    auto options = short_run();
    options.keep_checkpoints = keep;
    run(name, sgd({.learning_rate = 0.01}), options, observer);
    EXPECT_EQ(observer.checkpoints,
              (std::vector<std::filesystem::path>{"checkpoint-10", "checkpoint-20", "checkpoint-30", "checkpoint-40"}));
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(std::filesystem::exists(folder_ / name / observer.checkpoints[static_cast<std::size_t>(i)]),
                i + keep >= 4);
    }
    EXPECT_EQ(find_checkpoint(folder_ / name).newest->filename(), "checkpoint-40");
  }
}

TEST_F(Trainer, RefusesToResumeAnotherRun) {
  run("a", signum({.learning_rate = 0.02}), short_run());
  auto options = short_run();
  options.resume = true;
  EXPECT_THROW(run("a", lion({.learning_rate = 0.02}), options), UserError);
  EXPECT_THROW(run("a", signum({.learning_rate = 0.03}), options), UserError);
  EXPECT_THROW(run("a", signum({.learning_rate = 0.02, .beta = 0.5}), options), UserError);
  options.seed = 2;
  EXPECT_THROW(run("a", signum({.learning_rate = 0.02}), options), UserError);
  options.seed = 1;
  options.decay = Decay::linear;
  EXPECT_THROW(run("a", signum({.learning_rate = 0.02}), options), UserError);
  options = short_run();
  options.resume = true;
  std::filesystem::create_directories(folder_ / "empty");
  EXPECT_THROW(run("empty", signum({.learning_rate = 0.02}), options), UserError);
}

TEST_F(Trainer, AResumeThatDiffersInOneFactOfTheTaskIsRefusedByItsName) {
  auto options = short_run();
  options.task = {{"context", "64"}, {"window_order", "independent"}};
  run("a", signum({.learning_rate = 0.02}), options);
  options.resume = true;
  const auto refusal = [&](const std::map<std::string, std::string>& task) {
    options.task = task;
    try {
      run("a", signum({.learning_rate = 0.02}), options);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("resumed");
  };
  EXPECT_EQ(refusal(options.task), "resumed");
  EXPECT_NE(refusal({{"context", "64"}, {"window_order", "shuffled"}})
                .find("its window_order is \"independent\", not \"shuffled\""),
            std::string::npos);
  EXPECT_NE(refusal({{"context", "64"}}).find("its window_order is \"independent\", not null"), std::string::npos);
  EXPECT_NE(refusal({{"context", "64"}, {"window_order", "independent"}, {"micro_batch", "2"}})
                .find("its micro_batch is null, not \"2\""),
            std::string::npos);
}

TEST_F(Trainer, ACheckpointOfAnEarlierVersionIsRefusedInWords) {
  run("a", signum({.learning_rate = 0.02}), short_run());
  const auto checkpoint = folder_ / "a" / "checkpoint-40";
  const auto old = folder_ / "a" / "checkpoint-39";
  auto position = Json::parse(read_text(checkpoint / "position.json"));
  position.erase("task");
  {
    FolderWriter writer(old);
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      writer.add(file, write_text_atomically(writer.file(file), read_text(checkpoint / file)));
    writer.add("position.json", write_text_atomically(writer.file("position.json"), position.dump()));
    writer.commit();
  }
  std::filesystem::remove_all(checkpoint);
  std::filesystem::remove_all(folder_ / "a" / "checkpoint-30");
  auto options = short_run();
  options.resume = true;
  try {
    run("a", signum({.learning_rate = 0.02}), options);
    FAIL() << "resumed";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("earlier version"), std::string::npos) << error.what();
  }
}

TEST_F(Trainer, DivergenceEndsTheRunAndKeepsTheLastGoodCheckpoint) {
  const test::QuadraticProblem problem({.curvature = {1.0}, .cliff = 100.0});
  Recording observer;
  // |x| doubles every step (1 - 3 = -2): past the cliff at step 7, which is no checkpoint's step.
  const auto report = train(problem, sgd({.learning_rate = 3.0}),
                            {.steps = 40,
                             .warmup_fraction = 0.0,
                             .decay = Decay::constant,
                             .evaluate_every = 0,
                             .checkpoint_every = 2,
                             .divergence_factor = 1e9},
                            RunFolder::create(folder_ / "a"), observer);
  EXPECT_EQ(report.status, RunStatus::diverged);
  EXPECT_EQ(report.steps_done, 7);
  EXPECT_EQ(lines_of(folder_ / "a" / "metrics.jsonl").size(), 7U);
  EXPECT_EQ(find_checkpoint(folder_ / "a").newest->filename(), "checkpoint-6");
}

TEST_F(Trainer, ADivergenceThatAResumeInterruptsEndsAtTheSameStep) {
  const test::QuadraticProblem problem({.curvature = {1.0}});
  const auto spec = sgd({.learning_rate = 2.5});
  TrainerOptions options{.steps = 40, .warmup_fraction = 0.0, .decay = Decay::constant, .evaluate_every = 0};
  Recording nobody;
  const auto whole = train(problem, spec, options, RunFolder::create(folder_ / "whole"), nobody);
  ASSERT_EQ(whole.status, RunStatus::diverged);

  const auto folder = RunFolder::create(folder_ / "parts");
  Recording stopper(whole.steps_done - 2);
  ASSERT_EQ(train(problem, spec, options, folder, stopper, stopper.source.get_token()).status, RunStatus::stopped);
  options.resume = true;
  EXPECT_EQ(train(problem, spec, options, folder, nobody).steps_done, whole.steps_done);
}

TEST_F(Trainer, FullDiskIsAUserErrorAndKeepsTheCheckpointBefore) {
  const test::QuadraticProblem problem({.curvature = std::vector<double>(3000, 1.0)});
  const auto folder = RunFolder::create(folder_ / "a");
  Recording stopper(5);
  TrainerOptions options = short_run();
  train(problem, signum({.learning_rate = 0.01}), options, folder, stopper, stopper.source.get_token());
  options.resume = true;
  const test::FileSizeLimit limit(11'000);  // metrics fit, 12 kB of weights do not
  Recording nobody;
  EXPECT_THROW(train(problem, signum({.learning_rate = 0.01}), options, folder, nobody), UserError);
  EXPECT_EQ(find_checkpoint(folder.path()).newest->filename(), "checkpoint-5");
}

TEST_F(Trainer, RefusesImpossibleOptions) {
  EXPECT_NO_THROW(TrainerOptions{}.validate());
  EXPECT_THROW(TrainerOptions{.steps = 0}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainerOptions{.warmup_fraction = 2.0}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainerOptions{.evaluate_every = -1}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainerOptions{.checkpoint_every = -1}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainerOptions{.divergence_factor = 0.5}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainerOptions{.keep_checkpoints = 0}.validate(), std::invalid_argument);
  EXPECT_THROW(TrainerOptions{.tokens_per_example = 0}.validate(), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
