// SPDX-License-Identifier: Apache-2.0
// One-step gains are judged on examples that the direction does not know, and rates are counted as optimizers count
// them.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "normdescent/probe/layer_gain.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using testing::Synthetic;

constexpr std::size_t kDimension = 20;

// f = ||x||^2 / 2 at (1, ..., 1): no step gains more than f(x) = 10. A batch of one has noise of 10 a coordinate.
Synthetic strong_noise() {
  return {testing::vectors({12, 8}), std::vector<float>(kDimension, 1.0F),
          testing::diagonal_quadratic(std::vector<double>(kDimension, 1.0)),
          testing::gaussian_noise(std::vector<double>(kDimension, 10.0))};
}

TEST(OneStepGain, OfABatchOfOneWithStrongNoiseIsNotJudgedOnIt) {
  std::vector<double> gains;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Synthetic objective = strong_noise();
    ModelGeometry sign(geometries::sign(), objective.parameters());
    BatchSource batches(seed);
    const OneStepGain gain = measure_one_step_gain(objective, sign, batches, {});
    if (gain.step_size > 0.0) gains.push_back(gain.gain.value);
  }
  ASSERT_GT(gains.size(), 20U);
  const Estimate mean = mean_and_error(gains);
  // On its own batch a step of a gains about 160 a - 10 a^2: up to 640.
  EXPECT_LT(mean.value, 10.0 + 4.0 * mean.standard_error);
  EXPECT_LT(mean.standard_error, 60.0) << "else the claim is none";
}

TEST(LayerGain, OfABatchOfOneWithStrongNoiseIsNotJudgedOnIt) {
  std::vector<double> gains;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Synthetic objective = strong_noise();
    ModelGeometry sign(geometries::sign(), objective.parameters());
    BatchSource batches(seed);
    for (const OneStepGain& gain : measure_layer_gains(objective, sign, 2.0, batches, {}))
      if (gain.step_size > 0.0) gains.push_back(gain.gain.value);
  }
  ASSERT_GT(gains.size(), 20U);
  const Estimate mean = mean_and_error(gains);
  EXPECT_LT(mean.value, 6.0 + 4.0 * mean.standard_error);  // f of the larger tensor
  EXPECT_LT(mean.standard_error, 60.0);
}

TEST(OneStepGain, LearningRateTimesGradientNormIsTheStep) {
  // The gradient is 3 x: its norm is 3 sqrt(20) at (1, ..., 1).
  for (const Geometry& geometry : {geometries::euclidean(), geometries::sign()}) {
    Synthetic objective(testing::vectors({12, 8}), std::vector<float>(kDimension, 1.0F),
                        testing::diagonal_quadratic(std::vector<double>(kDimension, 3.0)));
    ModelGeometry model(geometry, objective.parameters());
    BatchSource batches(1);
    const OneStepGain gain = measure_one_step_gain(objective, model, batches, {});
    const double norm = 3.0 * std::sqrt(static_cast<double>(kDimension));
    const double length = geometry.is_inner_product() ? gain.learning_rate * norm : gain.learning_rate;
    EXPECT_NEAR(length / gain.step_size, 1.0, 1e-5) << geometry.name();
    // Of a quadratic with one curvature the best step ends at the optimum: 1/3 for SGD, 1 for signs.
    EXPECT_NEAR(gain.learning_rate, geometry.is_inner_product() ? 1.0 / 3.0 : 1.0, 1e-3) << geometry.name();
  }
}

}  // namespace
}  // namespace normdescent
