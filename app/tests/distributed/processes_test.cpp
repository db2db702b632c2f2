// SPDX-License-Identifier: Apache-2.0
// `train` with several processes: what they compute, and what happens when one of them dies or hangs.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "normdescent/distributed/c10d_group.hpp"
#include "program_run.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent::test {
namespace {

using Arguments = std::vector<std::string>;
Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
constexpr auto kPatience = std::chrono::seconds(120);

class Processes : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_c10d()) GTEST_SKIP() << "this build has no LibTorch or no Gloo";
    std::ofstream text(folder_ / "text");
    for (int i = 0; i < 4000; ++i) text << "line " << i * i % 977 << " of a text that a model can learn\n";
  }

  [[nodiscard]] Arguments command(const Arguments& more) const {
    return Arguments{NORMDESCENT_PROGRAM, "train", "--data", folder_ / "text",   "--context", "16", "--batch", "6",
                     "--threads",         "1",     "--json", "--evaluate-every", "0"} +
           more;
  }
  struct Ended {
    int code;
    std::string out;
    std::string err;
  };
  [[nodiscard]] Ended run(const Arguments& arguments) const {
    ProgramRun program(arguments, folder_.path());
    const int code = program.wait(kPatience);
    return {code, program.out(), program.err()};
  }
  /// As mpirun starts them on one machine; their output is in rank-0, rank-1, ...
  [[nodiscard]] std::vector<std::unique_ptr<ProgramRun>> start(int ranks, const Arguments& arguments) const {
    const std::string port = std::to_string(open_meeting_point()->port());  // was free a moment ago
    const std::string size = std::to_string(ranks);
    std::vector<std::unique_ptr<ProgramRun>> programs;
    for (int rank = 0; rank < ranks; ++rank) {
      const std::string number = std::to_string(rank);
      const auto logs = folder_ / ("rank-" + number);
      std::filesystem::create_directories(logs);
      const Arguments place{"/usr/bin/env",
                            "OMPI_COMM_WORLD_RANK=" + number,
                            "OMPI_COMM_WORLD_SIZE=" + size,
                            "OMPI_COMM_WORLD_LOCAL_RANK=" + number,
                            "OMPI_COMM_WORLD_LOCAL_SIZE=" + size,
                            "MASTER_PORT=" + port};
      programs.push_back(std::make_unique<ProgramRun>(place + arguments, logs));
    }
    return programs;
  }
  /// Rank 0's end; the others must end as it does.
  [[nodiscard]] Ended run_ranks(int ranks, const Arguments& arguments) const {
    const auto programs = start(ranks, arguments);
    const int code = programs[0]->wait(kPatience);
    for (std::size_t rank = 1; rank < programs.size(); ++rank) {
      EXPECT_EQ(programs[rank]->wait(kPatience), code) << programs[rank]->err();
      EXPECT_EQ(programs[rank]->out(), "") << "rank 0 speaks for all";
    }
    return {code, programs[0]->out(), programs[0]->err()};
  }

  /// Training losses of a run folder, one a step.
  [[nodiscard]] std::vector<double> losses(const std::string& name) const {
    std::istringstream lines(read_file(folder_ / name / "metrics.jsonl"));
    std::vector<double> losses;
    for (std::string line; std::getline(lines, line);) {
      const auto loss = nlohmann::json::parse(line).at("train_loss");
      if (!loss.is_null()) losses.push_back(loss.get<double>());
    }
    return losses;
  }
  [[nodiscard]] bool has_checkpoint(const std::string& name, int step) const {
    return std::filesystem::exists(folder_ / name / ("checkpoint-" + std::to_string(step)));
  }

  TemporaryFolder folder_;
};

TEST_F(Processes, HaveTheLossesOfOneProcess) {
  const auto alone = run(command({"--steps", "8", "--out", folder_ / "alone"}));
  ASSERT_EQ(alone.code, 0) << alone.err;
  const auto wanted = losses("alone");
  ASSERT_EQ(wanted.size(), 8U);
  for (const int ranks : {2, 3}) {
    const std::string name = "of-" + std::to_string(ranks);
    const auto shared = run_ranks(ranks, command(ranks == 3 ? Arguments{"--shard-state"} : Arguments{}) +
                                             Arguments{"--steps", "8", "--out", folder_ / name});
    ASSERT_EQ(shared.code, 0) << shared.err;
    const auto result = nlohmann::json::parse(shared.out);
    EXPECT_EQ(result.at("processes"), ranks);
    EXPECT_GT(result.at("bytes_sent").get<double>(), 0.0);
    const auto got = losses(name);
    ASSERT_EQ(got.size(), wanted.size());
    EXPECT_NEAR(got[0], wanted[0], 1e-6 * wanted[0]) << "before the first step nothing but the order of a sum differs";
    // docs/distributed.md: the order of float32 sums alone, carried on by bfloat16 rounding; 7e-5 measured.
    for (std::size_t t = 0; t < got.size(); ++t) EXPECT_NEAR(got[t], wanted[t], 1e-3 * wanted[t]) << "step " << t;
  }
}

