// SPDX-License-Identifier: Apache-2.0
// Checkpoints with damage of every kind: found, named, set aside, and the one before is used.
#include "normdescent/train/checkpoint.hpp"

#include <gtest/gtest.h>

#include <omp.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "support/file_size_limit.hpp"
#include "support/temporary_folder.hpp"
#include "survival_run.hpp"

namespace normdescent {
namespace {

using test::survival_optimizer;
using test::survival_options;
using test::survival_problem;

constexpr const char* kFiles[] = {"model.safetensors", "optimizer.safetensors", "position.json", "checksums.txt"};

struct Seen {
  std::vector<std::string> defects{};
  std::vector<std::filesystem::path> moved{};
  std::int64_t resumed_at = -1;
};

class TrainingWitness : public TrainerObserver {
 public:
  void on_damaged_checkpoint(const DamagedCheckpoint& damaged, const std::filesystem::path& moved_to) override {
    seen.defects.push_back(damaged.defect);
    seen.moved.push_back(moved_to);
  }
  void on_resume(std::int64_t step) override { seen.resumed_at = step; }
  Seen seen;
};

void replace(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::int64_t lines_in(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

/// Every file below a folder with its content.
std::map<std::string, std::string> content_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> content;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) content[entry.path().lexically_relative(folder)] = read_text(entry.path());
  }
  return content;
}

/// A finished run with the checkpoints of its steps 90 and 100.
class Checkpoints : public testing::Test {
 protected:
  Checkpoints() {
    TrainingWitness nobody;
    train(survival_problem(), survival_optimizer(), survival_options(BackgroundWrites::never), RunFolder::create(run_),
          nobody);
    model_at_end_ = read_text(newest_ / "model.safetensors");
  }
  Seen resume() {
    auto options = survival_options(BackgroundWrites::never);
    options.resume = true;
    TrainingWitness witness;
    train(survival_problem(), survival_optimizer(), options, RunFolder::open(run_), witness);
    return witness.seen;
  }
  test::TemporaryFolder folder_;
  std::filesystem::path run_ = folder_ / "run";
  std::filesystem::path newest_ = run_ / "checkpoint-100";
  std::filesystem::path before_ = run_ / "checkpoint-90";
  std::string model_at_end_;
};

TEST_F(Checkpoints, AnyChangedByteMakesTheOneBeforeTheNewestSound) {
  for (const char* file : kFiles) {
    const std::string content = read_text(newest_ / file);
    // Every byte of the small files; of tensor files the length field, the header, its end, and the data.
    const std::size_t stride = content.size() > 400 ? content.size() / 70 : 1;
    for (std::size_t at = 0; at < content.size(); at += at < 16 ? 1 : stride) {
      std::string other = content;
      other[at] = static_cast<char>(other[at] ^ (1 << (at % 8)));
      replace(newest_ / file, other);
      const auto search = find_checkpoint(run_);
      ASSERT_EQ(search.newest, before_) << file << ' ' << at;
      ASSERT_EQ(search.damaged.size(), 1U);
      EXPECT_EQ(search.damaged[0].folder, newest_);
      EXPECT_NE(search.damaged[0].defect.find(file), std::string::npos) << search.damaged[0].defect;
    }
    for (std::size_t length = 0; length < content.size(); length += stride) {
      replace(newest_ / file, content.substr(0, length));
      ASSERT_EQ(find_checkpoint(run_).newest, before_) << file << " cut to " << length;
    }
    replace(newest_ / file, content + '\n');
    EXPECT_EQ(find_checkpoint(run_).newest, before_) << file << " extended";
    std::filesystem::remove(newest_ / file);
    EXPECT_EQ(find_checkpoint(run_).newest, before_) << file << " removed";
    replace(newest_ / file, content);
    EXPECT_EQ(find_checkpoint(run_).newest, newest_);
  }
}

TEST_F(Checkpoints, ResumeFallsBackAndEndsBitEquallyAndKeepsTheDamagedOne) {
  for (const char* file : kFiles) {
    replace(newest_ / file, "damaged");
    const auto witness = resume();
    EXPECT_EQ(witness.resumed_at, 90);
    ASSERT_EQ(witness.defects.size(), 1U);
    EXPECT_NE(witness.defects[0].find(file), std::string::npos) << witness.defects[0];
    EXPECT_EQ(read_text(witness.moved[0] / file), "damaged") << "what was damaged is still there to look at";
    EXPECT_EQ(read_text(newest_ / "model.safetensors"), model_at_end_);
    EXPECT_EQ(find_checkpoint(run_).newest, newest_);
    EXPECT_TRUE(find_checkpoint(run_).damaged.empty());
  }
  EXPECT_TRUE(std::filesystem::exists(run_ / "checkpoint-100.damaged-4")) << "none of the four replaced another";
}

TEST_F(Checkpoints, LostLinesOfTheMetricsMakeTheOneBeforeTheNewestSound) {
  const std::string lines = read_text(run_ / kMetricsFile);
  replace(run_ / kMetricsFile, lines.substr(0, lines.size() - 3));
  const auto witness = resume();
  EXPECT_EQ(witness.resumed_at, 90);
  EXPECT_NE(witness.defects.at(0).find(kMetricsFile), std::string::npos);
  EXPECT_EQ(lines_in(read_text(run_ / kMetricsFile)), 101);
}

TEST_F(Checkpoints, WhenNoneIsSoundNothingIsChanged) {
  replace(newest_ / "model.safetensors", "x");
  replace(before_ / "position.json", "x");
  const auto before = content_of(run_);
  try {
    resume();
    FAIL() << "resumed";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("checkpoint-100, model.safetensors has 1 bytes"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(content_of(run_), before);
}

TEST_F(Checkpoints, DamageBehindAMatchingChecksumIsAUserErrorOrHarmless) {
  // As if the damage had happened before the checksums were made: the parsers alone must hold.
  const auto objective = survival_problem().instantiate(1);
  Optimizer<float> optimizer(survival_optimizer(), {objective->parameters()[0].info});
  const auto identity = RunIdentity{};
  Philox random(5, 6);
  int refused = 0;
  for (const char* file : kFiles) {
    const std::string content = read_text(newest_ / file);
    for (int trial = 0; trial < 200; ++trial) {
      std::string other = content;
      for (std::uint64_t i = random.below(3) + 1; i > 0; --i)
        other[random.below(other.size())] = static_cast<char>(random());
      if (trial % 4 == 0) other.resize(random.below(other.size()));
      replace(newest_ / file, other);
      try {
        (void)read_checkpoint(newest_, identity, *objective, optimizer);
      } catch (const UserError&) {
        ++refused;
      }
    }
    replace(newest_ / file, content);
  }
  EXPECT_GT(refused, 200);
}

TEST_F(Checkpoints, CountsThatAreNoCountsAreRefused) {
  const std::string content = read_text(newest_ / "position.json");
  const auto objective = survival_problem().instantiate(1);
  Optimizer<float> optimizer(survival_optimizer(), {objective->parameters()[0].info});
  for (const char* step : {"-1", "1e300", "\"3\"", "null", "101", "99999999999999999999999"}) {
    std::string other = content;
    const auto at = other.find("\"step\": 100");
    ASSERT_NE(at, std::string::npos);
    other.replace(at, 11, std::string("\"step\": ") + step);
    replace(newest_ / "position.json", other);
    try {
      (void)read_checkpoint(newest_, {}, *objective, optimizer);
      ADD_FAILURE() << step;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("position.json is not readable"), std::string::npos) << error.what();
    }
  }
}

TEST_F(Checkpoints, ARunThatEndedBeforeItsFirstCheckpointBeginsAgain) {
  for (const auto& name : {"checkpoint-100", "checkpoint-90"}) std::filesystem::remove_all(run_ / name);
  std::filesystem::create_directories(run_ / "checkpoint-10.partial");
  // Folders list their files in any order; among many, metrics.jsonl hardly ever comes first.
  for (int i = 0; i < 64; ++i) replace(run_ / ("other-" + std::to_string(i)), "");
  EXPECT_EQ(resume().resumed_at, 0);
  EXPECT_EQ(read_text(newest_ / "model.safetensors"), model_at_end_);
  EXPECT_FALSE(std::filesystem::exists(run_ / "checkpoint-10.partial"));
}

TEST_F(Checkpoints, WritesInTheBackgroundGiveTheSameFiles) {
  const auto path = folder_ / "background";
  TrainingWitness nobody;
  train(survival_problem(), survival_optimizer(), survival_options(BackgroundWrites::always), RunFolder::create(path),
        nobody);
  for (const auto& checkpoint : {"checkpoint-90", "checkpoint-100"}) {
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      EXPECT_EQ(read_text(path / checkpoint / file), read_text(run_ / checkpoint / file)) << checkpoint << file;
    EXPECT_EQ(find_checkpoint(path).newest, path / "checkpoint-100");
  }
}

TEST(Checkpoint, AFullDiskInTheBackgroundEndsTheRunAtALaterStepWithTheCheckpointBefore) {
  const test::QuadraticProblem problem({.curvature = std::vector<double>(3000, 1.0)});
  const test::TemporaryFolder folder;
  const auto run = RunFolder::create(folder / "run");
  auto options = survival_options(BackgroundWrites::always);
  options.evaluate_every = 0;
  options.steps = 10;
  TrainerObserver nobody;
  train(problem, signsgd({.learning_rate = 0.01}), options, run, nobody);
  const auto other = RunFolder::create(folder / "other");
  const test::FileSizeLimit limit(11'000);  // metrics fit, 12 kB of weights do not
  try {
    train(problem, signsgd({.learning_rate = 0.01}), options, other, nobody);
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("model.safetensors"), std::string::npos) << error.what();
    EXPECT_FALSE(error.hint().empty());
  }
  for (const auto& entry : std::filesystem::directory_iterator(other.path()))
    EXPECT_FALSE(entry.is_directory()) << "nothing half is left";
}

TEST(Checkpoint, SignMethodsContinueBitEquallyWithAnotherNumberOfThreads) {
  // Large enough that every thread of the executor gets a part.
  const test::QuadraticProblem problem({.curvature = std::vector<double>(200'000, 1.0)});
  const int threads = omp_get_max_threads();
  for (const char* name : {"signsgd", "signum", "lion"}) {
    const test::TemporaryFolder folder;
    TrainerObserver nobody;
    TrainerOptions options{.steps = 8, .evaluate_every = 0, .checkpoint_every = 4, .keep_checkpoints = 2};
    omp_set_num_threads(1);
    train(problem, make_optimizer(name), options, RunFolder::create(folder / "one"), nobody);
    train(problem, make_optimizer(name), options, RunFolder::create(folder / "other"), nobody);
    std::filesystem::remove_all(folder / "other" / "checkpoint-8");
    options.resume = true;
    omp_set_num_threads(3);
    train(problem, make_optimizer(name), options, RunFolder::open(folder / "other"), nobody);
    omp_set_num_threads(threads);
    for (const char* file : {"model.safetensors", "optimizer.safetensors"})
      EXPECT_TRUE(read_text(folder / "one" / "checkpoint-8" / file) ==
                  read_text(folder / "other" / "checkpoint-8" / file))
          << name << ' ' << file;
  }
}

}  // namespace
}  // namespace normdescent
