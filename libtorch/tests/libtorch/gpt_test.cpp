// SPDX-License-Identifier: Apache-2.0
// The training kernel against the autograd module, and the module against first principles.
#include "support/torch_gpt.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "normdescent/base/philox.hpp"
#include "normdescent/gpt/objective.hpp"
#include "normdescent/libtorch/module_objective.hpp"
#include "normdescent/libtorch/module_parameters.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {
namespace {

/// Tiny products: a second thread only costs.
[[maybe_unused]] const bool kIsSingleThreaded = [] {
  at::set_num_threads(1);
  return true;
}();

constexpr GptShape kTiny{.layers = 2, .width = 24, .heads = 3, .context = 10, .vocabulary = 29};
constexpr GptShape kTinyUntied{.layers = 2, .width = 24, .heads = 3, .context = 10, .vocabulary = 29, .tied = false};

std::vector<std::int64_t> random_windows(const GptShape& shape, Index batch, std::uint64_t seed) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(batch * (shape.context + 1)));
  Philox random(seed);
  for (auto& token : tokens)
    token = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(shape.vocabulary)));
  return tokens;
}

torch::Tensor as_tensor(const std::vector<std::int64_t>& tokens, const GptShape& shape) {
  return at::tensor(tokens, at::kLong).view({-1, shape.context + 1});
}

/// Stream s of the objective is random_windows(shape, count, s).
std::unique_ptr<Objective> make_objective(const GptShape& shape, Precision precision, std::uint64_t seed) {
  GptData data;
  data.context = shape.context;
  data.training_windows = [shape](const Batch& batch, std::span<std::int64_t> out) {
    const auto windows = random_windows(shape, batch.count, batch.stream);
    std::copy(windows.begin(), windows.end(), out.begin());
  };
  data.validation_windows = std::make_shared<const std::vector<std::int64_t>>(random_windows(shape, 5, 99));
  data.chunk = 2;
  return make_gpt_objective(shape, precision, std::move(data), seed);
}

/// Larger weights than at the start, so that attention is not uniform and gelu is not linear.
void enlarge(std::span<const Parameter> parameters) {
  Philox random(5);
  for (const Parameter& p : parameters) {
    for (float& value : p.value) value = value * 4.0F + 0.05F * static_cast<float>(random.normal());
  }
}

/// Copies the values of an objective into a module of the same shape.
void copy_values(const Objective& from, Gpt& to) {
  const torch::NoGradGuard no_grad;
  std::size_t i = 0;
  for (const ModuleParameter& p : module_parameters(*to)) {
    const Parameter& source = from.parameters()[i++];
    p.tensor.copy_(at::from_blob(source.value.data(), p.tensor.sizes(), at::kFloat));
  }
}

/// ||kernel - twin||_2 / ||twin||_2 by tensor; the twin is autograd in float64.
struct Agreement {
  double loss_error = 0.0;
  double worst_gradient = 0.0;
  std::string worst_name;
};
Agreement agreement_with_autograd(const GptShape& shape, Precision precision, bool is_enlarged) {
  const auto objective = make_objective(shape, precision, 11);
  if (is_enlarged) enlarge(objective->parameters());
  Gpt gpt(shape, 0);
  copy_values(*objective, gpt);
  gpt->to(at::kDouble);
  const Batch batch{3, 0, 4};
  const auto loss = gpt->loss(as_tensor(random_windows(shape, 4, 3), shape));
  loss.backward();
  Agreement result;
  result.loss_error = std::abs(objective->gradient(batch) - loss.item<double>());
  std::size_t i = 0;
  for (const ModuleParameter& p : module_parameters(*gpt)) {
    const Parameter& ours = objective->parameters()[i++];
    EXPECT_EQ(ours.info.name, p.info.name);
    const auto mine = at::from_blob(ours.gradient.data(), p.tensor.sizes(), at::kFloat).to(at::kDouble);
    const double scale = p.tensor.grad().norm().item<double>();
    const double error = (mine - p.tensor.grad()).norm().item<double>() / scale;
    if (error > result.worst_gradient) {
      result.worst_gradient = error;
      result.worst_name = p.info.name;
    }
  }
  return result;
}

TEST(GptModule, ParametersAreTheListedOnes) {
  for (const GptShape& shape : {gpt_preset("nano"), gpt_preset("small"), kTiny, kTinyUntied}) {
    const Gpt gpt(shape, 1);
    const auto listed = gpt_parameters(shape);
    const auto actual = module_parameters(*gpt);
    ASSERT_EQ(actual.size(), listed.size());
    for (std::size_t i = 0; i < listed.size(); ++i) {
      EXPECT_EQ(actual[i].info.name, listed[i].name);
      EXPECT_EQ(actual[i].info.shape, listed[i].shape) << listed[i].name;
      EXPECT_EQ(actual[i].info.role, listed[i].role) << listed[i].name;
    }
  }
}

