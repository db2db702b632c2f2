// SPDX-License-Identifier: Apache-2.0
#include "normdescent/race/race.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>

#include "race/races.hpp"

namespace normdescent {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the room's own races

TEST(Race, SgdWinsOnAnIsotropicDeterministicQuadratic) {
  const auto result = run(isotropic(), sgd_and_signsgd(0.5, 0.1), short_race());
  ASSERT_EQ(result.contestants.size(), 2U);
  EXPECT_EQ(result.winner, "sgd");
  EXPECT_TRUE(result.contestants[0].is_inside_noise_of_best);
  EXPECT_FALSE(result.contestants[1].is_inside_noise_of_best);
  ASSERT_TRUE(result.contestants[1].speedup.has_value());
  EXPECT_LT(result.contestants[1].speedup->value, 1.0);
  EXPECT_EQ(result.contestants[0].speedup->value, 1.0) << "the reference over itself";
}

TEST(Race, SignSgdWinsUnderSparseNoise) {
  auto options = short_race();
  options.final_seeds = 6;
  const auto result = run(sparse_noise(), sgd_and_signsgd(0.05, 0.03), options);
  EXPECT_EQ(result.reference, "sgd");
  EXPECT_EQ(result.winner, "signsgd");
  EXPECT_GE(result.winner_z, kSignificantZ);
  const auto& sign = result.contestants[1];
  ASSERT_TRUE(sign.speedup.has_value());
  EXPECT_GT(sign.speedup->low, 1.0);
  EXPECT_LE(sign.speedup->low, sign.speedup->value);
  EXPECT_LE(sign.speedup->value, sign.speedup->high);
  for (const auto& contestant : result.contestants) {
    EXPECT_TRUE(contestant.best_rate_is_interior) << contestant.name;
    EXPECT_FALSE(contestant.diverged);
    ASSERT_EQ(contestant.finals.size(), 6U);
    double sum = 0.0;
    for (const auto& final_run : contestant.finals) {
      EXPECT_EQ(final_run.learning_rate, contestant.learning_rate);
      EXPECT_EQ(final_run.final_loss, final_run.curve.back().validation_loss);
      sum += final_run.final_loss;
    }
    EXPECT_DOUBLE_EQ(contestant.final_loss, sum / 6.0);
    EXPECT_GT(contestant.final_loss_se, 0.0);
  }
}

TEST(Race, ContestantsShareSeedsAndFinalSeedsAreFresh) {
  const auto result = run(sparse_noise(), sgd_and_signsgd(0.01, 0.03), short_race());
  std::set<std::uint64_t> search_seeds;
  std::vector<std::set<std::uint64_t>> final_seeds(2);
  for (std::size_t i = 0; i < 2; ++i) {
    for (const auto& r : result.contestants[i].search) search_seeds.insert(r.seed);
    for (const auto& r : result.contestants[i].finals) final_seeds[i].insert(r.seed);
  }
  EXPECT_EQ(search_seeds.size(), 2U);
  EXPECT_EQ(final_seeds[0], final_seeds[1]);
  EXPECT_EQ(final_seeds[0].size(), 3U);
  for (const auto seed : final_seeds[0]) EXPECT_FALSE(search_seeds.contains(seed));
  // Same values and data at the start: equal first losses, whatever the optimizer.
  const auto first_mini_batch = [&](std::size_t i, std::size_t j) {
    return result.contestants[i].finals[j].curve.front().train_loss;
  };
  EXPECT_EQ(first_mini_batch(0, 1), first_mini_batch(1, 1));
  EXPECT_NE(first_mini_batch(0, 1), first_mini_batch(0, 2));
}

TEST(Race, TheGridExtendsFromAWildlyWrongCentre) {
  // f = x^2, so 1/L = 0.5 is optimal; start 10^4 below and 10^3 above.
  for (const double centre : {5e-5, 5e2}) {
    const auto result = run(isotropic(), {{"sgd", sgd({.learning_rate = centre})}}, short_race());
    EXPECT_TRUE(result.contestants[0].best_rate_is_interior) << centre;
    EXPECT_GT(result.contestants[0].learning_rate, 0.1) << centre;
    EXPECT_LT(result.contestants[0].learning_rate, 1.0) << centre;
  }
  auto options = short_race();
  options.max_rates = 4;
  const auto cut = run(isotropic(), {{"sgd", sgd({.learning_rate = 5e-5})}}, options);
  EXPECT_FALSE(cut.contestants[0].best_rate_is_interior);
  EXPECT_EQ(cut.contestants[0].finals.size(), 3U);
}

TEST(Race, DivergenceEndsARunAndTheRaceGoesOn) {
  const QuadraticProblem problem({.curvature = std::vector<double>(5, 1.0), .cliff = 3.0});
  auto options = short_race();
  options.max_rates = 3;
  const auto result = run(problem, sgd_and_signsgd(1e6, 0.05), options);
  const auto& sgd_result = result.contestants[0];
  EXPECT_TRUE(sgd_result.diverged);
  EXPECT_TRUE(sgd_result.finals.empty());
  EXPECT_TRUE(std::isinf(sgd_result.final_loss));
  for (const auto& r : sgd_result.search) {
    EXPECT_EQ(r.status, RunStatus::diverged);
    EXPECT_FALSE(r.reason.empty());
  }
  EXPECT_EQ(sgd_result.speedup, std::nullopt);
  EXPECT_EQ(result.contestants[1].speedup, std::nullopt) << "the reference has no curve";
  EXPECT_EQ(result.contestants[1].finals.size(), 3U);
  EXPECT_EQ(result.winner, std::nullopt) << "only one finished";
  EXPECT_FALSE(result.was_stopped);
}

TEST(Race, ResultDoesNotDependOnThreads) {
  auto options = short_race();
  options.noise_points = 3;
  auto contestants = sgd_and_signsgd(1e-4, 1.0);
  contestants.push_back({"adamw", adamw({.learning_rate = 0.01})});
  Witness one;
  Witness many;
  const auto a = race(sparse_noise(), contestants, options, one);
  options.threads = 3;
  const auto b = race(sparse_noise(), contestants, options, many);
  EXPECT_EQ(a.winner, b.winner);
  EXPECT_EQ(a.winner_z, b.winner_z);
  ASSERT_EQ(a.contestants.size(), b.contestants.size());
  for (std::size_t i = 0; i < a.contestants.size(); ++i) {
    const auto& x = a.contestants[i];
    const auto& y = b.contestants[i];
    EXPECT_EQ(x.learning_rate, y.learning_rate);
    EXPECT_EQ(x.final_loss, y.final_loss);
    EXPECT_EQ(x.speedup->low, y.speedup->low);
    ASSERT_EQ(x.search.size(), y.search.size());
    for (std::size_t r = 0; r < x.search.size(); ++r) expect_equal_curves(x.search[r], y.search[r]);
    for (std::size_t r = 0; r < x.finals.size(); ++r) expect_equal_curves(x.finals[r], y.finals[r]);
  }
  EXPECT_EQ(one.runs.size(), many.runs.size());
  EXPECT_EQ(one.last_done, one.last_planned);
  EXPECT_EQ(one.last_done, static_cast<int>(one.runs.size()));
}

TEST(Race, NoiseDensityIsMeasuredAlongTheFirstFinalRunAndDisturbsNothing) {
  auto options = short_race();
  const auto quiet = run(sparse_noise(), sgd_and_signsgd(0.01, 0.03), options);
  options.noise_points = 4;
  options.noise_batches = 40;
  const auto measured = run(sparse_noise(), sgd_and_signsgd(0.01, 0.03), options);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& finals = measured.contestants[i].finals;
    int points = 0;
    for (const auto& point : finals[0].curve) {
      if (point.noise_density < 0.0) continue;
      ++points;
      // 16 noisy coordinates of 40 samples: S_1 and S_2 scatter by 11% / sqrt(16), nearly together.
      EXPECT_NEAR(point.noise_density, kSparseDensity, 0.05 * kSparseDensity);
    }
    EXPECT_EQ(points, 4);
    EXPECT_GE(finals[0].curve.front().noise_density, 0.0);
    EXPECT_GE(finals[0].curve.back().noise_density, 0.0);
    for (const auto& point : finals[1].curve) EXPECT_LT(point.noise_density, 0.0);
    EXPECT_EQ(finals[0].final_loss, quiet.contestants[i].finals[0].final_loss);
  }
}

