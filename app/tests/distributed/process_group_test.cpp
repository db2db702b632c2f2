// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/process_group.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "normdescent/base/philox.hpp"
#include "ranks.hpp"

namespace normdescent::test {
namespace {

using Clock = std::chrono::steady_clock;

INSTANTIATE_TEST_SUITE_P(Both, Groups, group_cases(), name_of_case);

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST_P(Groups, AllReduceGivesEveryRankTheSameSum) {
  constexpr std::size_t kSize = 10'007;  // no multiple of anything
  const auto ranks = static_cast<std::size_t>(GetParam().size);
  std::vector<std::vector<float>> values(ranks, std::vector<float>(kSize));
  std::vector<double> sums(kSize);
  for (std::size_t r = 0; r < ranks; ++r) {
    Philox random(7, r);
    for (std::size_t i = 0; i < kSize; ++i)
      sums[i] += static_cast<double>(values[r][i] = static_cast<float>(random.normal()));
  }
  expect_no_errors(run([&](ProcessGroup& group) { group.all_reduce(values[static_cast<std::size_t>(group.rank())]); }));
  // Each of ranks - 1 additions rounds a partial sum that is at most 3 x 5 in size.
  const double tolerance = static_cast<double>(ranks - 1) * 15.0 * 0x1p-24;
  for (std::size_t i = 0; i < kSize; ++i) EXPECT_NEAR(values[0][i], sums[i], tolerance);
  for (std::size_t r = 1; r < ranks; ++r) EXPECT_EQ(values[r], values[0]);
}

TEST_P(Groups, BlocksArriveInTheOrderOfTheRanks) {
  expect_no_errors(run([](ProcessGroup& group) {
    const int size = group.size();
    std::vector<std::byte> mine;
    for (int r = 0; r < size; ++r) mine.push_back(static_cast<std::byte>(10 * group.rank() + r));
    std::vector<std::byte> all(mine.size() * mine.size());
    group.all_gather(mine, all);
    std::vector<std::byte> theirs(mine.size());
    group.all_to_all(mine, theirs);
    for (int r = 0; r < size; ++r) {
      for (int k = 0; k < size; ++k)
        EXPECT_EQ(all[static_cast<std::size_t>(r * size + k)], static_cast<std::byte>(10 * r + k));
      EXPECT_EQ(theirs[static_cast<std::size_t>(r)], static_cast<std::byte>(10 * r + group.rank()));
    }
  }));
}

TEST_P(Groups, BroadcastSpreadsWhatAnyRootHolds) {
  expect_no_errors(run([](ProcessGroup& group) {
    for (int root = 0; root < group.size(); ++root) {
      auto bytes = bytes_of({group.rank(), 7});
      group.broadcast(bytes, root);
      EXPECT_EQ(bytes, bytes_of({root, 7}));
    }
    EXPECT_EQ(broadcast_text(group, group.rank() == 0 ? "the first one's" : "mine"), "the first one's");
  }));
}

TEST_P(Groups, BlocksMayDifferInSize) {
  expect_no_errors(run([](ProcessGroup& group) {
    const std::vector<std::byte> mine(static_cast<std::size_t>(3 * group.rank()), std::byte{5});
    const auto blocks = all_gather_blocks(group, mine);
    for (std::size_t r = 0; r < blocks.size(); ++r) EXPECT_EQ(blocks[r], std::vector<std::byte>(3 * r, std::byte{5}));
  }));
}

TEST_P(Groups, BarrierWaitsForTheLastRank) {
  std::atomic<int> arrived = 0;
  expect_no_errors(run([&](ProcessGroup& group) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * group.rank()));
    ++arrived;
    group.barrier();
    EXPECT_EQ(arrived, group.size());
  }));
}

TEST_P(Groups, TrafficIsThatOfTheAlgorithms) {
  const int size = GetParam().size;
  std::atomic<std::uint64_t> broadcast_bytes = 0;
  expect_no_errors(run([&](ProcessGroup& group) {
    const auto n = static_cast<std::uint64_t>(group.size());
    std::vector<float> values(600);
    group.all_reduce(values);
    EXPECT_EQ(group.traffic().bytes, 2 * (n - 1) * 2400 / n);
    std::vector<std::byte> bytes(600);
    std::vector<std::byte> theirs(600);
    group.all_to_all(bytes, theirs);
    EXPECT_EQ(group.traffic().bytes, 2 * (n - 1) * 2400 / n + (n - 1) * 600 / n);
    EXPECT_EQ(group.traffic().operations, 2U);
    const std::uint64_t before = group.traffic().bytes;
    group.broadcast(bytes, 1);
    broadcast_bytes += group.traffic().bytes - before;
  }));
  // Whatever the tree: each rank but the root receives the message once.
  EXPECT_EQ(broadcast_bytes, static_cast<std::uint64_t>(size - 1) * 600);
}

TEST_P(Groups, ARankThatEndsEndsTheOthersOperations) {
  const auto start = Clock::now();
  const auto errors = run([](ProcessGroup& group) {
    group.barrier();
    if (group.rank() == 1) throw std::runtime_error("rank 1 dies");
    std::vector<float> values(1000);
    group.all_reduce(values);
  });
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(30)) << "they waited for the timeout of 60 s";
  EXPECT_EQ(text_of(errors[1]), "rank 1 dies");
  for (std::size_t r = 0; r < errors.size(); ++r) {
    if (r == 1) continue;
    EXPECT_NE(text_of(errors[r]).find("rank " + std::to_string(r) + " of " + std::to_string(errors.size())),
              std::string::npos)
        << text_of(errors[r]);
  }
}

TEST_P(Groups, ARankThatHangsEndsTheOthersAfterTheTimeout) {
  std::atomic<int> failed = 0;
  bool has_outlasted_them = false;
  const int others = GetParam().size - 1;
  const auto errors = run(
      [&](ProcessGroup& group) {
        group.barrier();
        if (group.rank() == 0) {  // hangs until everybody else has given up
          for (int i = 0; i < 3000 && failed < others; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
          has_outlasted_them = failed == others;
          return;
        }
        std::vector<float> values(1000);
        try {
          group.all_reduce(values);
        } catch (const ProcessGroupError&) {
          ++failed;
          throw;
        }
      },
      std::chrono::seconds(1));
  EXPECT_TRUE(has_outlasted_them) << "they waited for more than the timeout of 1 s";
  for (std::size_t r = 1; r < errors.size(); ++r) EXPECT_NE(text_of(errors[r]).find("all_reduce"), std::string::npos);
}

TEST(LocalGroup, RanksThatDoDifferentThingsAreTold) {
  const auto errors = run_ranks(2, [](ProcessGroup& group) {
    std::vector<float> values(group.rank() == 0 ? 4 : 5);
    group.all_reduce(values);
  });
  for (const auto& error : errors) EXPECT_NE(text_of(error).find("do not do the same"), std::string::npos);
}

TEST(ProcessGroup, SizesThatDoNotFitAreRefused) {
  expect_no_errors(run_ranks(2, [](ProcessGroup& group) {
    std::vector<std::byte> three(3);
    std::vector<std::byte> four(4);
    EXPECT_THROW(group.all_gather(three, four), std::invalid_argument);
    EXPECT_THROW(group.all_to_all(three, three), std::invalid_argument);
    EXPECT_THROW(group.all_to_all(four, three), std::invalid_argument);
    EXPECT_THROW(group.broadcast(four, 2), std::invalid_argument);
  }));
}

}  // namespace
}  // namespace normdescent::test
