// SPDX-License-Identifier: Apache-2.0
#include "normdescent/data/drawn_images.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace normdescent {
namespace {

using Pixels = std::vector<float>;
constexpr std::size_t kPixels = static_cast<std::size_t>(kDrawingSide * kDrawingSide);

Pixels drawn(Drawing kind, Index label, std::uint64_t seed, double noise = 0.0) {
  Pixels pixels(kPixels);
  Philox random(seed, 1);
  draw_image(kind, label, noise, random, pixels);
  return pixels;
}

/// Mean of many images of a class.
Pixels mean_image(Drawing kind, Index label, std::uint64_t first) {
  constexpr std::uint64_t kCount = 100;
  Pixels mean(kPixels);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const Pixels one = drawn(kind, label, first + i);
    for (std::size_t p = 0; p < kPixels; ++p) mean[p] += one[p] / static_cast<float>(kCount);
  }
  return mean;
}

float squared_distance(const Pixels& a, const Pixels& b) {
  float sum = 0.0F;
  for (std::size_t p = 0; p < a.size(); ++p) sum += (a[p] - b[p]) * (a[p] - b[p]);
  return sum;
}

TEST(DrawnImage, IsAFunctionOfItsRandomNumbers) {
  EXPECT_EQ(drawn(Drawing::digits, 3, 7, 0.3), drawn(Drawing::digits, 3, 7, 0.3));
  EXPECT_NE(drawn(Drawing::digits, 3, 7, 0.3), drawn(Drawing::digits, 3, 8, 0.3));
}

TEST(DrawnImage, HasInkAndPaper) {
  for (const Drawing kind : {Drawing::digits, Drawing::shapes}) {
    for (Index label = 0; label < kDrawingClasses; ++label) {
      const Pixels image = drawn(kind, label, 5);
      float ink = 0.0F;
      for (const float p : image) {
        EXPECT_GE(p, 0.0F);
        EXPECT_LE(p, 1.0F);
        ink += p / static_cast<float>(kPixels);
      }
      EXPECT_GT(ink, 0.03F) << label;
      EXPECT_LT(ink, 0.6F) << label;
    }
  }
}

/// Two halves of a class have means that are nearer to each other than to the mean of any other class.
TEST(DrawnImage, ClassesCanBeToldApart) {
  for (const Drawing kind : {Drawing::digits, Drawing::shapes}) {
    std::vector<Pixels> means;
    for (Index label = 0; label < kDrawingClasses; ++label) means.push_back(mean_image(kind, label, 0));
    for (Index label = 0; label < kDrawingClasses; ++label) {
      const Pixels other_half = mean_image(kind, label, 1000);
      for (Index other = 0; other < kDrawingClasses; ++other) {
        if (other == label) continue;
        EXPECT_LT(squared_distance(other_half, means[static_cast<std::size_t>(label)]),
                  0.5F * squared_distance(other_half, means[static_cast<std::size_t>(other)]))
            << label << " and " << other;
      }
    }
  }
}

TEST(DrawnImage, RefusesLabelsOutsideTheAlphabet) {
  EXPECT_THROW((void)drawn(Drawing::digits, 10, 1), std::invalid_argument);
  EXPECT_THROW((void)drawn(Drawing::digits, -1, 1), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