TEST(Race, CurvesHaveOnePointPerEvaluation) {
  const auto result = run(isotropic(), {{"sgd", sgd({.learning_rate = 0.5})}}, short_race());
  const auto& final_run = result.contestants[0].finals[0];
  ASSERT_EQ(final_run.curve.size(), 13U);
  for (std::size_t i = 0; i < final_run.curve.size(); ++i) {
    EXPECT_EQ(final_run.curve[i].step, static_cast<std::int64_t>(5 * i));
    EXPECT_TRUE(std::isfinite(final_run.curve[i].train_loss));
    EXPECT_TRUE(std::isfinite(final_run.curve[i].validation_loss));
  }
  EXPECT_EQ(final_run.curve[0].validation_loss, final_run.first_loss);
  const auto& search_run = result.contestants[0].search[0];
  EXPECT_TRUE(std::isnan(search_run.curve.front().validation_loss));
  EXPECT_EQ(search_run.curve.back().validation_loss, search_run.final_loss);
}

/// From half of all seeds gradients are zero: such runs stay where they are, as on a plateau.
class SometimesStuck : public QuadraticProblem {
 public:
  SometimesStuck() : QuadraticProblem({.curvature = {1.0, 1.0}}) {}
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    class Stuck : public test::QuadraticObjective {
     public:
      Stuck() : QuadraticObjective({.curvature = {1.0, 1.0}}, 1) {}
      double gradient(const Batch& batch) override {
        const double loss = QuadraticObjective::gradient(batch);
        for (float& g : parameters().front().gradient) g = 0.0F;
        return loss;
      }
    };
    if (seed % 2 == 0) return std::make_unique<Stuck>();
    return QuadraticProblem::instantiate(seed);
  }
};

