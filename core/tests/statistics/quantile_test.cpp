// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/quantile.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace normdescent {
namespace {

TEST(Median, OfOddEvenAndNoValues) {
  EXPECT_EQ(median({3.0}), 3.0);
  EXPECT_EQ(median({9.0, 1.0, 4.0}), 4.0);
  EXPECT_EQ(median({8.0, 1.0, 4.0, 2.0}), 3.0);
  EXPECT_TRUE(std::isnan(median({})));
}

}  // namespace
}  // namespace normdescent
