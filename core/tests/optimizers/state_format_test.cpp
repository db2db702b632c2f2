// SPDX-License-Identifier: Apache-2.0
// Momentum and second moment in bfloat16 against their float twin.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

constexpr StateFormat kNarrowFormats[] = {StateFormat::bfloat16, StateFormat::bfloat16_stochastic};

std::vector<float> buffer_of(const Optimizer<float>& optimizer, const std::string& name) {
  const StateTensor tensor = optimizer.state().tensors.at(name);
  std::vector<float> values;
  if (tensor.dtype == "F32") {
    values.resize(tensor.bytes.size() / sizeof(float));
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
    return values;
  }
  EXPECT_EQ(tensor.dtype, "BF16");
  std::vector<Bfloat16> narrow(tensor.bytes.size() / sizeof(Bfloat16));
  std::memcpy(narrow.data(), tensor.bytes.data(), tensor.bytes.size());
  for (const Bfloat16 x : narrow) values.push_back(to_float(x));
  return values;
}

// Feeds the same gradients whatever the point, so that two runs differ by their state alone.
struct FedRun {
  ParameterBuffer<float> buffer{small_model()};
  Optimizer<float> optimizer;

  explicit FedRun(const OptimizerSpec& spec) : optimizer(spec, small_model()) { fill_normal(buffer.values(), 3, 1); }
  void step(std::uint64_t t) {
    fill_normal(buffer.gradients(), 4, t);
    std::vector<Parameter> list(buffer.parameters().begin(), buffer.parameters().end());
    if (t % 3 == 1) list[2].gradient = {};  // a parameter whose own steps are not the optimizer's
    optimizer.step(list);
  }
};

// m' = beta m + (1 - beta) g is linear: an error made in one step shrinks by beta in every later one, so errors of at
// most u max|m'| add up to u max|m'| / (1 - beta); u = 2^-9 to nearest, 2^-8 at random. max|m'| <= max|m| + the error.
void expect_near_twin(OptimizerSpec (*make)(const CommonOptions&), const std::string& buffer, double beta) {
  for (const StateFormat format : kNarrowFormats) {
    FedRun exact(make({}));
    FedRun narrow(make({.state_format = format}));
    std::vector<float> largest;
    for (std::uint64_t t = 0; t < 60; ++t) {
      exact.step(t);
      narrow.step(t);
      const auto m = buffer_of(exact.optimizer, buffer);
      largest.resize(m.size());
      const auto rounded = buffer_of(narrow.optimizer, buffer);
      double worst = 0.0;
      for (std::size_t i = 0; i < m.size(); ++i) {
        largest[i] = std::max(largest[i], std::abs(m[i]));
        const double u = (format == StateFormat::bfloat16 ? 0x1p-9 : 0x1p-8) / (1.0 - beta);
        // And float's own rounding of the two runs.
        ASSERT_LE(std::abs(rounded[i] - m[i]), (u / (1.0 - u) + 1e-5) * largest[i]) << to_string(format) << " " << t;
        worst = std::max(worst, static_cast<double>(std::abs(rounded[i] - m[i])));
      }
      EXPECT_GT(worst, 0.0) << "the twin would be itself";
    }
  }
}

TEST(StateFormat, KeepsMomentumNearItsFloatTwin) {
  expect_near_twin([](const CommonOptions& common) { return signum({.beta = 0.9, .common = common}); },
                   "layer.weight/momentum", 0.9);
  expect_near_twin([](const CommonOptions& common) { return lion({.beta2 = 0.95, .common = common}); },
                   "layer.weight/momentum", 0.95);
  expect_near_twin([](const CommonOptions& common) { return muon({.beta = 0.95, .common = common}); },
                   "layer.weight/momentum", 0.95);
  expect_near_twin([](const CommonOptions& common) { return adamw({.beta1 = 0.9, .common = common}); },
                   "layer.weight/momentum", 0.9);
  expect_near_twin([](const CommonOptions& common) { return adamw({.beta2 = 0.95, .common = common}); },
                   "layer.weight/second_moment", 0.95);
}

// g = 1: v = 1 - 0.999^t. To nearest, v stops where 0.001 (1 - v) is less than half a unit, 2^-9 v up to a power of
// two.
TEST(StateFormat, SlowAveragesNeedChance) {
  constexpr Index kSize = 4096;
  const auto second_moment = [](StateFormat format) {
    OneTensor<float> tensor(std::vector<float>(kSize), std::vector<float>(kSize, 1.0F));
    Optimizer<float> optimizer(adamw({.beta2 = 0.999, .common = {.state_format = format}}), {tensor.info});
    for (int t = 0; t < 2000; ++t) optimizer.step(tensor.list);
    double sum = 0.0;
    for (const float v : buffer_of(optimizer, "w/second_moment")) sum += static_cast<double>(v);
    return sum / kSize;
  };
  const double exact = 1.0 - std::pow(0.999, 2000);
  EXPECT_NEAR(second_moment(StateFormat::full), exact, 1e-4);
  EXPECT_LT(second_moment(StateFormat::bfloat16), 0.6 * exact);
  // Variance of a rounding: at most 2^-16/4 for v < 1; they add up to that over 1 - 0.999^2; five deviations of the
  // mean.
  const double deviation = std::sqrt(0x1p-18 / (1.0 - 0.999 * 0.999) / kSize);
  EXPECT_NEAR(second_moment(StateFormat::bfloat16_stochastic), exact, 5 * deviation);
}