TEST(Race, ASeedStuckOnAPlateauIsNamed) {
  const auto result = run(SometimesStuck(), {{"sgd", sgd({.learning_rate = 0.5})}}, short_race());
  for (const auto& r : result.contestants[0].finals) EXPECT_EQ(r.is_stuck, r.seed % 2 == 0) << r.seed;
}

TEST(Race, ExceptionsOfTheProblemReachTheCaller) {
  class Broken : public Problem {
   public:
    [[nodiscard]] std::string name() const override { return "broken"; }
    [[nodiscard]] std::uint32_t batch_size() const override { return 1; }
    [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t) const override {
      throw std::runtime_error("no memory for a model");
    }
  };
  auto options = short_race();
  options.threads = 2;
  EXPECT_THROW(run(Broken(), sgd_and_signsgd(0.1, 0.1), options), std::runtime_error);
}

/// Somebody's own optimizer: gradient descent, written by hand.
class ByHand : public Stepper {
 public:
  explicit ByHand(double learning_rate) : learning_rate_(learning_rate) {}
  StepReport step(Objective& objective, const StepOptions& options) override {
    const auto rate = static_cast<float>(learning_rate_ * options.learning_rate_scale);
    for (const Parameter& parameter : objective.parameters()) {
      for (std::size_t i = 0; i < parameter.value.size(); ++i) parameter.value[i] -= rate * parameter.gradient[i];
    }
    return {};
  }
  [[nodiscard]] std::size_t state_bytes() const override { return 12; }

 private:
  double learning_rate_;
};

TEST(Race, AnybodysStepperTakesPart) {
  auto contestants = sgd_and_signsgd(0.05, 0.03);
  contestants.push_back({.name = "by hand",
                         .make_stepper = [](Objective&, double rate) { return std::make_unique<ByHand>(rate); },
                         .learning_rate = 0.05});
  const auto result = run(sparse_noise(), contestants, short_race());
  const ContestantResult& sgd_result = result.contestants[0];
  const ContestantResult& by_hand = result.contestants[2];
  EXPECT_EQ(by_hand.learning_rate, sgd_result.learning_rate);
  EXPECT_NEAR(by_hand.final_loss, sgd_result.final_loss, 1e-6) << "it is the same method";
  EXPECT_EQ(by_hand.state_bytes, 12U);
}

