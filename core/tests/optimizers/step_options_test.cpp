// SPDX-License-Identifier: Apache-2.0
// What a step is asked to do on its way: to trust the gradients, to zero them, to clip them, to round the values. Each
// must give the bits of the slow way, and cost no pass where it is fused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

constexpr float kFloatNaN = std::numeric_limits<float>::quiet_NaN();

// Fused recipes, a mix of them with tensor-level ones, and gradients that reach the estimator by way of scratch.
std::vector<OptimizerSpec> specs() {
  return {sgd({}),
          signsgd({}),
          signum({}),
          lion({}),
          adamw({}),
          muon({}),
          lionmuon({}),
          normalized_sgd({.beta = 0.9}),
          adagrad_norm({}),
          sgd({.beta = 0.9, .average = {.momentum_form = MomentumForm::ema, .start = Start::first_gradient}}),
          signum({.average = {.correction = CorrectionKind::mars, .gamma = 0.1}}),
          sgd({.common = {.l2_penalty = 0.1}})};
}

struct SmallRun {
  ParameterBuffer<float> buffer{small_model()};
  Optimizer<float> optimizer;

  explicit SmallRun(const OptimizerSpec& spec) : optimizer(spec, small_model()) { fill_normal(buffer.values(), 3, 1); }

  StepReport step(std::uint64_t t, const StepOptions& options, double factor = 1.0) {
    fill_normal(buffer.gradients(), 4, t);
    for (float& g : buffer.gradients()) g = static_cast<float>(factor * static_cast<double>(g));
    return optimizer.step(buffer.parameters(), options);
  }
  [[nodiscard]] std::vector<float> values() { return copy(buffer.values()); }
  [[nodiscard]] bool gradients_are_zero() {
    return std::ranges::all_of(buffer.gradients(), [](float g) { return g == 0.0F; });
  }
};

TEST(StepOptions, TrustAndZeroingChangeNoBitOfTheStep) {
  for (const auto& spec : specs()) {
    SmallRun plain(spec);
    SmallRun asked(spec);
    for (std::uint64_t t = 0; t < 4; ++t) {
      plain.step(t, {.learning_rate_scale = 0.5});
      asked.step(t, {.learning_rate_scale = 0.5, .gradients_are_finite = true, .zero_gradients = true});
      EXPECT_TRUE(asked.gradients_are_zero()) << spec.name;
      EXPECT_FALSE(plain.gradients_are_zero()) << spec.name;
    }
    EXPECT_EQ(plain.values(), asked.values()) << spec.name;
    EXPECT_EQ(plain.optimizer.state().tensors, asked.optimizer.state().tensors) << spec.name;
  }
}

TEST(StepOptions, ClippingIsTheStepOnRescaledGradients) {
  // Corrections and penalties act before clipping: there the gradients cannot be rescaled beforehand.
  auto all = specs();
  all.resize(10);
  for (auto spec : all) {
    SmallRun scaled(spec);
    spec.clip_norm = 0.25;  // the gradients have norms of about 11
    SmallRun clipped(spec);
    for (std::uint64_t t = 0; t < 4; ++t) {
      const auto report = clipped.step(t, {.zero_gradients = t % 2 == 1});
      EXPECT_LT(report.clip_factor, 0.1);
      scaled.step(t, {}, report.clip_factor);
      EXPECT_EQ(clipped.gradients_are_zero(), t % 2 == 1) << spec.name;
    }
    EXPECT_EQ(scaled.values(), clipped.values()) << spec.name;
    EXPECT_EQ(scaled.optimizer.state().tensors, clipped.optimizer.state().tensors) << spec.name;
  }
}

TEST(StepOptions, ZeroTheGradientsOfStepsThatAreNotTaken) {
  auto spec = signum({});
  for (const auto policy : {NonFinitePolicy::skip, NonFinitePolicy::stop}) {
    spec.on_nonfinite = policy;
    SmallRun run(spec);
    run.step(0, {.zero_gradients = true});
    const auto before = run.values();
    for (int attempt = 0; attempt < 2; ++attempt) {
      std::ranges::fill(run.buffer.gradients(), kFloatNaN);
      const auto report = run.optimizer.step(run.buffer.parameters(), StepOptions{.zero_gradients = true});
      EXPECT_TRUE(!report.finite || report.stopped);
      EXPECT_TRUE(run.gradients_are_zero());
      EXPECT_EQ(run.values(), before);
    }
  }
}

TEST(StepOptions, TrustInBadGradientsIsAtTheCallersRisk) {
  SmallRun run(sgd({}));
  std::ranges::fill(run.buffer.gradients(), 1.0F);
  run.buffer.gradients()[5] = kFloatNaN;
  EXPECT_TRUE(run.optimizer.step(run.buffer.parameters(), StepOptions{.gradients_are_finite = true}).finite);
  EXPECT_TRUE(std::isnan(run.buffer.values()[5]));
  EXPECT_FALSE(std::isnan(run.buffer.values()[4]));
}

TEST(StepOptions, TheNormOfClippingIsACheckThatTrustDoesNotTurnOff) {
  for (const float bad : {kFloatNaN, std::numeric_limits<float>::infinity()}) {
    for (const bool is_trusted : {false, true}) {
      SmallRun run(sgd({.common = {.clip_norm = 1.0}}));
      const auto before = run.values();
      std::ranges::fill(run.buffer.gradients(), 1.0F);
      run.buffer.parameters()[2].gradient[5] = bad;
      const auto report = run.optimizer.step(run.buffer.parameters(), StepOptions{.gradients_are_finite = is_trusted});
      EXPECT_FALSE(report.finite);
      EXPECT_EQ(report.first_nonfinite_parameter, "layer.bias");
      EXPECT_EQ(run.values(), before);
    }
  }
}

