// SPDX-License-Identifier: Apache-2.0
// The trainer in a team whose ranks are threads: train() at rank 0, follow() at the others.
#include "normdescent/train/team.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "distributed/layered_problem.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "support/local_group.hpp"
#include "support/temporary_folder.hpp"
#include "train/stop_after.hpp"

namespace normdescent {
namespace {

class LayeredProblem final : public Problem {
 public:
  explicit LayeredProblem(std::uint32_t batch_size = 7) : batch_size_(batch_size) {}
  [[nodiscard]] std::string name() const override { return "layered"; }
  [[nodiscard]] std::uint32_t batch_size() const override { return batch_size_; }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    return std::make_unique<test::LayeredObjective>(seed);
  }

 private:
  std::uint32_t batch_size_;
};

TrainerOptions team_run() {
  return {.steps = 20, .evaluate_every = 8, .checkpoint_every = 0, .divergence_factor = 1e6};
}

std::string text_of(const std::exception_ptr& error) {
  if (!error) return "";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return thrown.what();
  }
}

struct TeamRun {
  int ranks = 1;
  SharedWork work = SharedWork::matrices;
  std::int64_t stop_after = -1;
  bool resume = false;
};

class TeamTest : public testing::Test {
 protected:
  void run(const std::string& name, const OptimizerSpec& spec, const TeamRun& how) {
    TrainerOptions options = team_run();
    options.resume = how.resume;
    const auto path = folder_ / name;
    const auto errors = run_ranks(how.ranks, [&](ProcessGroup& group) {
      const Team team{.group = group, .work = how.work};
      TrainerOptions mine = options;
      mine.team = &team;
      if (group.rank() > 0) {
        (void)follow(LayeredProblem(), spec, mine, path);
        return;
      }
      test::StopAfter observer(how.stop_after);
      const auto folder = how.resume ? RunFolder::open(path) : RunFolder::create(path);
      (void)train(LayeredProblem(), spec, mine, folder, observer, observer.source.get_token());
    });
    for (const auto& error : errors) EXPECT_EQ(text_of(error), "");
  }

  [[nodiscard]] std::vector<nlohmann::json> lines(const std::string& name) const {
    std::vector<nlohmann::json> lines;
    std::istringstream text(read_text(folder_ / name / "metrics.jsonl"));
    for (std::string line; std::getline(text, line);) {
      lines.push_back(nlohmann::json::parse(line));
      lines.back().erase("tokens_per_second");
    }
    return lines;
  }
  [[nodiscard]] std::string file(const std::string& name, const char* file) const {
    return read_text(folder_ / name / "checkpoint-20" / file);
  }

  test::TemporaryFolder folder_;
};

TEST_F(TeamTest, ResumeIsBitEqualWithTheSameNumberAndContinuesWithAnother) {
  struct Case {
    const char* optimizer;
    SharedWork work;
  };
  for (const auto& [optimizer, work] : {Case{"muon", SharedWork::matrices}, Case{"muon", SharedWork::all_state},
                                        Case{"adamw", SharedWork::all_state}}) {
    const std::string name = std::string(optimizer) + (work == SharedWork::matrices ? "-" : "-sharded-");
    SCOPED_TRACE(name);
    const auto spec = make_optimizer(optimizer);
    run(name + "whole", spec, {.ranks = 3, .work = work});
    const auto wanted = lines(name + "whole");
    for (const int ranks : {3, 2}) {
      SCOPED_TRACE(ranks);
      const std::string parts = name + std::to_string(ranks);
      run(parts, spec, {.ranks = 3, .work = work, .stop_after = 10});
      EXPECT_LT(lines(parts).size(), 14U) << "it was to stop";
      run(parts, spec, {.ranks = ranks, .work = work, .resume = true});
      const auto got = lines(parts);
      if (ranks == 3) {
        EXPECT_EQ(got, wanted);
        for (const char* each : {"model.safetensors", "optimizer.safetensors"})
          EXPECT_EQ(file(parts, each), file(name + "whole", each)) << each;
      }
      // A sum of 7 float gradients in another order, over 10 steps.
      const auto loss = got.back().at("val_loss").get<double>();
      EXPECT_NEAR(loss, wanted.back().at("val_loss").get<double>(), 1e-4 * std::abs(loss));
    }
  }
}

TEST_F(TeamTest, ARankWithOtherOptionsEndsTheRunOnAllRanks) {
  const auto errors = run_ranks(2, [&](ProcessGroup& group) {
    const Team team{group};
    TrainerOptions options = team_run();
    options.team = &team;
    options.seed = group.rank() == 1 ? 8 : 7;
    const auto spec = make_optimizer("sgd");
    test::StopAfter observer;
    if (group.rank() > 0) {
      (void)follow(LayeredProblem(), spec, options, folder_ / "run");
    } else {
      (void)train(LayeredProblem(), spec, options, RunFolder::create(folder_ / "run"), observer);
    }
  });
  for (const auto& error : errors)
    EXPECT_NE(text_of(error).find("rank 1 was started with other options than rank 0"), std::string::npos);
  EXPECT_NE(text_of(errors[1]).find("\"seed\":8"), std::string::npos) << text_of(errors[1]);
}

TEST_F(TeamTest, AMiniBatchWithoutAnExampleForEveryRankIsRefusedAtTheStart) {
  const auto errors = run_ranks(3, [&](ProcessGroup& group) {
    const Team team{group};
    TrainerOptions options = team_run();
    options.team = &team;
    const auto spec = make_optimizer("sgd");
    EXPECT_THROW((void)follow(LayeredProblem(2), spec, options, folder_ / "none"), std::invalid_argument);
    options.monitor_every = 5;  // measures noise by parts of the mini-batch: 4 of 2 examples
    EXPECT_THROW((void)follow(LayeredProblem(8), spec, options, folder_ / "none"), std::invalid_argument);
    EXPECT_EQ(group.traffic().operations, 0U);
  });
  for (const auto& error : errors) EXPECT_EQ(text_of(error), "");
}

}  // namespace
}  // namespace normdescent
