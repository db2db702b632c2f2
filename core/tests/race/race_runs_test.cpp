// SPDX-License-Identifier: Apache-2.0
// What a race asks its objectives for, and what it says where a run of the reference fails.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/statistics/distributions.hpp"
#include "race/races.hpp"

namespace normdescent {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the module's own races

/// Instances of one seed are so steep that gradient descent diverges on them; signs have their own length.
class SteepSeed final : public Problem {
 public:
  explicit SteepSeed(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] std::string name() const override { return "steep seed"; }
  [[nodiscard]] std::uint32_t batch_size() const override { return 1; }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    return QuadraticProblem({.curvature = std::vector<double>(10, seed == seed_ ? 100.0 : 1.0)}).instantiate(seed);
  }

 private:
  std::uint64_t seed_;
};

TEST(RaceResult, OneOfThreeFinalsOfTheReferenceDivergesAndThereIsNoSpeedup) {
  RaceOptions options = short_race();
  options.max_rates = 1;
  options.final_seeds = 3;
  const auto contestants = sgd_and_signsgd(0.5, 0.01);
  const RaceResult sound = run(SteepSeed(0), contestants, options);
  ASSERT_EQ(sound.contestants[0].finals.size(), 3U);
  ASSERT_TRUE(sound.contestants[1].speedup.has_value());

  const RaceResult result = run(SteepSeed(sound.contestants[0].finals[1].seed), contestants, options);
  ASSERT_EQ(result.contestants[0].finals[1].status, RunStatus::diverged);
  ASSERT_EQ(result.contestants[0].finals[2].status, RunStatus::completed);
  EXPECT_TRUE(result.contestants[0].diverged);
  EXPECT_EQ(result.contestants[0].final_loss, std::numeric_limits<double>::infinity());
  EXPECT_FALSE(result.contestants[1].diverged);
  EXPECT_FALSE(result.contestants[0].speedup.has_value());
  EXPECT_FALSE(result.contestants[1].speedup.has_value()) << "over a reference that diverged in a run of three";
  EXPECT_FALSE(result.winner.has_value()) << "one finished";
}

struct Asked {
  std::mutex mutex;
  std::vector<Batch> batches;
};

/// Writes down which batches' gradients are asked for.
class Recording final : public Objective {
 public:
  Recording(std::unique_ptr<Objective> inner, Asked& asked) : inner_(std::move(inner)), asked_(asked) {}
  [[nodiscard]] std::span<const Parameter> parameters() const override { return inner_->parameters(); }
  double gradient(const Batch& batch) override {
    const std::scoped_lock lock(asked_.mutex);
    asked_.batches.push_back(batch);
    return inner_->gradient(batch);
  }
  double loss(const Batch& batch) override { return inner_->loss(batch); }
  double validation_loss() override { return inner_->validation_loss(); }

 private:
  std::unique_ptr<Objective> inner_;
  Asked& asked_;
};

class RecordingProblem final : public Problem {
 public:
  explicit RecordingProblem(Asked& asked) : asked_(asked) {}
  [[nodiscard]] std::string name() const override { return "recording"; }
  [[nodiscard]] std::uint32_t batch_size() const override { return 2; }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    const QuadraticProblem inner({.curvature = std::vector<double>(4, 1.0), .noise = std::vector<double>(4, 1.0)});
    return std::make_unique<Recording>(inner.instantiate(seed), asked_);
  }

 private:
  Asked& asked_;
};

TEST(RaceRun, NoiseIsMeasuredOnExamplesThatNoTrainingSees) {
  RaceOptions options = short_race();
  options.max_rates = 1;
  options.final_seeds = 1;
  options.noise_points = 3;
  options.noise_batches = 4;
  options.noise_batch_size = 3;  // unlike training's 2: so they are told apart
  Asked asked;
  (void)run(RecordingProblem(asked), {{"sgd", sgd({.learning_rate = 0.01})}}, options);
  std::set<std::uint64_t> training;
  std::set<std::pair<std::uint64_t, std::uint64_t>> noise;
  int of_noise = 0;
  for (const Batch& batch : asked.batches) {
    if (batch.count == 2) training.insert(batch.stream);
    if (batch.count != 3) continue;
    ++of_noise;
    noise.insert({batch.stream, batch.first});
  }
  EXPECT_EQ(of_noise, 3 * 4);
  EXPECT_EQ(noise.size(), 12U) << "no batch is taken twice";
  EXPECT_EQ(training.size(), 1U);
  for (const auto& [stream, first] : noise) EXPECT_FALSE(training.contains(stream));
}

TEST(Speedup, IntervalCoversTheTruthAsOftenAsItSays) {
  // Straight lines; own slopes are 2 (1 + 0.1 z) times the reference's, so that the true speed-up is 2.
  constexpr int kTimes = 200;
  const LossCurve line{{0, 40}, {8, 4}};
  int covered = 0;
  for (std::uint64_t seed = 1; seed <= kTimes; ++seed) {
    Philox random(seed);
    const std::vector<LossCurve> reference(4, line);
    std::vector<LossCurve> own;
    for (int i = 0; i < 4; ++i) own.push_back({{0, 40}, {8, 8 - 8 * (1 + 0.1 * random.normal())}});
    const auto interval = speedup(reference, own);
    ASSERT_TRUE(interval.has_value());
    covered += interval->low <= 2.0 && 2.0 <= interval->high ? 1 : 0;
  }
  EXPECT_GT(binomial_p_value(covered, kTimes, 0.95), 0.001) << covered;
}

TEST(Winner, IsNamedByChanceAsOftenAsTheNormalSays) {
  // Equal laws with a known, pooled variance in all but name: 5% where n is large.
  constexpr int kTimes = 400;
  int named = 0;
  for (std::uint64_t seed = 1; seed <= kTimes; ++seed) {
    Philox random(seed);
    std::vector<std::vector<double>> samples(2);
    for (auto& sample : samples) {
      for (int i = 0; i < 40; ++i) sample.push_back(random.normal());
    }
    named += test_winner(samples).is_outside_noise ? 1 : 0;
  }
  // The larger of two variances is taken for both: 4.4% rather than 5% with 40 values each.
  EXPECT_GT(binomial_p_value(named, kTimes, 0.045), 0.001) << named;
}

}  // namespace
}  // namespace normdescent
