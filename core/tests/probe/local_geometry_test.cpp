// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/local_geometry.hpp"

#include <gtest/gtest.h>

#include <numbers>

#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using testing::best_gain;
using testing::gaussian_noise;
using testing::gaussian_start;
using testing::Synthetic;
using testing::vectors;

constexpr std::size_t kDimension = 60;

std::vector<double> curvatures() {
  std::vector<double> l(kDimension);
  for (std::size_t i = 0; i < l.size(); ++i) l[i] = 0.1 + static_cast<double>(i % 7);
  return l;
}

TEST(OneStepGain, OnNoiselessQuadraticIsSlopeSquaredOverTwiceCurvature) {
  const auto l = curvatures();
  for (const Geometry& geometry : {geometries::euclidean(), geometries::sign()}) {
    Synthetic objective(vectors({20, 40}), gaussian_start(kDimension, 4), testing::diagonal_quadratic(l));
    ModelGeometry model(geometry, objective.parameters());
    BatchSource batches(1);
    const OneStepGain gain = measure_one_step_gain(objective, model, batches, {});
    const double expected = best_gain(l, objective.values(), geometry);
    // Directions and positions are floats; the loss is about 100 times one rounding of a coordinate.
    EXPECT_NEAR(gain.gain.value / expected, 1.0, 1e-5) << geometry.name();
    EXPECT_NEAR(gain.gain.standard_error / expected, 0.0, 1e-6);
    EXPECT_NEAR(gain.half_slope_step / gain.step_size, 1.0, 1e-3);  // differences of losses a few roundings apart
  }
}

TEST(OneStepGain, WithNoiseIsWithinItsErrorOfTheQuadraticFormula) {
  const auto l = curvatures();
  for (const Geometry& geometry : {geometries::euclidean(), geometries::sign()}) {
    Synthetic objective(vectors({kDimension}), gaussian_start(kDimension, 4), testing::diagonal_quadratic(l),
                        gaussian_noise(std::vector<double>(kDimension, 1.0)));
    ModelGeometry model(geometry, objective.parameters());
    BatchSource batches(2);
    const OneStepGain gain = measure_one_step_gain(
        objective, model, batches,
        {.direction_batch = 64, .held_out_batch = 64, .search_repetitions = 4, .repetitions = 16});
    const double expected = best_gain(l, objective.values(), geometry);
    EXPECT_GT(gain.gain.standard_error, 0.0);
    EXPECT_NEAR(gain.gain.value, expected, 5.0 * gain.gain.standard_error + 0.02 * expected) << geometry.name();
  }
}

// f = sum -x^2/2 + x^4/4: concave around the start, minimum at |x| = 1.
TEST(OneStepGain, StaysDefinedWhereCurvatureIsNegative) {
  const auto double_well = [](std::span<const float> x, std::span<double> g) {
    double value = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = x[i];
      g[i] = -v + v * v * v;
      value += -0.5 * v * v + 0.25 * v * v * v * v;
    }
    return value;
  };
  Synthetic objective(vectors({8}), std::vector<float>(8, 0.1F), double_well);
  ModelGeometry model(geometries::sign(), objective.parameters());
  BatchSource batches(3);
  const OneStepGain gain = measure_one_step_gain(objective, model, batches, {});
  // The parabola through points a factor 2 apart misses the top of a quartic by 3% of the gain.
  const double best = 8.0 * (0.25 - 0.005);
  EXPECT_NEAR(gain.gain.value, best, 0.05 * best);
  EXPECT_NEAR(gain.step_size, 0.9, 0.1);
  EXPECT_LT(measure_smoothness(objective, model, 1e-2, batches, {}).curvature.value, 0.0);
}

// Whether the wider valley is seen must not hang on where the search starts; the curvature at x is the nearer one's.
TEST(OneStepGain, FindsTheDeeperOfTwoValleysAndTheLengthOfTheNearerOne) {
  for (const double depth : {0.25, 4.0}) {
    Synthetic objective(vectors({20}), std::vector<float>(20, 0.0F), testing::two_valleys(1.0, depth));
    ModelGeometry model(geometries::sign(), objective.parameters());
    BatchSource batches(3);
    const OneStepGain gain = measure_one_step_gain(objective, model, batches, {});
    // Steps a factor 2 apart, and the best of them where a parabola misleads.
    EXPECT_NEAR(gain.gain.value / (20.0 * std::max(1.0, depth)), 1.0, 0.1) << depth;
    EXPECT_NEAR(gain.step_size, depth > 1.0 ? testing::kFarValley : testing::kNearValley, 0.2 * gain.step_size);
    // exp(-a / w) = 1/2; interpolation between steps a factor 2 apart adds 3%.
    EXPECT_NEAR(gain.half_slope_step / (testing::kNearValley * std::numbers::ln2), 1.0, 0.05) << depth;
  }
}

