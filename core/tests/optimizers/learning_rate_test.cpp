// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/learning_rate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <stdexcept>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

TEST(ConvertLr, HasTheKnownRatios) {
  const auto& jordan = learning_rate_convention("jordan");
  const auto& moonlight = learning_rate_convention("moonlight");
  const auto& spectral = learning_rate_convention("spectral");
  // GPT-2's 768 x 3072: 0.2 sqrt(3072) = 11.085 against 1, and sqrt(768/3072) = 1/2.
  EXPECT_NEAR(convert_lr({.learning_rate = 1.0}, moonlight, jordan, 768, 3072).learning_rate, 11.085, 5e-4);
  EXPECT_EQ(convert_lr({.learning_rate = 1.0}, jordan, spectral, 768, 3072).learning_rate, 2.0);
  EXPECT_EQ(convert_lr({.learning_rate = 1.0}, jordan, spectral, 3072, 768).learning_rate, 1.0);
}

// The claim itself: a run with the converted settings is the same run. Tolerance: 20 steps of round-off in
// coefficients.
TEST(ConvertLr, ConvertedSettingsTakeTheSameSteps) {
  const ParameterInfo info{.name = "w", .shape = {6, 3}, .role = Role::matrix};
  const auto end = [&](const RateAndDecay& given, const LearningRateConvention& convention) {
    ParameterBuffer<double> buffer({info});
    fill_normal(buffer.values(), 2, 1000);
    Optimizer<double> optimizer(muon({.learning_rate = given.learning_rate,
                                      .method = "svd",
                                      .shape_scale = convention.shape_scale,
                                      .radius = convention.factor,
                                      .decoupled_decay = given.decoupled_decay,
                                      .common = {.decay_form = convention.decay_form}}),
                                {info});
    for (std::uint64_t t = 0; t < 20; ++t) {
      fill_normal(buffer.gradients(), 2, t);
      optimizer.step(buffer.parameters());
    }
    return copy(buffer.values());
  };
  for (const auto& from : learning_rate_conventions()) {
    for (const auto& to : learning_rate_conventions()) {
      const RateAndDecay given{.learning_rate = 0.02, .decoupled_decay = 0.3};
      const auto a = end(given, from);
      const auto b = end(convert_lr(given, from, to, 6, 3), to);
      for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-13) << from.name << " to " << to.name;
    }
  }
}

TEST(ConvertLr, RefusesByName) {
  const auto refusal = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(refusal([] { (void)learning_rate_convention("jordon"); }).find("did you mean jordan?"), std::string::npos);
  const auto& jordan = learning_rate_convention("jordan");
  EXPECT_EQ(
      refusal([&] { (void)convert_lr({.learning_rate = -1, .decoupled_decay = -2}, jordan, jordan, 0, 3); }),
      "convert_lr: learning_rate = -1, must be in [0, inf); decoupled_decay = -2, must be in [0, inf); shape = 0 x "
      "3, must be positive");
  EXPECT_NE(refusal([] { (void)starting_points(std::nan("")); }).find("adamw_learning_rate = nan"), std::string::npos);
}

TEST(StartingPoints, AreOptimizersOfTheCatalogInsideTheirRange) {
  for (const auto& point : starting_points(1e-3)) {
    EXPECT_NE(find_optimizer(point.optimizer), nullptr) << point.optimizer;
    EXPECT_LE(point.low, point.learning_rate);
    EXPECT_LT(point.learning_rate, point.high);
    EXPECT_FALSE(point.reason.empty());
  }
}

}  // namespace
}  // namespace normdescent