/// A bfloat16 array for each parameter of the small model.
struct RoundedValues {
  std::vector<std::vector<Bfloat16>> arrays;
  std::vector<Bfloat16*> pointers;

  RoundedValues() {
    for (const auto& info : small_model()) {
      pointers.push_back(arrays.emplace_back(static_cast<std::size_t>(info.size()), kUnwritten).data());
    }
  }
  static constexpr Bfloat16 kUnwritten{0x1234U};
};

void expect_rounded(const SmallRun& run, const RoundedValues& rounded, std::size_t i, const std::string& name) {
  const auto& value = run.buffer.parameters()[i].value;
  for (std::size_t k = 0; k < value.size(); ++k) ASSERT_EQ(rounded.arrays[i][k], to_bfloat16(value[k])) << name << i;
}

TEST(StepOptions, RoundedValuesAreTheNewOnesAndChangeNoBitOfTheStep) {
  for (const auto& spec : specs()) {
    SmallRun plain(spec);
    SmallRun asked(spec);
    RoundedValues rounded;
    for (std::uint64_t t = 0; t < 3; ++t) {
      plain.step(t, {});
      asked.step(t, {.rounded_values = rounded.pointers});
      for (std::size_t i = 0; i < rounded.arrays.size(); ++i) expect_rounded(asked, rounded, i, spec.name);
    }
    EXPECT_EQ(plain.values(), asked.values()) << spec.name;
  }
}

TEST(StepOptions, ValuesThatAreNotSteppedAreRoundedToo) {
  for (const auto& spec : {adamw({}), muon({})}) {
    SmallRun run(spec);
    RoundedValues rounded;
    std::vector<Parameter> parameters(run.buffer.parameters().begin(), run.buffer.parameters().end());
    parameters[0].gradient = {};
    Bfloat16* const unwanted = std::exchange(rounded.pointers[1], nullptr);
    fill_normal(run.buffer.gradients(), 4, 1);
    EXPECT_TRUE(run.optimizer.step(parameters, StepOptions{.rounded_values = rounded.pointers}).finite);
    for (const std::size_t i : {0U, 2U}) expect_rounded(run, rounded, i, spec.name);
    EXPECT_EQ(*unwanted, RoundedValues::kUnwritten);
  }
}

TEST(StepOptions, StepsThatAreNotTakenRoundNothing) {
  SmallRun run(adamw({}));
  RoundedValues rounded;
  EXPECT_FALSE(run.step(1, {.rounded_values = rounded.pointers}, static_cast<double>(kFloatNaN)).finite);
  for (const auto& array : rounded.arrays) EXPECT_EQ(array.front(), RoundedValues::kUnwritten);
}

TEST(StepOptions, RoundedValuesOfOtherParametersAreRefused) {
  SmallRun run(sgd({}));
  RoundedValues rounded;
  const auto before = run.values();
  const std::span all(rounded.pointers);
  EXPECT_THROW(run.step(1, {.rounded_values = all.first(1)}), std::invalid_argument);
  EXPECT_EQ(run.values(), before);
  ParameterBuffer<double> wide(small_model());
  EXPECT_THROW(Optimizer<double>(sgd({}), small_model()).step(wide.parameters(), StepOptions{.rounded_values = all}),
               std::invalid_argument);
}

TEST(StepOptions, ScaleOutsideItsDomainIsRefused) {
  SmallRun run(sgd({}));
  EXPECT_THROW(run.optimizer.step(run.buffer.parameters(), StepOptions{.learning_rate_scale = -1.0}),
               std::invalid_argument);
}

// Norms of many tensors are taken in one parallel region, over blocks of 16384 entries.
TEST(StepOptions, ClippingByTensorDoesNotDependOnTheOthers) {
  const auto spec = sgd({.common = {.clip_tensor_norm = 1.0}});
  std::vector<ParameterInfo> infos;
  for (const Index size : {40000, 1, 16384, 16385, 7}) {
    infos.push_back({.name = "t" + std::to_string(infos.size()), .shape = {size}, .role = Role::vector});
  }
  ParameterBuffer<float> together(infos);
  fill_normal(together.gradients(), 5);
  Optimizer<float>(spec, infos).step(together.parameters());
  for (std::size_t i = 0; i < infos.size(); ++i) {
    ParameterBuffer<float> alone({infos[i]});
    std::ranges::copy(together.parameters()[i].gradient, alone.gradients().begin());
    Optimizer<float>(spec, {infos[i]}).step(alone.parameters());
    EXPECT_EQ(copy(together.parameters()[i].value), copy(alone.values())) << infos[i].name;
    if (infos[i].size() == 1) continue;  // its norm is within the limit
    double squares = 0.0;
    for (const float x : alone.values()) squares += static_cast<double>(x) * static_cast<double>(x);
    EXPECT_NEAR(std::sqrt(squares), 0.1, 1e-7)
        << infos[i].name << ": learning rate times norm 1, rounded entry by entry";
  }
}

}  // namespace
}  // namespace normdescent
