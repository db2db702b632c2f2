// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/compare_folder.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "normdescent/base/derive_seed.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "support/measured_seconds.hpp"
#include "support/quadratic_problem.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;

/// Noise on every 25th coordinate: density 1/25.
const test::QuadraticProblem& sparse_noise() {
  std::vector<double> noise(400, 0.0);
  for (std::size_t i = 0; i < noise.size(); i += 25) noise[i] = 10.0;
  static const test::QuadraticProblem problem({.curvature = std::vector<double>(400, 1.0), .noise = noise});
  return problem;
}

CompareOptions short_compare() {
  CompareOptions options;
  options.optimizers = {"sgd", "signsgd", "adamw"};
  options.learning_rates = {{"sgd", 0.03}, {"signsgd", 0.03}, {"adamw", 0.03}};
  options.race.steps = 40;
  options.race.final_seeds = 3;
  options.race.divergence_factor = 1e6;
  options.race.noise_points = 3;
  options.probe.pilot_steps = 10;
  return options;
}

const TaskDescription kTask{.command_line = "normdescent compare --data x.txt",
                            .data = "x.txt",
                            .data_hash = "0123456789abcdef",
                            .model = "nano",
                            .batch = 2,
                            .context = 8};

/// Writes down the order of events, and can stop at one.
class RunWitness : public CompareObserver {
 public:
  explicit RunWitness(std::filesystem::path folder, int stop_after_runs = -1, bool stop_at_prediction = false)
      : folder_(std::move(folder)), stop_after_runs_(stop_after_runs), stop_at_prediction_(stop_at_prediction) {}
  void on_probe_progress(double fraction, std::string_view) override {
    EXPECT_EQ(runs, 0);
    last_fraction = fraction;
  }
  void on_prediction(const ProbeReport&, const Prediction& prediction) override {
    EXPECT_EQ(runs, 0) << "the prediction comes before the race";
    const Json saved = Json::parse(read_text(folder_ / "result.json"));
    EXPECT_EQ(saved["prediction"].size(), prediction.optimizers.size()) << "and is on disk by then";
    EXPECT_TRUE(saved["measured"].empty());
    has_prediction = true;
    if (stop_at_prediction_) source.request_stop();
  }
  void on_run_finished(const RunRecord&) override {
    EXPECT_TRUE(has_prediction);
    if (++runs == stop_after_runs_) source.request_stop();
  }
  void on_result(const RaceResult&) override {
    const Json saved = Json::parse(read_text(folder_ / "result.json"));
    EXPECT_FALSE(saved["complete"].get<bool>());
    std::size_t kept = 0;
    for (const auto& contestant : saved["measured"]) {
      for (const auto& rate : contestant["learning_rates"])
        kept += rate["final_losses"].size() + rate["diverged"].get<std::size_t>();
      kept += contestant["curves"].size();
    }
    EXPECT_EQ(kept, static_cast<std::size_t>(runs)) << "every run is on disk as soon as it ended";
  }
  std::stop_source source;
  int runs = 0;
  bool has_prediction = false;
  double last_fraction = 0.0;

 private:
  std::filesystem::path folder_;
  int stop_after_runs_;
  bool stop_at_prediction_;
};

class Compare : public testing::Test {
 protected:
  CompareResult run(const CompareOptions& options, RunWitness& witness) {
    return compare_into(RunFolder::create(path_), sparse_noise(), kTask, options, witness, witness.source.get_token());
  }
  Json saved() { return Json::parse(read_text(path_ / "result.json")); }
  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "run";
};

void expect_keys(const Json& json, const std::vector<const char*>& keys) {
  for (const char* key : keys) EXPECT_TRUE(json.contains(key)) << key;
}