TEST(GptModule, StartsWithTheValuesOfTheObjective) {
  const auto objective = make_objective(kTinyUntied, Precision::float32, 7);
  const Gpt gpt(kTinyUntied, 7);
  std::size_t i = 0;
  for (const ModuleParameter& p : module_parameters(*gpt)) {
    const Parameter& ours = objective->parameters()[i++];
    EXPECT_TRUE(at::equal(p.tensor, at::from_blob(ours.value.data(), p.tensor.sizes(), at::kFloat))) << p.info.name;
  }
}

TEST(GptModule, WeightsStartWithTheDeviationsOfGpt2) {
  const GptShape& shape = gpt_preset("nano");
  const Gpt gpt(shape, 1);
  for (const ModuleParameter& p : module_parameters(*gpt)) {
    const double deviation = p.tensor.numel() > 1 ? p.tensor.std(false).item<double>() : 0.0;
    const double mean = p.tensor.mean().item<double>();
    if (p.tensor.dim() == 1) {
      EXPECT_EQ(deviation, 0.0) << p.info.name;
      EXPECT_EQ(mean, p.info.name.find("ln_") != std::string::npos && p.info.name.ends_with("weight") ? 1.0 : 0.0);
      continue;
    }
    const bool writes_residual = p.info.name.ends_with("c_proj.weight");
    const double expected = writes_residual ? 0.02 / std::sqrt(2.0 * 3.0) : 0.02;
    // Five standard errors: deviation / sqrt(2 n) and deviation / sqrt(n).
    const double n = static_cast<double>(p.tensor.numel());
    EXPECT_NEAR(deviation, expected, 5.0 * expected / std::sqrt(2.0 * n)) << p.info.name;
    EXPECT_NEAR(mean, 0.0, 5.0 * expected / std::sqrt(n)) << p.info.name;
  }
}

TEST(GptModule, GradientIsTheSlopeOfTheLoss) {
  for (const GptShape& shape : {kTiny, kTinyUntied}) {
    const auto objective = make_objective(shape, Precision::float32, 2);
    enlarge(objective->parameters());
    Gpt gpt(shape, 0);
    copy_values(*objective, gpt);
    gpt->to(at::kDouble);
    const auto windows = as_tensor(random_windows(shape, 3, 4), shape);
    gpt->loss(windows).backward();
    const torch::NoGradGuard no_grad;
    for (const ModuleParameter& p : module_parameters(*gpt)) {
      // Along the gradient the slope is its norm. Central differences in double: truncation of order h^2 = 1e-10.
      const torch::Tensor direction = p.tensor.grad() / p.tensor.grad().norm();
      constexpr double kStep = 1e-5;
      p.tensor.add_(direction, kStep);
      const double above = gpt->loss(windows).item<double>();
      p.tensor.sub_(direction, 2.0 * kStep);
      const double below = gpt->loss(windows).item<double>();
      p.tensor.add_(direction, kStep);
      const double slope = p.tensor.grad().norm().item<double>();
      EXPECT_NEAR((above - below) / (2.0 * kStep), slope, 1e-6 * (1.0 + slope)) << p.info.name;
    }
  }
}

TEST(GptModule, LaterTokensDoNotChangeEarlierLogits) {
  Gpt gpt(kTiny, 3);
  const torch::NoGradGuard no_grad;
  auto tokens = as_tensor(random_windows(kTiny, 2, 8), kTiny).narrow(1, 0, 10).contiguous();
  const auto before = gpt->forward(tokens);
  tokens.select(1, 6).add_(1).remainder_(kTiny.vocabulary);
  const auto after = gpt->forward(tokens);
  EXPECT_TRUE(at::equal(before.narrow(1, 0, 6), after.narrow(1, 0, 6)));
  EXPECT_FALSE(at::equal(before.select(1, 6), after.select(1, 6)));
}

TEST(GptModule, WindowAboveTheContextIsRefused) {
  Gpt gpt(kTiny, 3);
  EXPECT_THROW((void)gpt->forward(at::zeros({1, 11}, at::kLong)), std::invalid_argument);
}

// Measured errors were below half of each tolerance. Float: sums of up to 1e3 terms, each rounded at 2^-24 = 6e-8.
constexpr double kFloatTolerance = 5e-6;
// Operands are rounded at 2^-9 = 2e-3; errors of a sum are independent, those of layers add up.
constexpr double kBfloat16Tolerance = 5e-2;

TEST(GptKernel, FloatGradientAgreesWithAutograd) {
  for (const GptShape& shape : {kTiny, kTinyUntied}) {
    for (const bool is_enlarged : {false, true}) {
      const Agreement a = agreement_with_autograd(shape, Precision::float32, is_enlarged);
      EXPECT_LT(a.loss_error, 2e-6);
      EXPECT_LT(a.worst_gradient, kFloatTolerance) << a.worst_name;
    }
  }
}

TEST(GptKernel, Bfloat16GradientAgreesWithinItsRounding) {
  for (const GptShape& shape : {kTiny, kTinyUntied}) {
    for (const bool is_enlarged : {false, true}) {
      const Agreement a = agreement_with_autograd(shape, Precision::bfloat16, is_enlarged);
      EXPECT_LT(a.loss_error, 1e-2);
      EXPECT_LT(a.worst_gradient, kBfloat16Tolerance) << a.worst_name;
    }
  }
}

