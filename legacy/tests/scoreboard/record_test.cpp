// SPDX-License-Identifier: Apache-2.0
#include "normdescent/scoreboard/record.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/io/atomic_file.hpp"
#include "normdescent/predict/features.hpp"
#include "normdescent/scoreboard/judge.hpp"
#include "support/temporary_folder.hpp"

namespace normdescent {
namespace {

ContestantResult contestant(const std::string& name, std::vector<double> final_losses) {
  ContestantResult result{.name = name, .learning_rate = 0.1, .search = {}, .finals = {}, .speedup = {}};
  std::uint64_t seed = 1101;
  for (const double loss : final_losses) {
    RunRecord run{.contestant = name,
                  .learning_rate = 0.1,
                  .seed = seed++,
                  .is_final = true,
                  .status = std::isfinite(loss) ? RunStatus::completed : RunStatus::diverged,
                  .reason = {},
                  .curve = {},
                  .first_loss = 4.0,
                  .final_loss = loss};
    run.curve = {{.step = 0, .train_loss = 4.0, .validation_loss = 4.0},
                 {.step = 100, .train_loss = loss, .validation_loss = loss}};
    result.diverged = result.diverged || !std::isfinite(loss);
    result.finals.push_back(run);
  }
  return result;
}

ProblemRecord sample() {
  ProblemRecord record{.problem = "toy",
                       .family = "toys",
                       .plan = {.steps = 100, .batch_size = 4.0},
                       .evidence = {},
                       .evidence_cost = {10, 9, 2, 0.5},
                       .race = {},
                       .race_cost = {1000, 0, 20, 5.0}};
  record.evidence.probe.status = ProbeStatus::completed;
  record.evidence.probe.dimension = 12;
  record.evidence.probe.batch_size = 4;
  record.evidence.probe.start.noise.density = 0.25;
  record.evidence.probe.start.noise.count = 8;
  record.evidence.short_steps = 5;
  record.evidence.short_runs = {
      {.optimizer = "sgd",
       .learning_rate = 0.2,
       .steps = {0.0, 5.0},
       .losses = {4.0, 3.5},
       .trials = {{5, 0.2, 3.5}, {20, 2.0, kInfinity}}},
      {.optimizer = "signsgd", .learning_rate = 0.02, .steps = {0.0, 5.0}, .losses = {4.0, 3.0}, .trials = {}}};
  record.race.reference = "sgd";
  record.race.contestants = {contestant("sgd", {2.0, 2.02}), contestant("signsgd", {1.0, 1.02}),
                             contestant("adamw", {1.0, 1.03}), contestant("lion", {1.0, kInfinity})};
  record.race.winner = "signsgd";
  return record;
}

/// Writes a complete record as a run would.
void write(const ProblemRecord& record, const std::filesystem::path& folder) {
  write_text_atomically(folder / kEvidenceFile, evidence_text(record));
  const std::string prediction = sealed(R"({"evidence_hash":")" + hash_of(evidence_text(record)) + R"("})");
  write_text_atomically(folder / kPredictionFile, prediction);
  write_text_atomically(folder / kRaceFile, race_text(record, hash_of(prediction)));
}

std::string error_of(const std::filesystem::path& folder) {
  try {
    (void)read_record(folder);
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

TEST(Record, ComesBackFromItsFiles) {
  const test::TemporaryFolder folder;
  const ProblemRecord record = sample();
  write(record, folder.path());
  const auto read = read_record(folder.path());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(evidence_text(*read), evidence_text(record));
  EXPECT_EQ(race_text(*read, "x"), race_text(record, "x"));
  EXPECT_EQ(judged(*read).example.optimizers[1].features.size(), judged(record).example.optimizers[1].features.size());
}

TEST(Record, IsIncompleteWithoutItsRace) {
  const test::TemporaryFolder folder;
  EXPECT_FALSE(read_record(folder.path()).has_value());
}

TEST(Record, RefusesAPredictionThatWasChanged) {
  const test::TemporaryFolder folder;
  write(sample(), folder.path());
  std::string text = read_text(folder / kPredictionFile);
  text.replace(text.find("evidence_hash\":\"") + 16, 1, "z");
  write_text_atomically(folder / kPredictionFile, text);
  EXPECT_NE(error_of(folder.path()).find("prediction.json was changed after it was written"), std::string::npos);
}

TEST(Record, RefusesAPredictionThatWasSealedAgain) {
  const test::TemporaryFolder folder;
  const ProblemRecord record = sample();
  write(record, folder.path());
  write_text_atomically(folder / kPredictionFile,
                        sealed(R"({"better":1,"evidence_hash":")" + hash_of(evidence_text(record)) + R"("})"));
  EXPECT_NE(error_of(folder.path()).find("was run after: its hash does not match"), std::string::npos);
}

TEST(Record, RefusesOtherEvidence) {
  const test::TemporaryFolder folder;
  ProblemRecord record = sample();
  write(record, folder.path());
  record.evidence.short_steps = 6;
  write_text_atomically(folder / kEvidenceFile, evidence_text(record));
  EXPECT_NE(error_of(folder.path()).find("evidence.json is not the evidence"), std::string::npos);
}

TEST(Record, NamesAFileThatIsNone) {
  const test::TemporaryFolder folder;
  write(sample(), folder.path());
  write_text_atomically(folder / kRaceFile, "{\"problem\": 1");
  EXPECT_NE(error_of(folder.path()).find("race.json is no file of a scoreboard"), std::string::npos);
}

TEST(JudgedRecord, PairsAreDecisiveOutsideNoiseOnly) {
  const JudgedProblem problem = judged(sample());
  // Each standard error is 0.01 to 0.015: a difference of 1 is decisive, one of 0.005 is not.
  EXPECT_EQ(problem.order[0][1], 1);
  EXPECT_EQ(problem.order[1][0], -1);
  EXPECT_EQ(problem.order[1][2], 0);
  EXPECT_EQ(problem.order[0][3], -1) << "lion diverged on one seed";
  EXPECT_EQ(problem.order[3][3], 0);
}

TEST(JudgedRecord, MeasuresWhatTheCurvesSay) {
  const JudgedProblem problem = judged(sample());
  const auto& optimizers = problem.example.optimizers;
  EXPECT_EQ(optimizers[0].over_sgd, 0.0);
  // Straight lines from 4 over 100 steps: SGD's mean end 2.01 is passed after 100 x 1.99 / 2.99 steps.
  EXPECT_NEAR(optimizers[1].over_sgd, std::log2(2.99 / 1.99), 1e-12);
  EXPECT_NEAR(optimizers[0].over_adamw, std::log2(1.99 / 2.985), 1e-12);
  EXPECT_TRUE(std::isnan(optimizers[3].over_sgd));
  EXPECT_NEAR(optimizers[0].rate_ratio, std::log10(0.1 / 0.2), 1e-12);
  EXPECT_TRUE(std::isnan(optimizers[2].rate_ratio)) << "no short run";
  EXPECT_EQ(problem.best, (std::vector<double>{0.0, 1.0, 0.0, 0.0}));
  // Closeness: SGD misses 1 / 2.99 of the best descent, Lion on one seed all of it.
  EXPECT_NEAR(optimizers[1].standing - optimizers[0].standing, std::log2((0.02 + 1.0 / 2.99) / 0.02), 1e-12);
  EXPECT_NEAR(optimizers[0].standing - optimizers[3].standing, std::log2(1.02 / (0.02 + 1.0 / 2.99)), 1e-12);
  // The short race: SGD's end 3.5 after 5 steps, passed by SignSGD after 2.5.
  const auto feature = [&](const char* name) { return optimizers[1].features[feature_index(name)]; };
  EXPECT_NEAR(feature("short-race"), 1.0, 1e-12);
  EXPECT_NEAR(feature("short-descent"), 1.0, 1e-12);
  EXPECT_NEAR(feature("short-standing"), 1.0, 1e-12);
  EXPECT_NEAR(feature("short-closeness"), 0.5 * std::log2(0.52 / 0.02), 1e-12);
}

TEST(Cost, ALossIsAThirdOfAGradient) { EXPECT_NEAR((Cost{10, 9, 0, 0.0}).work(), 13.0, 1e-12); }

}  // namespace
}  // namespace normdescent