TEST_F(Compare, ResultHasTheDocumentedSchema) {
  RunWitness witness(path_);
  const auto result = run(short_compare(), witness);
  EXPECT_TRUE(result.is_complete);
  EXPECT_EQ(witness.last_fraction, 1.0);
  const Json json = saved();
  // docs/architecture.md, "result.json of a run folder".
  expect_keys(json, {"version",    "command",    "seed",          "threads",       "complete",
                     "task",       "dimension",  "noise_density", "noise_l1",      "noise_l2",
                     "tail_index", "smoothness", "one_step_gain", "per_parameter", "pilot",
                     "prediction", "decided_by", "measured",      "winner",        "prediction_was_right",
                     "verdict",    "seconds"});
  expect_keys(json["task"], {"kind", "data", "model", "parameters", "batch", "context", "steps"});
  expect_keys(json["smoothness"], {"l2", "linf", "spectral"});
  expect_keys(json["one_step_gain"].at(0), {"direction", "gain", "gain_se", "step_size"});
  expect_keys(json["per_parameter"].at(0), {"name", "shape", "role", "noise_density", "noise_l1", "noise_l2"});
  expect_keys(json["pilot"].at(0), {"optimizer", "step", "noise_density"});
  ASSERT_EQ(json["prediction"].size(), 3U);
  for (const auto& p : json["prediction"])
    expect_keys(p, {"optimizer", "speedup_vs_sgd", "low", "high", "probability_best"});
  ASSERT_EQ(json["measured"].size(), 3U);
  for (const auto& m : json["measured"]) {
    expect_keys(m, {"optimizer", "learning_rate", "final_loss", "final_loss_se", "speedup_vs_sgd", "low", "high",
                    "diverged", "best_rate_is_interior", "learning_rates", "curves"});
    EXPECT_GE(m["learning_rates"].size(), 3U);
    expect_keys(m["learning_rates"].at(0), {"learning_rate", "final_losses", "diverged"});
    ASSERT_EQ(m["curves"].size(), 3U);
    expect_keys(m["curves"].at(0), {"seed", "points"});
    expect_keys(m["curves"].at(0)["points"].at(0), {"step", "train_loss", "validation_loss", "noise_density"});
    EXPECT_TRUE(m["curves"].at(1)["points"].at(0)["noise_density"].is_null());
    EXPECT_TRUE(m["curves"].at(0)["points"].at(0)["noise_density"].is_number());
  }
  expect_keys(json["seconds"], {"probe", "race", "total"});
  EXPECT_EQ(json["command"], "compare");
  EXPECT_TRUE(json["complete"].get<bool>());
  EXPECT_EQ(json["task"]["parameters"], 400);
  EXPECT_NEAR(json["noise_density"].get<double>(), 1.0 / 25.0, 0.1 / 25.0);
  EXPECT_FALSE(json["verdict"].get<std::string>().empty());
  EXPECT_TRUE(json["prediction_was_right"].is_boolean());
  EXPECT_EQ(result_json(result, kTask, short_compare()), read_text(path_ / "result.json"));
}

TEST_F(Compare, EveryRunHasItsMetrics) {
  RunWitness witness(path_);
  auto options = short_compare();
  options.seed = 7;
  const auto result = run(options, witness);
  int folders = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path_ / "runs")) {
    EXPECT_TRUE(std::filesystem::is_regular_file(entry.path() / "metrics.jsonl")) << entry.path();
    ++folders;
  }
  EXPECT_EQ(folders, witness.runs);
  const auto& final_run = result.race.contestants[1].finals[0];
  EXPECT_EQ(final_run.seed, derive_seed(7, Purpose::final_run)) << "the seed of compare is that of the race";
  const auto path =
      path_ / "runs" / RunFolder::open(path_).race_run("signsgd", final_run.learning_rate, final_run.seed).filename();
  const std::string text = read_text(path / "metrics.jsonl");
  const Json last = Json::parse(text.substr(text.rfind('\n', text.size() - 2) + 1));
  EXPECT_EQ(last["step"], 40);
  EXPECT_EQ(last["tokens"], 40 * 2 * 8);
  EXPECT_EQ(last["val_loss"].get<double>(), final_run.final_loss);
}

TEST_F(Compare, EqualSeedsGiveEqualResultsOnAnyNumberOfRaceThreads) {
  RunWitness first(path_);
  auto options = short_compare();
  run(options, first);
  Json a = saved();
  std::filesystem::remove_all(path_);
  RunWitness second(path_);
  options.threads = 2;
  run(options, second);
  Json b = saved();
  for (auto* json : {&a, &b}) {
    test::drop_measured_seconds(*json);
    json->erase("threads");
  }
  EXPECT_EQ(a, b);
}

TEST_F(Compare, StopInTheRaceKeepsWhatWasMeasured) {
  RunWitness witness(path_, 5);
  const auto result = run(short_compare(), witness);
  EXPECT_FALSE(result.is_complete);
  EXPECT_EQ(result.prediction_was_right, std::nullopt);
  const Json json = saved();
  EXPECT_FALSE(json["complete"].get<bool>());
  EXPECT_TRUE(json["winner"].is_null());
  EXPECT_TRUE(json["prediction_was_right"].is_null());
  EXPECT_EQ(json["prediction"].size(), 3U);
  EXPECT_EQ(json["measured"].size(), 3U);
}

TEST_F(Compare, StopBeforeTheRaceKeepsTheProbeAndThePrediction) {
  RunWitness witness(path_, -1, true);
  const auto result = run(short_compare(), witness);
  EXPECT_FALSE(result.is_complete);
  EXPECT_EQ(witness.runs, 0);
  EXPECT_EQ(saved()["prediction"].size(), 3U);
}