TEST_F(Processes, AKilledRankEndsTheRunWhichGoesOnWithAnotherNumber) {
  const auto programs =
      start(3, command({"--steps", "400", "--checkpoint-every", "5", "--shard-state", "--out", folder_ / "run"}));
  ASSERT_TRUE(ProgramRun::until(kPatience, [&] { return has_checkpoint("run", 5) || has_checkpoint("run", 10); }))
      << programs[0]->err();
  programs[1]->signal(SIGKILL);
  for (const std::size_t rank : {0U, 2U}) {
    EXPECT_EQ(programs[rank]->wait(std::chrono::seconds(30)), 1) << "the timeout is 120 s: a death is seen at once";
    const std::string err = programs[rank]->err();
    EXPECT_NE(err.find("rank " + std::to_string(rank) + " of 3"), std::string::npos) << err;
    EXPECT_NE(err.find("another rank has ended"), std::string::npos) << err;
  }
  EXPECT_NE(programs[0]->err().find("--resume"), std::string::npos) << programs[0]->err();

  // The end of the schedule is part of the run, so it is stopped early. The folder knows all options.
  const auto resumed = start(2, {NORMDESCENT_PROGRAM, "train", "--threads", "1", "--resume", folder_ / "run"});
  const auto before = losses("run").size();
  ASSERT_TRUE(ProgramRun::until(kPatience, [&] { return losses("run").size() > before + 20; })) << resumed[0]->err();
  EXPECT_NE(resumed[0]->err().find("continuing after step"), std::string::npos) << resumed[0]->err();
  resumed[0]->signal(SIGTERM);
  EXPECT_EQ(resumed[0]->wait(kPatience), 1);
  EXPECT_NE(resumed[0]->err().find("interrupted"), std::string::npos) << resumed[0]->err();
  EXPECT_EQ(resumed[1]->wait(kPatience), 1);
  const auto all = losses("run");
  EXPECT_LT(all.back(), all.front());
}

TEST_F(Processes, AHungRankEndsTheOthersAfterTheTimeout) {
  const auto programs = start(3, command({"--steps", "100000", "--process-timeout", "3", "--out", folder_ / "run"}));
  ASSERT_TRUE(ProgramRun::until(kPatience, [&] { return losses("run").size() > 3; })) << programs[0]->err();
  programs[2]->signal(SIGSTOP);
  std::string said;
  for (const std::size_t rank : {0U, 1U}) {
    EXPECT_EQ(programs[rank]->wait(std::chrono::seconds(60)), 1);
    const std::string err = programs[rank]->err();
    EXPECT_NE(err.find("rank " + std::to_string(rank) + " of 3"), std::string::npos) << err;
    said += err;
  }
  EXPECT_NE(said.find("a rank did not answer within 3 s"), std::string::npos) << said;
}

TEST_F(Processes, AMajorityVoteSendsLittleAndTrains) {
  const Arguments options = {"--steps", "30", "--optimizer", "signsgd"};
  const auto votes = run_ranks(2, command(options) + Arguments{"--majority-vote", "--out", folder_ / "votes"});
  ASSERT_EQ(votes.code, 0) << votes.err;
  const auto sums = run_ranks(2, command(options) + Arguments{"--out", folder_ / "sums"});
  ASSERT_EQ(sums.code, 0) << sums.err;
  const auto sent = [](const Ended& ended) { return nlohmann::json::parse(ended.out).at("bytes_sent").get<double>(); };
  EXPECT_GE(sent(sums) / sent(votes), 25.0);
  EXPECT_LT(losses("votes").back(), 0.8 * losses("votes").front());
}

TEST_F(Processes, WhatIsWrongWithTheOptionsIsSaidOnce) {
  const auto programs = start(2, command({"--optimizer", "muon", "--majority-vote", "--out", folder_ / "run"}));
  for (const auto& program : programs) EXPECT_EQ(program->wait(kPatience), 2);
  EXPECT_NE(programs[0]->err().find("must be one of sign(g) alone"), std::string::npos) << programs[0]->err();
  EXPECT_EQ(programs[1]->err(), "");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run"));

  const auto alone = run(command({"--optimizer", "signsgd", "--majority-vote", "--out", folder_ / "run"}));
  EXPECT_EQ(alone.code, 2);
  EXPECT_NE(alone.err.find("torchrun"), std::string::npos) << alone.err;
}

/// As mpirun starts them.
TEST_F(Processes, MeetByTheUsualVariablesAndCompareTheirOptions) {
  std::filesystem::create_directory(folder_ / "other");
  for (const char* seed : {"7", "8"}) {
    const std::string port = std::to_string(open_meeting_point()->port());  // was free a moment ago
    const auto rank = [&](const std::string& number, const char* its_seed) {
      return Arguments{"/usr/bin/env",
                       "OMPI_COMM_WORLD_RANK=" + number,
                       "OMPI_COMM_WORLD_SIZE=2",
                       "OMPI_COMM_WORLD_LOCAL_RANK=" + number,
                       "OMPI_COMM_WORLD_LOCAL_SIZE=2",
                       "MASTER_PORT=" + port} +
             command({"--steps", "3", "--seed", its_seed, "--out", folder_ / (std::string("run") + seed)});
    };
    ProgramRun first(rank("0", "7"), folder_.path());
    ProgramRun second(rank("1", seed), folder_ / "other");
    const bool is_same = std::string(seed) == "7";
    EXPECT_EQ(first.wait(kPatience), is_same ? 0 : 1) << first.err();
    EXPECT_EQ(second.wait(kPatience), is_same ? 0 : 1) << second.err();
    EXPECT_EQ(second.out(), "");
    if (is_same) {
      EXPECT_EQ(losses("run7").size(), 3U);
      EXPECT_NE(first.out().find("\"processes\":2"), std::string::npos) << first.out();
    } else {
      for (const auto* each : {&first, &second})
        EXPECT_NE(each->err().find("rank 1 was started with other options"), std::string::npos) << each->err();
    }
  }
}

}  // namespace
}  // namespace normdescent::test
