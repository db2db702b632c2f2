// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "distributed/combiner.hpp"
#include "layered_problem.hpp"
#include "normdescent/distributed/data_parallel.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/training/training_run.hpp"
#include "ranks.hpp"

namespace normdescent::test {
namespace {

/// All voters in one process, coordinate by coordinate and without bits: the twin of the exchange.
class SimulatedVote final : public Objective {
 public:
  SimulatedVote(std::uint64_t seed, int ranks) : inner_(seed), ranks_(ranks) {}
  [[nodiscard]] std::span<const Parameter> parameters() const override { return inner_.parameters(); }

  double gradient(const Batch& batch) override {
    const auto step = static_cast<std::int64_t>(batch.first / batch.count);
    const auto all = parameters();
    std::vector<std::vector<std::vector<int>>> votes(static_cast<std::size_t>(ranks_));  // rank, tensor, coordinate
    double loss = 0.0;
    for (int rank = 0; rank < ranks_; ++rank) {
      const Batch share = share_of(batch, rank, ranks_);
      loss += static_cast<double>(share.count) / batch.count * inner_.gradient(share);
      for (const auto& p : all) {
        auto& row = votes[static_cast<std::size_t>(rank)].emplace_back();
        for (std::size_t i = 0; i < p.gradient.size(); ++i) {
          const float g = p.gradient[i];
          const bool is_even = (static_cast<std::int64_t>(i) + step) % 2 == 0;
          row.push_back(g > 0 ? 1 : g < 0 ? -1 : is_even ? 1 : -1);
          zeros += g == 0 ? 1 : 0;
        }
      }
    }
    for (std::size_t tensor = 0; tensor < all.size(); ++tensor) {
      for (std::size_t i = 0; i < all[tensor].gradient.size(); ++i) {
        int sum = 0;
        for (const auto& row : votes) sum += row[tensor][i];
        if (sum == 0) {
          ++ties;
          sum = votes[static_cast<std::size_t>(step % ranks_)][tensor][i];
        }
        all[tensor].gradient[i] = sum > 0 ? 1.0F : -1.0F;
      }
    }
    return loss;
  }
  double loss(const Batch& batch) override { return inner_.loss(batch); }
  double validation_loss() override { return inner_.validation_loss(); }

  int zeros = 0;
  int ties = 0;

 private:
  LayeredObjective inner_;
  int ranks_;
};

struct Trained {
  std::vector<float> values;
  std::vector<double> losses;
};

class Losses final : public TrainingObserver {
 public:
  explicit Losses(std::vector<double>& losses) : losses_(losses) {}
  void on_step(const TrainingStep& step, Objective&) override { losses_.push_back(step.train_loss); }

 private:
  std::vector<double>& losses_;
};

Trained train_signs(Objective& objective) {
  std::vector<ParameterInfo> infos;
  for (const auto& p : objective.parameters()) infos.push_back(p.info);
  Optimizer<float> optimizer(make_optimizer("signsgd", {{"learning_rate", "0.01"}}), infos);
  TrainingPosition position;
  Trained trained;
  Losses observer(trained.losses);
  (void)train_once(objective, optimizer, 7, {.steps = 25, .divergence_factor = 1e6, .stream = 3}, position, observer);
  for (const auto& p : objective.parameters())
    trained.values.insert(trained.values.end(), p.value.begin(), p.value.end());
  return trained;
}

TEST_P(Groups, MajorityVoteTrainsBitEquallyToItsSimulation) {
  const int ranks = GetParam().size;
  SimulatedVote simulation(4, ranks);
  const Trained wanted = train_signs(simulation);
  ASSERT_EQ(wanted.losses.size(), 25U);
  EXPECT_GT(simulation.zeros, 0) << "the problem has coordinates without gradient";
  EXPECT_EQ(simulation.ties > 0, ranks % 2 == 0);
  expect_no_errors(run([&](ProcessGroup& group) {
    const auto shared = make_data_parallel(std::make_unique<LayeredObjective>(4), group,
                                           {.combination = Combination::majority_vote, .bucket_bytes = 100});
    const Trained trained = train_signs(*shared);
    EXPECT_EQ(trained.values, wanted.values);
    EXPECT_EQ(trained.losses, wanted.losses);
  }));
}

TEST(MajorityVote, SendsAThirtySecondOfAnAllReduce) {
  for (const int ranks : {2, 3, 4, 7}) {
    expect_no_errors(run_ranks(ranks, [](ProcessGroup& group) {
      std::vector<float> gradient(100'000, 1.0F);
      distributed::VoteCombiner votes(group);
      votes.begin_step(0, 1.0);
      votes.combine(gradient);
      const auto voted = static_cast<double>(group.traffic().bytes);
      group.all_reduce(gradient);
      const double reduced = static_cast<double>(group.traffic().bytes) - voted;
      // 32 but for the padding of each rank's slice to whole bytes.
      EXPECT_GE(reduced / voted, 31.9);
      EXPECT_LE(reduced / voted, 32.1);
    }));
  }
}

TEST(MajorityVote, BitsComeBackAsSigns) {
  for (const std::size_t size : {1U, 7U, 8U, 9U, 64U, 1001U}) {
    std::vector<float> values(size);
    Philox random(3, size);
    for (float& value : values) value = static_cast<float>(random.normal());
    std::vector<std::byte> bits((size + 7) / 8, std::byte{0xff});
    distributed::pack_signs(values, bits);
    std::vector<float> signs(size);
    distributed::unpack_signs(bits, signs);
    for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(signs[i], values[i] > 0.0F ? 1.0F : -1.0F);
  }
}

TEST(MajorityVote, ACoordinateWithoutGradientDoesNotDrift) {
  for (const int ranks : {2, 3}) {
    expect_no_errors(run_ranks(ranks, [](ProcessGroup& group) {
      distributed::VoteCombiner votes(group);
      std::vector<float> sum(9);
      for (std::uint64_t step = 0; step < 4; ++step) {
        const std::vector<float> none(9);
        std::vector<float> bucket(9);
        votes.begin_step(step, 1.0);
        votes.take(none, 0, bucket);
        votes.combine(bucket);
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += bucket[i];
      }
      EXPECT_EQ(sum, std::vector<float>(9, 0.0F));
    }));
  }
}

}  // namespace
}  // namespace normdescent::test