TEST(StateFormat, EveryBufferHasItsOwnChance) {
  const std::vector<ParameterInfo> infos{{.name = "a", .shape = {500}}, {.name = "b", .shape = {500}}};
  ParameterBuffer<float> buffer(infos);
  std::ranges::fill(buffer.gradients(), 1.0F);
  // Both averages are 0.1 in float.
  Optimizer<float> optimizer(
      adamw({.beta1 = 0.9, .beta2 = 0.9, .common = {.state_format = StateFormat::bfloat16_stochastic}}), infos);
  optimizer.step(buffer.parameters());
  const auto a = buffer_of(optimizer, "a/momentum");
  EXPECT_NE(a, buffer_of(optimizer, "b/momentum"));
  EXPECT_NE(a, buffer_of(optimizer, "a/second_moment"));
}

TEST(StateFormat, StateSavesAndLoadsBitEqually) {
  for (const StateFormat format : kNarrowFormats) {
    for (const auto& spec : {signum({.common = {.state_format = format}}), lion({.common = {.state_format = format}}),
                             adamw({.common = {.state_format = format}}), muon({.common = {.state_format = format}})}) {
      FedRun whole(spec);
      for (std::uint64_t t = 0; t < 6; ++t) whole.step(t);
      FedRun first(spec);
      for (std::uint64_t t = 0; t < 3; ++t) first.step(t);
      FedRun second(spec);
      second.optimizer.load_state(first.optimizer.state());
      std::ranges::copy(first.buffer.values(), second.buffer.values().begin());
      for (std::uint64_t t = 3; t < 6; ++t) second.step(t);
      EXPECT_EQ(copy(second.buffer.values()), copy(whole.buffer.values())) << spec.name;
      EXPECT_EQ(second.optimizer.state(), whole.optimizer.state()) << spec.name;
    }
  }
}

TEST(StateFormat, DamagedOrForeignStateIsRefused) {
  const auto spec = adamw({.common = {.state_format = StateFormat::bfloat16}});
  FedRun run(spec);
  run.step(0);
  const StateDict good = run.optimizer.state();
  const auto refusal = [&](Optimizer<float>& optimizer, const StateDict& state) -> std::string {
    try {
      optimizer.load_state(state);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  StateDict bad = good;
  auto& bytes = bad.tensors.at("layer.bias/second_moment").bytes;
  const Bfloat16 negative = to_bfloat16(-1.0F);
  std::memcpy(bytes.data() + 2 * sizeof(negative), &negative, sizeof(negative));
  EXPECT_EQ(refusal(run.optimizer, bad), "optimizer state: layer.bias/second_moment[2] = -1, must be >= 0");
  EXPECT_EQ(run.optimizer.state(), good);
  FedRun full(adamw({}));
  EXPECT_NE(refusal(full.optimizer, good).find("BF16"), std::string::npos);
}

TEST(StateFormat, IsOfFloatParametersOnly) {
  const auto spec = signum({.common = {.state_format = StateFormat::bfloat16}});
  try {
    Optimizer<double> optimizer(spec, small_model());
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "parameter embedding: state_format = bfloat16, must be full for parameters in float64");
  }
  EXPECT_EQ(FedRun(spec).optimizer.explain().front().state_format, "bfloat16");
}

TEST(StateFormat, AllowsStartsAndMeasuresOfMomentum) {
  for (const StateFormat format : kNarrowFormats) {
    FedRun run(signum({.beta = 0.9, .average = {.start = Start::first_gradient}, .common = {.state_format = format}}));
    run.optimizer.measure_next_step();
    run.step(0);
    const auto m = buffer_of(run.optimizer, "layer.weight/momentum");
    const auto& g = run.buffer.parameters()[1].gradient;
    // Rounded when it starts and after the step.
    for (std::size_t i = 0; i < m.size(); ++i) EXPECT_NEAR(m[i], g[i], 0x1p-7 * std::abs(g[i]));
    EXPECT_GT(run.optimizer.counters().parameters[1].momentum_cosine, 0.5);
  }
}

}  // namespace
}  // namespace normdescent
