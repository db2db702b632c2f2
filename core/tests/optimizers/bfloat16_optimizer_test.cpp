// SPDX-License-Identifier: Apache-2.0
// bfloat16 parameters against Optimizer<float> on the same gradients.
#include "normdescent/optimizers/bfloat16_optimizer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

OptimizerSpec stochastic(OptimizerSpec spec, int seed = 7) {
  spec.bfloat16_rounding = Bfloat16Rounding::stochastic;
  spec.rounding_seed = seed;
  return spec;
}

void fill(std::span<Bfloat16> values, std::uint64_t stream) {
  std::vector<float> normal(values.size());
  fill_normal(std::span(normal), 3, stream);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = to_bfloat16(normal[i]);
}

std::vector<float> floats(std::span<const Bfloat16> values) {
  std::vector<float> out;
  for (const Bfloat16 x : values) out.push_back(to_float(x));
  return out;
}

struct ModelInBfloat16 {
  ParameterBuffer<Bfloat16> buffer{small_model()};
  Bfloat16Optimizer optimizer;

  explicit ModelInBfloat16(const OptimizerSpec& spec) : optimizer(spec, small_model()) { fill(buffer.values(), 9999); }
  void run(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t t = first; t < last; ++t) {
      fill(buffer.gradients(), t);
      EXPECT_TRUE(optimizer.step(buffer.parameters()).finite);
    }
  }
};

TEST(Bfloat16Master, IsTheRunInFloatRoundedToNearest) {
  for (const auto& info : optimizer_catalog()) {
    const auto spec = make_optimizer(info.name);
    ModelInBfloat16 model(spec);
    ParameterBuffer<float> exact(small_model());
    Optimizer<float> optimizer(spec, small_model());
    const auto start = floats(model.buffer.values());
    std::copy(start.begin(), start.end(), exact.values().begin());
    for (std::uint64_t t = 0; t < 5; ++t) {
      model.run(t, t + 1);
      const auto g = floats(model.buffer.gradients());
      std::copy(g.begin(), g.end(), exact.gradients().begin());
      optimizer.step(exact.parameters());
      for (std::size_t i = 0; i < g.size(); ++i) {
        ASSERT_EQ(model.buffer.values()[i], to_bfloat16(exact.values()[i])) << info.name << " step " << t;
      }
    }
  }
}

// 1000 steps of 2^-14 from 1: a hundred and twenty-eighth of the distance to the next number of bfloat16 each.
double travelled(const OptimizerSpec& spec, std::size_t entries) {
  const ParameterInfo info{.name = "w", .shape = {static_cast<Index>(entries)}};
  ParameterBuffer<Bfloat16> buffer({info});
  std::fill(buffer.values().begin(), buffer.values().end(), to_bfloat16(1.0F));
  std::fill(buffer.gradients().begin(), buffer.gradients().end(), to_bfloat16(-1.0F));
  Bfloat16Optimizer optimizer(spec, {info});
  for (int t = 0; t < 1000; ++t) optimizer.step(buffer.parameters());
  double sum = 0.0;
  for (const float x : floats(buffer.values())) sum += static_cast<double>(x) - 1.0;
  return sum / static_cast<double>(entries);
}

TEST(Bfloat16Rounding, KeepsStepsThatRoundingToNearestLoses) {
  EXPECT_EQ(to_bfloat16(1.0F + 0x1p-14F), to_bfloat16(1.0F)) << "to nearest, no step leaves a trace";
  const auto spec = signsgd({.learning_rate = 0x1p-14});
  const double distance = 1000 * 0x1p-14;
  EXPECT_NEAR(travelled(spec, 8), distance, 0x1p-8) << "half a unit of the last place";
  // Each step is a draw of 2^-7 with probability 2^-7: variance 2^-21 (1 - 2^-7), 1000 steps, 4000 entries; five sigma.
  EXPECT_NEAR(travelled(stochastic(spec), 4000), distance, 5 * std::sqrt(1000.0 / 4000.0 * 0x1p-21));
}

TEST(Bfloat16Rounding, RunsTwiceWithTheSameBitsAndSeedsDiffer) {
  const auto spec = signum({.learning_rate = 1e-3});
  ModelInBfloat16 a(stochastic(spec));
  ModelInBfloat16 b(stochastic(spec));
  ModelInBfloat16 other(stochastic(spec, 8));
  for (ModelInBfloat16* model : {&a, &b, &other}) model->run(0, 4);
  EXPECT_EQ(floats(a.buffer.values()), floats(b.buffer.values()));
  EXPECT_NE(floats(a.buffer.values()), floats(other.buffer.values()));
}