TEST_F(Compare, StopBeforeTheProbeStillWritesAReadableResult) {
  RunWitness witness(path_);
  witness.source.request_stop();
  const auto result = run(short_compare(), witness);
  EXPECT_FALSE(result.is_complete);
  EXPECT_FALSE(witness.has_prediction);
  EXPECT_FALSE(saved()["complete"].get<bool>());
}

TEST_F(Compare, DivergedContestantIsNullInTheResult) {
  auto options = short_compare();
  options.optimizers = {"sgd", "signsgd"};
  options.learning_rates = {{"sgd", 1e30}, {"signsgd", 0.03}};
  options.race.max_rates = 3;
  RunWitness witness(path_);
  run(options, witness);
  const Json json = saved();
  EXPECT_TRUE(json["measured"].at(0)["diverged"].get<bool>());
  EXPECT_TRUE(json["measured"].at(0)["final_loss"].is_null());
  EXPECT_TRUE(json["measured"].at(0)["speedup_vs_sgd"].is_null());
  EXPECT_FALSE(json["measured"].at(1)["diverged"].get<bool>());
  EXPECT_TRUE(json["complete"].get<bool>());
}

TEST(CompareOptions, DefaultsAreValidAndBadOnesAreRefused) {
  const auto contestants = CompareOptions{}.contestants();
  EXPECT_EQ(contestants.size(), CompareOptions{}.optimizers.size());
  for (const auto& [name, rate] : CompareOptions::default_grid_centres()) {
    CompareOptions options;
    options.optimizers = {name};
    EXPECT_DOUBLE_EQ(learning_rate_of(options.contestants()[0].spec), rate) << name;
  }
  const auto refuses = [](std::vector<std::string> names, std::map<std::string, double> rates) {
    CompareOptions options;
    options.optimizers = std::move(names);
    options.learning_rates = std::move(rates);
    EXPECT_THROW((void)options.contestants(), std::invalid_argument);
  };
  refuses({}, {});
  refuses({"sgd", "sgd"}, {});
  refuses({"sdg"}, {});
  refuses({"sgd"}, {{"sgd", 0.0}});
  refuses({"sgd"}, {{"sgd", std::numeric_limits<double>::infinity()}});
}

RaceResult race_of(std::vector<std::string> inside, std::optional<std::string> winner) {
  RaceResult race;
  race.reference = "sgd";
  race.winner = std::move(winner);
  race.winner_z = 1.25;
  for (const char* name : {"sgd", "signsgd", "muon"}) {
    ContestantResult contestant{.name = name, .search = {}, .finals = {}, .speedup = SpeedupInterval{2.0, 1.5, 2.5}};
    contestant.is_inside_noise_of_best = std::ranges::find(inside, name) != inside.end();
    race.contestants.push_back(contestant);
  }
  return race;
}
Prediction favouring(const std::string& name) {
  Prediction prediction;
  prediction.favourite = name;
  return prediction;
}

TEST(Judge, WithAWinnerTheFavouriteMustBeIt) {
  const auto race = race_of({"muon", "signsgd"}, "muon");
  const auto right = judge(favouring("muon"), race);
  EXPECT_EQ(right.prediction_was_right, true);
  EXPECT_EQ(right.verdict,
            "muon wins, as predicted: it needs 2.0 times fewer steps than sgd (1.5 to 2.5) for the same loss.");
  const auto wrong = judge(favouring("signsgd"), race);
  EXPECT_EQ(wrong.prediction_was_right, false);
  EXPECT_NE(wrong.verdict.find("not signsgd as predicted"), std::string::npos);
  EXPECT_EQ(judge(favouring("sgd"), race_of({"sgd"}, "sgd")).verdict, "sgd wins, as predicted.");
}

TEST(Judge, WithoutAWinnerTheFavouriteMustBeInsideTheNoise) {
  const auto race = race_of({"signsgd", "muon"}, std::nullopt);
  EXPECT_EQ(judge(favouring("signsgd"), race).prediction_was_right, true);
  const auto wrong = judge(favouring("sgd"), race);
  EXPECT_EQ(wrong.prediction_was_right, false);
  EXPECT_EQ(
      wrong.verdict,
      "No winner outside the noise: signsgd and muon cannot be told apart (z = 1.2); the predicted sgd is not among "
      "them.");
}

TEST(Judge, AStoppedOrEmptyRaceIsNotJudged) {
  auto stopped = race_of({"muon"}, std::nullopt);
  stopped.was_stopped = true;
  EXPECT_EQ(judge(favouring("muon"), stopped).prediction_was_right, std::nullopt);
  EXPECT_EQ(judge(favouring("muon"), race_of({}, std::nullopt)).prediction_was_right, std::nullopt);
  EXPECT_EQ(judge(favouring("muon"), RaceResult{}).prediction_was_right, std::nullopt);
}

}  // namespace
}  // namespace normdescent
