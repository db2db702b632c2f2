// SPDX-License-Identifier: Apache-2.0
#include "normdescent/base/nearest_name.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace normdescent {
namespace {

const std::vector<std::string> kNames{"sgd", "signsgd", "signum", "lion", "muon", "muonlight", "adamw"};

TEST(NearestName, FindsTheMeantNameThroughASlip) {
  EXPECT_EQ(nearest_name("sigmun", kNames), "signum");
  EXPECT_EQ(nearest_name("muonligth", kNames), "muonlight");
  EXPECT_EQ(nearest_name("adam", kNames), "adamw");
  EXPECT_EQ(nearest_name("SignSGD", kNames), "signsgd");
  EXPECT_EQ(nearest_name("moun", kNames), "muon");
}

TEST(NearestName, OffersNothingForAnUnrelatedWord) {
  EXPECT_EQ(nearest_name("rmsprop-centered", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("xyzzyx", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("sgd", {}), std::nullopt);
}

TEST(NearestName, PrefersTheEarlierOfEquallyNearNames) {
  const std::vector<std::string> names{"abcx", "abcy"};
  EXPECT_EQ(nearest_name("abcz", names), "abcx");
}

}  // namespace
}  // namespace normdescent