TEST(Bfloat16Rounding, ContinuesFromItsSavedStateWithTheSameBits) {
  for (const auto& spec : {adamw(), stochastic(adamw()), shampoo(), stochastic(shampoo())}) {
    ModelInBfloat16 whole(spec);
    ModelInBfloat16 halves(spec);
    whole.run(0, 6);
    halves.run(0, 3);
    Bfloat16Optimizer next(spec, small_model());
    next.load_state(halves.optimizer.state());
    halves.optimizer = std::move(next);
    halves.run(3, 6);
    EXPECT_EQ(floats(whole.buffer.values()), floats(halves.buffer.values()));
    EXPECT_EQ(whole.optimizer.state(), halves.optimizer.state());
  }
}

TEST(Bfloat16Rounding, OnlyTheMasterIsState) {
  ModelInBfloat16 master(signsgd());
  ModelInBfloat16 random(stochastic(signsgd()));
  master.run(0, 1);
  random.run(0, 1);
  EXPECT_EQ(master.optimizer.state().tensors.at("layer.weight/master").shape, (std::vector<Index>{6, 4}));
  EXPECT_EQ(master.optimizer.explain()[1].state_entries, 24);
  EXPECT_TRUE(random.optimizer.state().tensors.empty());
  EXPECT_EQ(random.optimizer.explain()[1].state_entries, 0);
}

TEST(Bfloat16Master, TakesOverWhatSomebodyElseWrote) {
  ModelInBfloat16 model(signsgd({.learning_rate = 0x1p-10}));
  model.run(0, 1);
  model.buffer.values()[0] = to_bfloat16(64.0F);
  model.run(1, 2);
  const auto state = model.optimizer.state();
  float first = 0.0F;
  std::memcpy(&first, state.tensors.at("embedding/master").bytes.data(), sizeof(first));
  EXPECT_NEAR(first, 64.0F, 0x1p-9F);
}

TEST(Bfloat16Rounding, LeavesEverythingAloneWithoutAStep) {
  for (const auto& spec : {signum(), stochastic(signum())}) {
    ModelInBfloat16 model(spec);
    model.run(0, 2);
    const auto values = floats(model.buffer.values());
    const auto state = model.optimizer.state();
    model.buffer.gradients()[3] = to_bfloat16(std::numeric_limits<float>::quiet_NaN());
    EXPECT_FALSE(model.optimizer.step(model.buffer.parameters()).finite);
    EXPECT_EQ(floats(model.buffer.values()), values);
    EXPECT_EQ(model.optimizer.state(), state);
    auto parameters = std::vector(model.buffer.parameters().begin(), model.buffer.parameters().end());
    for (auto& p : parameters) p.gradient = {};
    EXPECT_TRUE(model.optimizer.step(parameters).finite);
    EXPECT_EQ(floats(model.buffer.values()), values) << "tensors without gradient stay";
  }
}

TEST(Bfloat16Rounding, ShowsOtherPointsToTheClosureAndPutsValuesBackWhenItThrows) {
  for (const bool is_random : {false, true}) {
    const auto plain = signum({.learning_rate = 0.25, .average = {.correction = CorrectionKind::extrapolation}});
    ModelInBfloat16 model(is_random ? stochastic(plain) : plain);
    const auto start = floats(model.buffer.values());
    std::vector<std::vector<float>> points;
    const auto compute = [&] {
      points.push_back(floats(model.buffer.values()));
      fill(model.buffer.gradients(), 0);
    };
    model.optimizer.step(model.buffer.parameters(), compute);
    const auto values = floats(model.buffer.values());
    model.optimizer.step(model.buffer.parameters(), compute);
    EXPECT_EQ(points[0], start);
    EXPECT_NE(points[1], values) << "extrapolated";
    const auto before = floats(model.buffer.values());
    EXPECT_THROW(model.optimizer.step(model.buffer.parameters(), [] { throw std::runtime_error("no batch"); }),
                 std::runtime_error);
    EXPECT_EQ(floats(model.buffer.values()), before);
  }
}

TEST(Bfloat16Rounding, RefusesAnotherRoundingAndOtherSizes) {
  ModelInBfloat16 model(stochastic(signum()));
  model.run(0, 1);
  Bfloat16Optimizer other(stochastic(signum(), 8), small_model());
  EXPECT_THROW(other.load_state(model.optimizer.state()), std::invalid_argument);
  Bfloat16Optimizer master(signum(), small_model());
  EXPECT_THROW(master.load_state(model.optimizer.state()), std::invalid_argument);
  auto parameters = std::vector(model.buffer.parameters().begin(), model.buffer.parameters().end());
  parameters[1].value = parameters[1].value.first(5);
  EXPECT_THROW(model.optimizer.step(parameters), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