TEST(Race, TimeAndMemoryOfEveryRunAreMeasured) {
  std::vector<Contestant> contestants = sgd_and_signsgd(0.05, 0.03);
  contestants.push_back({"sgd-momentum", sgd({.learning_rate = 0.02, .beta = 0.9, .nesterov = true})});
  contestants.push_back({"adamw", adamw({.learning_rate = 0.03})});
  const auto result = run(sparse_noise(), contestants, short_race());
  std::size_t coordinates = 0;
  for (const Parameter& p : sparse_noise().instantiate(1)->parameters()) coordinates += p.value.size();
  EXPECT_EQ(result.contestants[0].state_bytes, 0U);
  EXPECT_EQ(result.contestants[2].state_bytes, 4 * coordinates);
  EXPECT_EQ(result.contestants[3].state_bytes, 8 * coordinates);
  for (const ContestantResult& contestant : result.contestants) {
    EXPECT_GT(contestant.seconds_per_step, 0.0) << contestant.name;
    EXPECT_LT(contestant.seconds_per_step, 1.0);
    ASSERT_EQ(contestant.speedups.size(), 2U);
    EXPECT_EQ(contestant.speedups[0].baseline, "sgd-momentum");
    EXPECT_EQ(contestant.speedups[1].baseline, "adamw");
    for (const SpeedupOver& over : contestant.speedups) {
      if (!over.steps) continue;
      const auto& baseline = result.contestants[over.baseline == "adamw" ? 3 : 2];
      const double ratio = baseline.seconds_per_step / contestant.seconds_per_step;
      EXPECT_DOUBLE_EQ(over.time->value, over.steps->value * ratio);
    }
  }
  EXPECT_EQ(result.contestants[3].speedups[1].steps->value, 1.0);
  ASSERT_TRUE(result.contestants[1].speedups[1].steps.has_value()) << "SignSGD over AdamW";
}

TEST(Race, OneRateMeansNoSearchAndNoFinalSeedMeansSearchAlone) {
  auto options = short_race();
  options.max_rates = 1;
  Witness witness;
  auto result = race(isotropic(), sgd_and_signsgd(0.1, 0.02), options, witness);
  EXPECT_EQ(witness.last_done, 6);
  EXPECT_EQ(witness.last_planned, 6);
  for (const auto& contestant : result.contestants) {
    EXPECT_TRUE(contestant.search.empty());
    EXPECT_EQ(contestant.finals.size(), 3U);
    EXPECT_EQ(contestant.learning_rate, contestant.finals.front().learning_rate);
    EXPECT_FALSE(contestant.best_rate_is_interior);
  }
  EXPECT_NEAR(result.contestants[0].learning_rate, 0.1, 1e-6);
  EXPECT_FALSE(result.was_stopped);

  options = short_race();
  options.final_seeds = 0;
  result = run(isotropic(), sgd_and_signsgd(0.1, 0.02), options);
  for (const auto& contestant : result.contestants) {
    EXPECT_TRUE(contestant.finals.empty());
    EXPECT_GE(contestant.search.size(), 3U);
    EXPECT_TRUE(contestant.best_rate_is_interior);
    EXPECT_FALSE(contestant.speedup.has_value());
  }
  EXPECT_FALSE(result.was_stopped);
  EXPECT_FALSE(result.winner.has_value());
}

TEST(Race, RefusesImpossibleOptionsAndContestants) {
  EXPECT_NO_THROW(RaceOptions{}.validate());
  EXPECT_THROW(run(isotropic(), {}, short_race()), std::invalid_argument);
  EXPECT_THROW(run(isotropic(), {{"a", sgd()}, {"a", sgd()}}, short_race()), std::invalid_argument);
  const auto refuses = [](auto change) {
    RaceOptions options;
    change(options);
    EXPECT_THROW(options.validate(), std::invalid_argument);
  };
  refuses([](auto& o) { o.steps = 0; });
  refuses([](auto& o) { o.final_seeds = -1; });
  refuses([](auto& o) { o.search_seeds = 0; });
  refuses([](auto& o) { o.warmup_fraction = 2.0; });
  refuses([](auto& o) { o.grid_factor = 1.0; });
  refuses([](auto& o) { o.max_rates = 2; });
  refuses([](auto& o) { o.evaluate_every = 0; });
  refuses([](auto& o) { o.divergence_factor = 1.0; });
  refuses([](auto& o) { o.threads = 0; });
  refuses([](auto& o) { o.noise_points = -1; });
  refuses([](auto& o) { o.noise_batches = 1; });
  refuses([](auto& o) { o.noise_batch_size = 0; });
}

}  // namespace
}  // namespace normdescent