TEST(GptKernel, NanoAgreesWithAutograd) {
  const Agreement a = agreement_with_autograd(gpt_preset("nano"), Precision::float32, false);
  EXPECT_LT(a.worst_gradient, kFloatTolerance) << a.worst_name;
}

/// The next token is a function of the last, but for one in eight: a short run learns it.
void chained_windows(const GptShape& shape, const Batch& batch, std::span<std::int64_t> out) {
  Philox random(batch.first);
  const auto v = static_cast<std::uint64_t>(shape.vocabulary);
  std::uint64_t token = 0;
  for (auto& x : out) {
    token = random.below(8) == 0 ? random.below(v) : (5 * token + 3) % v;
    x = static_cast<std::int64_t>(token);
  }
}

std::vector<double> loss_curve(Objective& objective) {
  std::vector<ParameterInfo> infos;
  for (const Parameter& p : objective.parameters()) infos.push_back(p.info);
  Optimizer<float> optimizer(adamw({.learning_rate = 4e-3}), infos);
  std::vector<double> losses;
  for (std::uint64_t step = 0; step < 100; ++step) {
    losses.push_back(objective.gradient(Batch::number(0, step, 8)));
    optimizer.step(objective.parameters());
  }
  return losses;
}

TEST(GptKernel, LossCurveIsThatOfThePlainModule) {
  Gpt gpt(kTiny, 11);
  const auto loss = [&](const Batch& batch) {
    std::vector<std::int64_t> windows(batch.count * static_cast<std::size_t>(kTiny.context + 1));
    chained_windows(kTiny, batch, windows);
    return gpt->loss(as_tensor(windows, kTiny));
  };
  ModuleObjective module(gpt.ptr(), {.loss = loss, .validation_loss = {}});
  const std::vector<double> expected = loss_curve(module);
  EXPECT_LT(expected.back(), expected.front() - 1.0);  // it has learned something
  // Rounding grows along a run: measured at most 4e-7 and 0.005 over all steps.
  for (const auto& [precision, tolerance] : {std::pair{Precision::float32, 1e-5}, {Precision::bfloat16, 0.02}}) {
    GptData data;
    data.context = kTiny.context;
    data.training_windows = [](const Batch& batch, std::span<std::int64_t> out) { chained_windows(kTiny, batch, out); };
    data.validation_windows = std::make_shared<const std::vector<std::int64_t>>(random_windows(kTiny, 1, 99));
    const auto objective = make_gpt_objective(kTiny, precision, std::move(data), 11);
    const std::vector<double> losses = loss_curve(*objective);
    double worst = 0.0;
    for (std::size_t i = 0; i < losses.size(); ++i) worst = std::max(worst, std::abs(losses[i] - expected[i]));
    EXPECT_LT(worst, tolerance) << to_string(precision);
  }
}

TEST(GptKernel, BatchSizesMayChangeFromCallToCall) {
  const auto objective = make_objective(kTiny, Precision::float32, 1);
  const double large = objective->loss({1, 0, 6});
  (void)objective->gradient({2, 0, 1});
  EXPECT_EQ(objective->loss({1, 0, 6}), large);
}

TEST(GptKernel, ValidationIsTheMeanOverItsWindows) {
  const auto objective = make_objective(kTiny, Precision::float32, 1);
  // Stream 99 with five windows is the validation set; chunks of 2, 2 and 1 round differently from one of 5.
  EXPECT_NEAR(objective->validation_loss(), objective->loss({99, 0, 5}), 1e-6);
}

TEST(GptKernel, NotANumberReachesTheLossAndTheGradient) {
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const auto objective = make_objective(kTiny, precision, 1);
    for (const Parameter& p : objective->parameters()) {
      // All bits set: rounding such a NaN like a number would carry into the sign and give -0.
      if (p.info.name == "h.1.mlp.c_fc.weight") p.value[3] = std::bit_cast<float>(0x7FFFFFFFU);
    }
    EXPECT_TRUE(std::isnan(objective->gradient({1, 0, 2})));
    EXPECT_TRUE(std::isnan(objective->parameters()[0].gradient[0]));
  }
}

TEST(GptKernel, ImpossibleDataIsRefused) {
  const auto make = [](auto change) {
    GptData data;
    data.context = 4;
    data.validation_windows = std::make_shared<const std::vector<std::int64_t>>(10);
    change(data);
    return make_gpt_objective(kTiny, Precision::float32, std::move(data), 1);
  };
  EXPECT_NO_THROW((void)make([](GptData&) {}));
  EXPECT_THROW((void)make([](GptData& d) { d.context = 11; }), std::invalid_argument);
  EXPECT_THROW((void)make([](GptData& d) { d.chunk = 0; }), std::invalid_argument);
  EXPECT_THROW((void)make([](GptData& d) { d.validation_windows = nullptr; }), std::invalid_argument);
  EXPECT_THROW((void)make([](GptData& d) { d.context = 6; }), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