TEST(OneStepGain, WithoutALowerBoundEndsAtAFiniteStep) {
  Synthetic objective(vectors({4}), std::vector<float>(4, 0.5F), testing::diagonal_quadratic({-1, -1, -1, -1}));
  ModelGeometry model(geometries::sign(), objective.parameters());
  BatchSource batches(4);
  const OneStepGain gain = measure_one_step_gain(objective, model, batches, {});
  EXPECT_TRUE(std::isfinite(gain.gain.value));
  EXPECT_GT(gain.gain.value, 0.0);
}

TEST(OneStepGain, AtAStationaryPointSaysNoGain) {
  Synthetic objective(vectors({4}), std::vector<float>(4, 0.0F), testing::diagonal_quadratic({1, 1, 1, 1}));
  ModelGeometry model(geometries::sign(), objective.parameters());
  BatchSource batches(4);
  EXPECT_EQ(measure_one_step_gain(objective, model, batches, {}).step_size, 0.0);
}

// H = v v^T: gradient and sign directions meet exactly L_2 = ||v||_2^2 and L_inf = ||v||_1^2. The noise is 1000 times
// the curvature's effect: with different examples at the two points it would drown it.
TEST(Smoothness, RankOneQuadraticGivesBothConstantsInSpiteOfNoise) {
  const std::vector<double> v = {0.5, -2.0, 1.0, 0.25};
  for (const double sigma : {0.0, 100.0}) {
    Synthetic objective(vectors({4}), {1.0F, -1.0F, 1.0F, 1.0F}, testing::rank_one_quadratic(v),
                        gaussian_noise(std::vector<double>(4, sigma)));
    BatchSource batches(5);
    // With noise the direction is random, so only the noiseless case meets the constants; the secant of a given
    // direction d is exact in both: ||v|| |<v, d>|.
    ModelGeometry euclidean(geometries::euclidean(), objective.parameters());
    ModelGeometry sign(geometries::sign(), objective.parameters());
    const Smoothness l2 = measure_smoothness(objective, euclidean, 0.5, batches, {.repetitions = 8});
    const Smoothness linf = measure_smoothness(objective, sign, 0.5, batches, {.repetitions = 8});
    if (sigma == 0.0) {
      EXPECT_NEAR(l2.constant.value, 5.3125, 1e-4);
      EXPECT_NEAR(l2.curvature.value, 5.3125, 1e-4);
      EXPECT_NEAR(linf.constant.value, 14.0625, 1e-4);
      EXPECT_NEAR(linf.curvature.value, 14.0625, 1e-4);
    } else {
      EXPECT_LE(l2.constant.value, 5.3125 + 1e-3);
      EXPECT_LE(linf.constant.value, 14.0625 + 1e-3);
      EXPECT_GT(linf.constant.value, 0.0);
    }
  }
}

// Every sign vector meets sum L_i of a diagonal Hessian.
TEST(Smoothness, DiagonalQuadraticGivesSumOfCurvaturesUnderNoise) {
  const auto l = curvatures();
  double sum = 0.0;
  for (const double x : l) sum += x;
  Synthetic objective(vectors({kDimension}), gaussian_start(kDimension, 6), testing::diagonal_quadratic(l),
                      gaussian_noise(std::vector<double>(kDimension, 30.0)));
  ModelGeometry sign(geometries::sign(), objective.parameters());
  BatchSource batches(6);
  const Smoothness linf = measure_smoothness(objective, sign, 0.1, batches, {});
  // Gradients of size 30 in float, differences of size 0.1 L: relative error 30 2^-24 / 0.1.
  EXPECT_NEAR(linf.constant.value / sum, 1.0, 1e-4);
  EXPECT_NEAR(linf.curvature.value / sum, 1.0, 1e-4);
}

TEST(LocalGeometry, LeavesParametersBitEqual) {
  Synthetic objective(vectors({kDimension}), gaussian_start(kDimension, 6), testing::diagonal_quadratic(curvatures()),
                      gaussian_noise(std::vector<double>(kDimension, 1.0)));
  const std::vector<float> before(objective.values().begin(), objective.values().end());
  ModelGeometry sign(geometries::sign(), objective.parameters());
  BatchSource batches(7);
  (void)measure_one_step_gain(objective, sign, batches, {});
  (void)measure_smoothness(objective, sign, 0.1, batches, {});
  EXPECT_TRUE(std::equal(before.begin(), before.end(), objective.values().begin()));
}

TEST(BatchSource, NeverRepeatsExamples) {
  BatchSource batches(9);
  const Batch a = batches.next(5);
  const Batch b = batches.next(3);
  EXPECT_EQ(a.first + a.count, b.first);
  EXPECT_EQ(a.stream, b.stream);
}

}  // namespace
}  // namespace normdescent
