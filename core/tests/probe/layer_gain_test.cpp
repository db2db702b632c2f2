// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/layer_gain.hpp"

#include <gtest/gtest.h>

#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using testing::best_gain;
using testing::gaussian_noise;
using testing::gaussian_start;
using testing::Synthetic;
using testing::vectors;

std::vector<double> curvatures() {
  std::vector<double> l(60);
  for (std::size_t i = 0; i < l.size(); ++i) l[i] = i < 20 ? 0.5 : 1.0 + static_cast<double>(i % 7);
  return l;
}

// Of the tensor that begins at coordinate `begin`.
double best_gain_of(std::span<const float> x, std::size_t begin, std::size_t end, Geometry geometry) {
  const auto l = curvatures();
  return best_gain(std::span(l).subspan(begin, end - begin), x.subspan(begin, end - begin), geometry);
}

TEST(LayerGain, OfEachTensorAloneIsTheQuadraticsBest) {
  for (const Geometry& geometry : {geometries::euclidean(), geometries::sign()}) {
    Synthetic objective(vectors({20, 40}), gaussian_start(60, 4), testing::diagonal_quadratic(curvatures()));
    const std::vector<float> before(objective.values().begin(), objective.values().end());
    ModelGeometry model(geometry, objective.parameters());
    BatchSource batches(1);
    const auto gains = measure_layer_gains(objective, model, geometry == geometries::sign() ? 0.1 : 2.0, batches, {});
    ASSERT_EQ(gains.size(), 2U);
    // Differences of losses of about 100, of parameters rounded to float.
    EXPECT_NEAR(gains[0].gain.value / best_gain_of(before, 0, 20, geometry), 1.0, 1e-4) << geometry.name();
    EXPECT_NEAR(gains[1].gain.value / best_gain_of(before, 20, 60, geometry), 1.0, 1e-4) << geometry.name();
    EXPECT_TRUE(std::equal(before.begin(), before.end(), objective.values().begin()));
  }
}

TEST(LayerGain, WithNoiseIsUnbiasedUpToItsError) {
  Synthetic objective(vectors({20, 40}), gaussian_start(60, 4), testing::diagonal_quadratic(curvatures()),
                      gaussian_noise(std::vector<double>(60, 1.0)));
  ModelGeometry model(geometries::sign(), objective.parameters());
  BatchSource batches(2);
  const auto gains = measure_layer_gains(objective, model, 0.1, batches,
                                         {.direction_batch = 64, .held_out_batch = 64, .repetitions = 16});
  const double expected = best_gain_of(objective.values(), 20, 60, geometries::sign());
  EXPECT_GT(gains[1].gain.standard_error, 0.0);
  // One search on a noisy slope is a few percent from the top, which costs its square.
  EXPECT_NEAR(gains[1].gain.value, expected, 5.0 * gains[1].gain.standard_error + 0.02 * expected);
}

TEST(LayerGain, OfATensorAtItsMinimumIsZero) {
  std::vector<float> start(60, 1.0F);
  std::fill(start.begin(), start.begin() + 20, 0.0F);
  Synthetic objective(vectors({20, 40}), start, testing::diagonal_quadratic(curvatures()));
  for (const Geometry& geometry : {geometries::euclidean(), geometries::sign()}) {
    ModelGeometry model(geometry, objective.parameters());
    BatchSource batches(3);
    const auto gains = measure_layer_gains(objective, model, 0.1, batches, {});
    EXPECT_EQ(gains[0].gain.value, 0.0);
    EXPECT_EQ(gains[0].step_size, 0.0);
    EXPECT_GT(gains[1].gain.value, 0.0);
  }
}

}  // namespace
}  // namespace normdescent
