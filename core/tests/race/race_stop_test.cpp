// SPDX-License-Identifier: Apache-2.0
// Races that are stopped.
#include <gtest/gtest.h>

#include <stop_token>

#include "race/races.hpp"

namespace normdescent {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the room's own races

TEST(Race, StopKeepsWhatWasMeasured) {
  Witness witness(4);
  const auto result =
      race(sparse_noise(), sgd_and_signsgd(0.01, 0.03), short_race(), witness, witness.source.get_token());
  EXPECT_TRUE(result.was_stopped);
  EXPECT_EQ(result.winner, std::nullopt);
  std::size_t kept = 0;
  for (const auto& contestant : result.contestants) {
    for (const auto& r : contestant.search) {
      EXPECT_EQ(r.status, RunStatus::completed);
      EXPECT_FALSE(r.curve.empty());
    }
    kept += contestant.search.size() + contestant.finals.size();
  }
  EXPECT_EQ(kept, 4U);
}

TEST(Race, AStoppedRaceHasNoWinnerHoweverClear) {
  Witness all;
  ASSERT_EQ(race(isotropic(), sgd_and_signsgd(0.5, 0.1), short_race(), all).winner, "sgd");
  Witness witness(static_cast<int>(all.runs.size()) - 1);
  const auto result = race(isotropic(), sgd_and_signsgd(0.5, 0.1), short_race(), witness, witness.source.get_token());
  EXPECT_TRUE(result.was_stopped);
  EXPECT_EQ(result.contestants[1].finals.size(), 2U);
  EXPECT_EQ(result.winner, std::nullopt);
}

/// Asks for a stop in the middle of a run.
class StopsInTheMiddle : public QuadraticProblem {
 public:
  explicit StopsInTheMiddle(std::stop_source& source) : QuadraticProblem({.curvature = {1.0}}), source_(source) {}
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    class Stopping : public test::QuadraticObjective {
     public:
      Stopping(std::uint64_t s, std::stop_source& source) : QuadraticObjective({.curvature = {1.0}}, s), stop(source) {}
      double gradient(const Batch& batch) override {
        if (batch.first == 22) stop.request_stop();
        return QuadraticObjective::gradient(batch);
      }
      std::stop_source& stop;
    };
    return std::make_unique<Stopping>(seed, source_);
  }

 private:
  std::stop_source& source_;
};

TEST(Race, ARunStoppedInTheMiddleIsKeptButIsNoResult) {
  std::stop_source source;
  RaceObserver nobody;
  const std::vector<Contestant> contestants{{"sgd", sgd({.learning_rate = 0.5})}};
  const auto result = race(StopsInTheMiddle(source), contestants, short_race(), nobody, source.get_token());
  ASSERT_EQ(result.contestants[0].search.size(), 1U);
  const auto& stopped = result.contestants[0].search[0];
  EXPECT_EQ(stopped.status, RunStatus::stopped);
  EXPECT_TRUE(std::isnan(stopped.final_loss));
  EXPECT_EQ(stopped.curve.back().step, 20);
  EXPECT_FALSE(result.contestants[0].diverged);
  EXPECT_EQ(result.contestants[0].learning_rate, 0.5) << "nothing was chosen: the centre";
}

TEST(Race, StopBeforeTheStartReturnsEmptyResults) {
  std::stop_source source;
  source.request_stop();
  RaceObserver nobody;
  const auto contestants = sgd_and_signsgd(0.01, 0.03);
  const auto result = race(sparse_noise(), contestants, short_race(), nobody, source.get_token());
  EXPECT_TRUE(result.was_stopped);
  EXPECT_EQ(result.contestants.size(), 2U);
}

}  // namespace
}  // namespace normdescent
