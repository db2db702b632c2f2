// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/gaussian_process.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

using Matrix = std::vector<std::vector<double>>;

KernelModel fitted(const Matrix& x, const std::vector<double>& y, const KernelVariances& variances,
                   const std::vector<double>& prior = {}) {
  const GaussianProcess process(x, y, prior);
  return process.model(process.fit(variances));
}

TEST(GaussianProcess, TwoRowsByHand) {
  // z = -1 and 1, K_12 = exp(-2), y - mean = -3 and 3: an eigenvector of s K + v I with the value s (1 - e^-2) + v.
  const Matrix x = {{4.0}, {8.0}};
  const std::vector<double> y = {1.0, 7.0};
  const GaussianProcess process(x, y);
  const auto fit = process.fit({.signal = 2.0, .noise = 0.5});
  const double difference = 2.0 * (1.0 - std::exp(-2.0)) + 0.5;
  const double sum = 2.0 * (1.0 + std::exp(-2.0)) + 0.5;
  EXPECT_NEAR(fit.weight[1], 2.0 * 3.0 / difference, 1e-12);
  EXPECT_NEAR(fit.log_likelihood, -0.5 * 18.0 / difference - 0.5 * std::log(difference * sum), 1e-12);
  const KernelModel model = process.model(fit);
  EXPECT_NEAR(model.value(std::vector<double>{6.0}), 4.0, 1e-12) << "in the middle";
  EXPECT_NEAR(model.value(std::vector<double>{8.0}), 4.0 + fit.weight[1] * (1.0 - std::exp(-2.0)), 1e-12);
}

TEST(GaussianProcess, LittleNoiseGoesThroughTheRows) {
  Matrix x;
  std::vector<double> y;
  for (std::uint64_t i = 0; i < 12; ++i) {
    Philox random(2, i);
    x.push_back({random.uniform(), random.uniform()});
    y.push_back(std::sin(5.0 * x.back()[0]) + x.back()[1]);
  }
  const KernelModel model = fitted(x, y, {.signal = 1.0, .noise = 1e-9});
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(model.value(x[i]), y[i], 1e-4);
}

TEST(GaussianProcess, NoiseAloneLeavesMeanAndPrior) {
  const Matrix x = {{0.0}, {1.0}, {2.0}};
  const std::vector<double> y = {1.0, 5.0, 3.0};
  const KernelModel model = fitted(x, y, {.signal = 1.0, .noise = 1e12}, {0.5});
  EXPECT_NEAR(model.value(std::vector<double>{1.0}), 3.0, 1e-9);  // the mean of y at the mean of x
  EXPECT_NEAR(model.value(std::vector<double>{2.5}), 3.75, 1e-9);
}

// The variances with which rows were drawn are the likeliest of a grid.
TEST(GaussianProcess, LikelihoodFindsTheNoise) {
  Matrix x;
  for (int i = 0; i < 200; ++i) x.push_back({static_cast<double>(i)});
  for (const double sd : {0.3, 1.0}) {
    std::vector<double> y;
    for (int i = 0; i < 200; ++i) {
      Philox random(3, static_cast<std::uint64_t>(i));
      y.push_back(2.0 * std::sin(2.0 * std::numbers::pi * i / 200.0) + sd * random.normal());
    }
    const GaussianProcess process(x, y);
    double likeliest = 0.0;
    double best = -std::numeric_limits<double>::infinity();
    for (const double noise : {0.01, 0.09, 1.0, 9.0}) {
      const double likelihood = process.fit({.signal = 1.0, .noise = noise}).log_likelihood;
      if (likelihood > best) likeliest = noise;
      best = std::max(best, likelihood);
    }
    EXPECT_EQ(likeliest, sd * sd);
  }
}

TEST(GaussianProcess, AFeatureBeyondTwoStandardDeviationsCountsAsThere) {
  // Mean 1, standard deviation 3: the ten rows' bounds are -5 and 7.
  Matrix x(9, {0.0});
  x.push_back({10.0});
  const KernelModel model = fitted(x, {0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, {.signal = 10.0, .noise = 0.01}, {0.5});
  EXPECT_EQ(model.value(std::vector<double>{7.0}), model.value(std::vector<double>{1000.0}));
  EXPECT_EQ(model.value(std::vector<double>{-5.0}), model.value(std::vector<double>{-1000.0}));
  EXPECT_NE(model.value(std::vector<double>{-5.0}), model.value(std::vector<double>{-4.0}));
}

TEST(GaussianProcess, MissingAndConstantFeaturesSayNothing) {
  const Matrix x = {{1.0, kNaN, 7.0}, {2.0, kNaN, 7.0}, {kNaN, kNaN, 7.0}};
  const KernelModel model = fitted(x, {1.0, 3.0, 2.0}, {.signal = 1.0, .noise = 1e-9});
  EXPECT_NEAR(model.value(std::vector<double>{2.0, 100.0, 100.0}), 3.0, 1e-6);
  EXPECT_NEAR(model.value(std::vector<double>{kNaN, kNaN, kNaN}), 2.0, 1e-6);
  // Distances are those in the one feature that varies.
  const KernelModel alone = fitted({{1.0}, {2.0}, {kNaN}}, {1.0, 3.0, 2.0}, {.signal = 1.0, .noise = 1e-9});
  EXPECT_NEAR(model.value(std::vector<double>{1.3, 0.0, 0.0}), alone.value(std::vector<double>{1.3}), 1e-12);
}

TEST(GaussianProcess, AContributionIsWhatTheFeatureChanges) {
  const Matrix x = {{0.0, 1.0}, {1.0, 0.0}, {2.0, 2.0}, {3.0, 1.0}};
  const KernelModel model = fitted(x, {0.0, 1.0, 2.0, 5.0}, {}, {0.3, 0.0});
  const std::vector<double> at = {2.5, 0.5};
  EXPECT_NEAR(model.contribution(0, at), model.value(at) - model.value(std::vector<double>{kNaN, 0.5}), 1e-12);
  EXPECT_EQ(model.contribution(1, std::vector<double>{2.5, kNaN}), 0.0);
}

TEST(GaussianProcess, RefusesBadArguments) {
  const GaussianProcess none({}, {});
  EXPECT_THROW((void)none.fit({.signal = 0.0, .noise = 1.0}), std::invalid_argument);
  EXPECT_THROW((void)none.fit({.signal = 1.0, .noise = -1.0}), std::invalid_argument);
  EXPECT_THROW(GaussianProcess({}, std::vector<double>{1.0}), std::invalid_argument);
  EXPECT_THROW(GaussianProcess(Matrix{{1.0}}, std::vector<double>{1.0}, std::vector<double>{0.5, 0.5}),
               std::invalid_argument);
  EXPECT_EQ(none.model(none.fit({})).value({}), 0.0);
}

}  // namespace
}  // namespace normdescent
