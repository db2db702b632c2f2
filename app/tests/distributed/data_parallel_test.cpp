// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/data_parallel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "layered_problem.hpp"
#include "ranks.hpp"

namespace normdescent::test {
namespace {

TEST(Share, RanksTakeEveryExampleOnce) {
  for (const std::uint32_t count : {3U, 7U, 9U, 64U}) {
    const Batch batch{5, 100, count};
    std::uint64_t next = batch.first;
    for (int rank = 0; rank < 3; ++rank) {
      const Batch share = share_of(batch, rank, 3);
      EXPECT_EQ(share.stream, batch.stream);
      EXPECT_EQ(share.first, next);
      EXPECT_LE(share.count, count / 3 + 1);
      EXPECT_GE(share.count, count / 3);
      next += share.count;
    }
    EXPECT_EQ(next, batch.first + count);
  }
  EXPECT_THROW((void)share_of({0, 0, 2}, 0, 3), std::invalid_argument);
}

/// Largest difference of two gradients, relative to the largest entry.
double relative_distance(std::span<const Parameter> a, std::span<const Parameter> b) {
  double largest = 0.0;
  double distance = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < a[i].gradient.size(); ++k) {
      largest = std::max(largest, static_cast<double>(std::abs(a[i].gradient[k])));
      distance = std::max(distance, static_cast<double>(std::abs(a[i].gradient[k] - b[i].gradient[k])));
    }
  }
  return distance / largest;
}

TEST_P(Groups, RanksTogetherHaveTheGradientOfTheWholeBatch) {
  LayeredObjective whole(1);
  const Batch batch{9, 14, 7};  // not a multiple of the ranks
  const double loss = whole.gradient(batch);
  const int size = GetParam().size;
  expect_no_errors(run([&](ProcessGroup& group) {
    for (const bool announces : {false, true}) {
      // Buckets that end inside tensors.
      const auto shared =
          make_data_parallel(std::make_unique<LayeredObjective>(1, announces), group, {.bucket_bytes = 52});
      // Float rounding of each example's part: a few units for 7 examples and 3 ranks.
      const double tolerance = 16 * 0x1p-24;
      EXPECT_NEAR(shared->gradient(batch), loss, tolerance * std::abs(loss));
      EXPECT_LT(relative_distance(whole.parameters(), shared->parameters()), tolerance);
      EXPECT_NEAR(shared->loss(batch), loss, tolerance * std::abs(loss));
      EXPECT_GE(group.traffic().operations, static_cast<std::uint64_t>(size));
    }
  }));
}

TEST_P(Groups, GradientsAndLossesAreTheSameBitsOnAllRanks) {
  const auto ranks = static_cast<std::size_t>(GetParam().size);
  std::vector<std::vector<float>> gradients(ranks);
  std::vector<double> losses(ranks);
  expect_no_errors(run([&](ProcessGroup& group) {
    const auto rank = static_cast<std::size_t>(group.rank());
    const auto shared = make_data_parallel(std::make_unique<LayeredObjective>(1), group, {});
    losses[rank] = shared->gradient({9, 14, 7});
    for (const auto& p : shared->parameters())
      gradients[rank].insert(gradients[rank].end(), p.gradient.begin(), p.gradient.end());
  }));
  for (std::size_t r = 1; r < ranks; ++r) {
    EXPECT_EQ(gradients[r], gradients[0]);
    EXPECT_EQ(losses[r], losses[0]);
  }
}

/// One of two ranks whose partner holds the same; counts its sums.
class Alone final : public ProcessGroup {
 public:
  Alone() : ProcessGroup(0, 2) {}
  std::atomic<int> sums = 0;

 private:
  void do_all_reduce(std::span<float> values) override {
    for (float& value : values) value *= 2.0F;
    ++sums;
  }
  void do_all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    std::ranges::copy(mine, std::ranges::copy(mine, all.begin()).out);
  }
  void do_all_to_all(std::span<const std::byte>, std::span<std::byte>) override {}
  void do_broadcast(std::span<std::byte>, int) override {}
  void do_barrier() override {}
};

TEST(DataParallel, BucketsTravelBeforeTheBackwardPassHasEnded) {
  Alone group;
  auto inner = std::make_unique<LayeredObjective>(1);
  int sums_meanwhile = 0;
  inner->after_first_layer = [&] {  // waits for a sum, or in vain
    for (int i = 0; i < 1000 && group.sums == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    sums_meanwhile = group.sums;
  };
  const auto shared = make_data_parallel(std::move(inner), group, {.bucket_bytes = 16});
  (void)shared->gradient({9, 0, 2});
  EXPECT_GT(sums_meanwhile, 0);
}

TEST_P(Groups, AStopOfOneRankStopsAllInTheSameStep) {
  expect_no_errors(run([](ProcessGroup& group) {
    std::stop_source local;
    const std::stop_source agreed;
    const auto shared = make_data_parallel(std::make_unique<LayeredObjective>(1), group, {}, local.get_token(), agreed);
    (void)shared->gradient({9, 0, 6});
    EXPECT_FALSE(agreed.stop_requested());
    if (group.rank() == group.size() - 1) local.request_stop();
    (void)shared->gradient({9, 6, 6});
    EXPECT_TRUE(agreed.stop_requested());
  }));
}

TEST_P(Groups, AGradientThatIsNotFiniteAtOneRankIsSeenByAll) {
  for (const Combination combination : {Combination::mean, Combination::majority_vote}) {
    expect_no_errors(run([&](ProcessGroup& group) {
      auto inner = std::make_unique<LayeredObjective>(1);
      if (group.rank() == 1) inner->marker = std::numeric_limits<float>::infinity();
      const auto shared = make_data_parallel(std::move(inner), group, {.combination = combination});
      (void)shared->gradient({9, 0, 6});
      const float seen = shared->parameters().back().gradient[0];
      EXPECT_FALSE(std::isfinite(seen)) << group.rank();
      EXPECT_TRUE(std::isfinite(shared->parameters().front().gradient[0]));
    }));
  }
}

TEST(DataParallel, BucketsHoldAtLeastOneNumber) {
  expect_no_errors(run_ranks(1, [](ProcessGroup& group) {
    EXPECT_THROW((void)make_data_parallel(std::make_unique<LayeredObjective>(1), group, {.bucket_bytes = 3}),
                 std::invalid_argument);
  }));
}

}  // namespace
}  // namespace normdescent::test
