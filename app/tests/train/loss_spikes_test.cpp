// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/loss_spikes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

TEST(SpikeDetector, ScoreIsTheDistanceFromTheMedianInRobustDeviations) {
  SpikeDetector detector;
  // 1, 2, ..., 21: median 11, median absolute deviation 5.
  for (int i = 1; i <= 21; ++i) EXPECT_FALSE(detector.add(i));
  EXPECT_FALSE(detector.add(11.0 + 5.9 * 1.4826 * 5.0)) << "below the threshold";
  SpikeDetector again;
  for (int i = 1; i <= 21; ++i) again.add(i);
  const auto score = again.add(11.0 + 8.0 * 1.4826 * 5.0);
  ASSERT_TRUE(score);
  EXPECT_NEAR(*score, 8.0, 1e-12);
}

TEST(SpikeDetector, GaussianLossesOnAFallingCurveAreNoSpikes) {
  Philox random(3);
  SpikeDetector detector;
  for (int step = 0; step < 5000; ++step)
    EXPECT_FALSE(detector.add(11.0 / std::sqrt(1.0 + 0.01 * step) + 0.1 * random.normal())) << step;
  EXPECT_TRUE(detector.add(4.0));
}

TEST(SpikeDetector, SaysNothingBeforeItHasSeenEnough) {
  SpikeDetector detector;
  for (std::size_t i = 0; i + 1 < kSpikeMinimum; ++i) detector.add(1.0 + 0.01 * static_cast<double>(i % 3));
  EXPECT_FALSE(detector.add(100.0));
  EXPECT_TRUE(detector.add(100.0));
}

TEST(SpikeDetector, ALevelThatStaysHighBecomesTheNewOne) {
  Philox random(4);
  SpikeDetector detector;
  for (int i = 0; i < 200; ++i) detector.add(1.0 + 0.1 * random.normal());
  int spikes = 0;
  for (int i = 0; i < 200; ++i) spikes += detector.add(3.0 + 0.1 * random.normal()) ? 1 : 0;
  EXPECT_GT(spikes, 10);
  EXPECT_LE(spikes, static_cast<int>(kSpikeWindow) / 2);
}

TEST(SpikeDetector, LossesThatAreNoNumbersAreLeftOut) {
  SpikeDetector detector;
  for (int i = 0; i < 30; ++i) {
    EXPECT_FALSE(detector.add(std::numeric_limits<double>::quiet_NaN()));
    EXPECT_FALSE(detector.add(std::numeric_limits<double>::infinity()));
    EXPECT_FALSE(detector.add(1.0));
  }
  EXPECT_FALSE(detector.add(1.001)) << "equal losses have no spread; a thousandth is none";
  EXPECT_TRUE(detector.add(1.1));
}

}  // namespace
}  // namespace normdescent
