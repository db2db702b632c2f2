// SPDX-License-Identifier: Apache-2.0
#include "normdescent/scoreboard/run.hpp"

#include <gtest/gtest.h>

#include <set>

#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/scoreboard/judge.hpp"
#include "normdescent/scoreboard/text.hpp"
#include "support/quadratic_problem.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

RacedProblem raced(const std::string& name, std::size_t every, int& made) {
  std::vector<double> noise(60, 0.0);
  for (std::size_t i = 0; i < noise.size(); i += every) noise[i] = 1.0;
  return {.name = name, .family = "quadratics", .steps = 20, .make = [noise, &made] {
            ++made;
            return std::make_shared<test::QuadraticProblem>(
                test::QuadraticOptions{.curvature = std::vector<double>(60, 1.0), .noise = noise, .batch_size = 2});
          }};
}

ScoreboardOptions short_options() {
  ScoreboardOptions options;
  options.optimizers = {"sgd", "signsgd", "adamw"};
  options.race.final_seeds = 2;
  options.race.search_seeds = 1;
  options.race.divergence_factor = 1e6;
  options.evidence.probe.pilot_steps = 4;
  return options;
}

/// Checks the order of events, and can ask for a stop at a prediction.
class Witness : public ScoreboardObserver {
 public:
  explicit Witness(std::filesystem::path folder, std::string stop_at = {})
      : folder_(std::move(folder)), stop_at_(std::move(stop_at)) {}
  void on_prediction(const ProblemRecord& record, const Prediction& prediction) override {
    EXPECT_EQ(prediction.optimizers.size(), 3U);
    EXPECT_TRUE(std::filesystem::exists(folder_ / record.problem / kPredictionFile));
    EXPECT_FALSE(std::filesystem::exists(folder_ / record.problem / kRaceFile)) << "the prediction comes first";
    predicted.insert(record.problem);
    if (record.problem == stop_at_) source.request_stop();
  }
  void on_raced(const ProblemRecord& record) override {
    EXPECT_TRUE(std::filesystem::exists(folder_ / record.problem / kPredictionFile));
    raced.insert(record.problem);
  }
  void on_left_out(const std::string& problem, const std::string& reason) override {
    ADD_FAILURE() << problem << ": " << reason;
  }

  std::stop_source source;
  std::set<std::string> predicted;
  std::set<std::string> raced;

 private:
  std::filesystem::path folder_;
  std::string stop_at_;
};

TEST(RunScoreboard, PredictsThenRacesThenCanBeJudged) {
  const test::TemporaryFolder folder;
  int made = 0;
  const std::vector<RacedProblem> problems = {raced("dense", 1, made), raced("sparse", 20, made)};
  Witness witness(folder.path());
  ASSERT_TRUE(run_scoreboard(problems, short_options(), folder.path(), witness));
  EXPECT_EQ(witness.raced.size(), 2U);
  const auto records = read_records(folder.path());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_GT(records[0].evidence_cost.gradient_examples, 0);
  EXPECT_GT(records[0].race_cost.work(), 20 * 2 * 3 * 5) << "at least five runs each";
  const ScoreboardResult result = judge_scoreboard(records);
  EXPECT_EQ(result.problems.size(), 2U);
  EXPECT_NE(scoreboard_json(result, records).find("\"pairs_right\""), std::string::npos);
  EXPECT_NE(scoreboard_markdown(result, records, "a command", "a day").find("| sparse |"), std::string::npos);

  // Again: nothing is made, nothing is run.
  Witness second(folder.path());
  EXPECT_TRUE(run_scoreboard(problems, short_options(), folder.path(), second));
  EXPECT_TRUE(second.predicted.empty());
  EXPECT_EQ(made, 2);
}

TEST(RunScoreboard, AStopLosesOneRaceAndTheRestGoesOn) {
  const test::TemporaryFolder folder;
  const test::TemporaryFolder whole;
  int made = 0;
  const std::vector<RacedProblem> problems = {raced("a", 1, made), raced("b", 20, made), raced("c", 5, made)};
  Witness stopped(folder.path(), "b");
  EXPECT_FALSE(run_scoreboard(problems, short_options(), folder.path(), stopped, stopped.source.get_token()));
  EXPECT_EQ(stopped.raced, std::set<std::string>{"a"});
  const std::string predicted = read_text(folder / "b/prediction.json");

  Witness rest(folder.path());
  EXPECT_TRUE(run_scoreboard(problems, short_options(), folder.path(), rest));
  EXPECT_EQ(rest.predicted, std::set<std::string>{"c"}) << "b keeps the prediction that it had";
  EXPECT_EQ(read_text(folder / "b/prediction.json"), predicted);
  Witness once(whole.path());
  EXPECT_TRUE(run_scoreboard(problems, short_options(), whole.path(), once));
  const auto resumed = read_records(folder.path());
  const auto direct = read_records(whole.path());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(judged(resumed[i]).example.optimizers[1].over_sgd, judged(direct[i]).example.optimizers[1].over_sgd);
  }
}

TEST(RunScoreboard, RefusesAFolderOfOtherSettings) {
  const test::TemporaryFolder folder;
  int made = 0;
  const std::vector<RacedProblem> problems = {raced("a", 1, made)};
  Witness witness(folder.path());
  ASSERT_TRUE(run_scoreboard(problems, short_options(), folder.path(), witness));
  ScoreboardOptions other = short_options();
  other.race.final_seeds = 3;
  try {
    run_scoreboard(problems, other, folder.path(), witness);
    ADD_FAILURE() << "must refuse";
  } catch (const UserError& error) {
    EXPECT_EQ(std::string(error.what()), folder.path().string() + " was made with final_seeds 2, not 3");
  }
  std::vector<RacedProblem> longer = problems;
  longer[0].steps = 30;
  EXPECT_THROW(run_scoreboard(longer, short_options(), folder.path(), witness), UserError);
}

TEST(RunScoreboard, RefusesFilesThatWereChanged) {
  const test::TemporaryFolder folder;
  int made = 0;
  const std::vector<RacedProblem> problems = {raced("a", 1, made)};
  Witness witness(folder.path());
  ASSERT_TRUE(run_scoreboard(problems, short_options(), folder.path(), witness));
  std::filesystem::remove(folder / "a/race.json");
  std::string text = read_text(folder / "a/evidence.json");
  write_text_atomically(folder / "a/evidence.json", text + " ");
  EXPECT_THROW(run_scoreboard(problems, short_options(), folder.path(), witness), UserError);
}

TEST(RunScoreboard, AFolderWithoutAScoreboardIsSaidSo) {
  const test::TemporaryFolder folder;
  EXPECT_THROW((void)read_records(folder.path()), UserError);
}

}  // namespace
}  // namespace normdescent
