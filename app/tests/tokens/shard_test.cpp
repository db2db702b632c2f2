// SPDX-License-Identifier: Apache-2.0
#include "normdescent/tokens/shard.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <numeric>
#include <stdexcept>

#include "normdescent/base/philox.hpp"
#include "normdescent/base/user_error.hpp"
#include "normdescent/tokens/token_source.hpp"

namespace normdescent {
namespace {

namespace fs = std::filesystem;

class ShardTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("normdescent_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path file(const std::string& bytes) const {
    std::ofstream(folder_ / "shard.bin", std::ios::binary) << bytes;
    return folder_ / "shard.bin";
  }

  fs::path folder_;
};

// llm.c's layout, spelled by hand.
std::string shard_bytes(std::int32_t magic, std::int32_t version, std::int32_t count, std::size_t tokens) {
  std::array<std::int32_t, 256> header{magic, version, count};
  std::string bytes(sizeof header + 2 * tokens, '\0');
  std::memcpy(bytes.data(), header.data(), sizeof header);
  for (std::size_t i = 0; i < tokens; ++i) bytes[sizeof header + 2 * i] = static_cast<char>(i + 1);
  return bytes;
}

TEST_F(ShardTest, ReadsTheLayoutOfLlmC) {
  const Shard shard(file(shard_bytes(20240520, 1, 3, 3)));
  ASSERT_EQ(shard.size(), 3U);
  std::array<std::uint16_t, 3> tokens{};
  shard.read(0, tokens);
  EXPECT_EQ(tokens, (std::array<std::uint16_t, 3>{1, 2, 3}));
  shard.read(2, std::span(tokens).first(1));
  EXPECT_EQ(tokens[0], 3);
}

TEST_F(ShardTest, RefusesEveryOtherFile) {
  const auto refused = [&](const std::string& bytes) { EXPECT_THROW(Shard(file(bytes)), UserError); };
  refused("");
  refused("text");
  refused(shard_bytes(20240521, 1, 3, 3));
  refused(shard_bytes(20240520, 2, 3, 3));
  refused(shard_bytes(20240520, 1, 4, 3));
  refused(shard_bytes(20240520, 1, 2, 3));
  refused(shard_bytes(20240520, 1, -1, 3));
  refused(shard_bytes(20240520, 1, 3, 3).substr(0, 1024 + 5));
  EXPECT_THROW(Shard(folder_ / "missing.bin"), UserError);
  EXPECT_THROW(Shard{folder_}, UserError);
}

TEST_F(ShardTest, AStreamComesBackOverTheBordersOfItsShards) {
  std::vector<Token> tokens(1000);
  std::iota(tokens.begin(), tokens.end(), Token{64500});
  ShardWriter writer(folder_, "train", 300);
  writer.append(std::span(tokens).first(450));
  writer.append(std::span(tokens).subspan(450));
  writer.finish();
  EXPECT_EQ(writer.tokens(), 1000);
  ASSERT_EQ(writer.files().size(), 4U);
  EXPECT_EQ(writer.files()[3].filename(), "train_000003.bin");

  const auto source = open_shards(writer.files());
  ASSERT_EQ(source->size(), 1000U);
  Philox random(1);
  for (int trial = 0; trial < 100; ++trial) {
    const std::uint64_t first = random.below(1000);
    std::vector<std::int64_t> window(1 + random.below(1000 - first));
    source->will_need(first, window.size());  // changes nothing
    source->copy(first, window);
    for (std::size_t i = 0; i < window.size(); ++i) ASSERT_EQ(window[i], tokens[first + i]);
  }
}

TEST_F(ShardTest, AShardThatIsCutWhileItIsReadIsAMessage) {
  ShardWriter writer(folder_, "train", 100'000);
  writer.append(std::vector<Token>(100'000, 7));
  writer.finish();
  const auto source = open_shards(writer.files());
  std::vector<std::int64_t> window(1000);
  source->copy(99'000, window);
  EXPECT_EQ(window.back(), 7);
  fs::resize_file(writer.files()[0], 50'000);
  source->copy(0, window);  // what is there is read
  source->will_need(99'000, 1000);
  try {
    source->copy(99'000, window);
    FAIL() << "read what is not there";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("train_000000.bin' had 201024 bytes and was cut"), std::string::npos)
        << error.what();
  }
}

TEST_F(ShardTest, TokensThatDoNotFitSixteenBitsAreRefused) {
  ShardWriter writer(folder_, "train", 10);
  EXPECT_THROW(writer.append(std::vector<Token>{65536}), std::out_of_range);
  EXPECT_THROW((void)make_token_source(std::vector<Token>{65536}), std::out_of_range);
  EXPECT_THROW(ShardWriter(folder_, "train", 0), std::invalid_argument);
  EXPECT_THROW((void)open_shards({}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
