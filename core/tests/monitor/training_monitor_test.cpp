// SPDX-License-Identifier: Apache-2.0
#include "normdescent/monitor/training_monitor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "probe/samples.hpp"
#include "support/explained_keys.hpp"

namespace normdescent {
namespace {

constexpr Index kSize = 20'000;

// Gradient `signal` in every coordinate, noise of scale 1 in all and 9 in every fourth.
void write_gradient(ParameterBuffer<float>& buffer, Philox& random, double signal) {
  Index i = 0;
  for (float& g : buffer.gradients()) {
    g = static_cast<float>(signal + (i++ % 4 == 0 ? 9.0 : 1.0) * random.normal());
  }
}

TEST(TrainingMonitor, RecoversNoiseWhileTheGradientChanges) {
  ParameterBuffer<float> buffer(testing::vectors({kSize / 4, kSize - kSize / 4}));
  TrainingMonitor monitor(buffer.parameters(), {.coordinates = 2000});
  Philox random(3);
  MonitorReport report;
  for (int step = 0; step < 48; ++step) {
    for (int k = 0; k < 4; ++k) {
      // Between steps the gradient moves by far more than the noise: that must not count as noise.
      write_gradient(buffer, random, 100.0 + 10.0 * step);
      monitor.observe_micro_batch(buffer.parameters());
    }
    monitor.end_step();
    if (step % 16 == 15) report = monitor.report();
  }
  const SampledNoise& total = report.statistics.total;
  EXPECT_EQ(report.statistics.micro_batches, 64);
  EXPECT_DOUBLE_EQ(report.step_size, 4.0);
  EXPECT_NEAR(total.l1.value, 3.0 * kSize, 3.5 * total.l1.standard_error);
  EXPECT_NEAR(total.density.value, 9.0 / 21.0, 3.5 * total.density.standard_error);
  EXPECT_LT(total.density.standard_error, 0.04);
  const double squared = 21.0 / (495.0 * 495.0);  // S_2^2 / ||grad||^2 in the middle of the window
  EXPECT_NEAR(report.critical_l2.value / (4.0 * squared), 1.0, 0.1);
  EXPECT_NE(report.noise_growth.reason.find("needs 4 points"), std::string::npos);
}

TEST(TrainingMonitor, AccumulatedAndWeightedGradientsGiveTheSameReport) {
  ParameterBuffer<float> buffer({{"w", {100, kSize / 100}, Role::matrix}});
  TrainingMonitor alone(buffer.parameters(), {.coordinates = 500});
  TrainingMonitor summed(buffer.parameters(), {.coordinates = 500});
  Philox random(4);
  std::vector<float> sum(kSize);
  std::vector<float> own(kSize);
  for (int step = 0; step < 4; ++step) {
    std::ranges::fill(sum, 0.0F);
    for (int k = 0; k < 8; ++k) {
      write_gradient(buffer, random, 1.0);
      alone.observe_micro_batch(buffer.parameters());
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += buffer.gradients()[i] * 0.125F;
      std::copy(sum.begin(), sum.end(), buffer.gradients().begin());
      summed.observe_micro_batch(buffer.parameters(), ObservedGradient::accumulated, 0.125);
    }
    alone.end_step();
    summed.end_step();
  }
  EXPECT_EQ(alone.report().spectral.tensors[0].count, 8);
  EXPECT_NEAR(alone.report().spectral.nuclear.value / summed.report().spectral.nuclear.value, 1.0, 1e-4);
  const auto a = alone.report().statistics.total;
  const auto b = summed.report().statistics.total;
  // Differences of fp32 sums of size 10 round by 2^-20, times 8.
  EXPECT_NEAR(a.l1.value / b.l1.value, 1.0, 1e-4);
  EXPECT_NEAR(a.gradient_l2_squared.value / b.gradient_l2_squared.value, 1.0, 1e-3);
}

TEST(TrainingMonitor, MeasuresAMatrixOnlyInEveryFewSteps) {
  ParameterBuffer<float> buffer({{"v", {10, 10}, Role::matrix}, {"w", {10, 10}, Role::matrix}});
  TrainingMonitor monitor(buffer.parameters(), {.matrix_every = 3});
  TrainingMonitor none(buffer.parameters(), {.matrix_every = 0});
  Philox random(6);
  const std::vector<Index> measured = {1, 1, 1, 2, 2};
  for (std::size_t step = 0; step < measured.size(); ++step) {
    EXPECT_EQ(monitor.watched().has_value(), step % 3 == 0);
    EXPECT_FALSE(none.watched());
    for (int k = 0; k < 4; ++k) {
      write_gradient(buffer, random, 1.0);
      monitor.observe_micro_batch(buffer.parameters());
    }
    monitor.end_step();
    EXPECT_EQ(monitor.report().spectral.measured, measured[step]) << step;
  }
  const auto json = nlohmann::json::parse(monitor.report().to_json());
  EXPECT_EQ(json["per_parameter"][1]["spectral_noise"]["micro_batches"], 4);
  EXPECT_GT(json["spectral_noise"]["density"]["se"], 0.0);
}

TEST(TrainingMonitor, OneThatLoadsTheStateOfAnotherReportsWhatThatOneWouldHave) {
  ParameterBuffer<float> buffer({{"w", {20, 15}, Role::matrix}, {"b", {50}, Role::vector}});
  const MonitorOptions options{.coordinates = 200, .window = 12, .matrix_every = 3};
  TrainingMonitor whole(buffer.parameters(), options);
  TrainingMonitor loaded(buffer.parameters(), options);
  Philox random(5);
  for (int step = 0; step < 12; ++step) {
    for (int k = 0; k < 4; ++k) {
      // In the middle of a step, while gradients add up.
      if (step == 6 && k == 2) loaded.load_state(whole.state());
      write_gradient(buffer, random, 1.0 + k);
      whole.observe_micro_batch(buffer.parameters(), ObservedGradient::accumulated);
      if (step > 6 || (step == 6 && k >= 2)) {
        loaded.observe_micro_batch(buffer.parameters(), ObservedGradient::accumulated);
      }
    }
    whole.end_step();
    const auto expected = whole.report().to_json();
    if (step >= 6) {
      loaded.end_step();
      EXPECT_EQ(loaded.report().to_json(), expected) << step;
    }
  }
}

TEST(TrainingMonitor, RefusesAStateThatIsNotItsOwn) {
  ParameterBuffer<float> buffer(testing::vectors({300}));
  TrainingMonitor monitor(buffer.parameters(), {.coordinates = 100});
  monitor.observe_micro_batch(buffer.parameters());
  const StateDict own = monitor.state();
  TrainingMonitor other(buffer.parameters(), {.coordinates = 99});
  EXPECT_THROW(other.load_state(own), std::invalid_argument);
  for (const char* name : {"values", "steps", "accumulated", "growth"}) {
    for (int defect = 0; defect < 3; ++defect) {
      StateDict damaged = own;
      StateTensor& tensor = damaged.tensors[name];
      if (defect == 0) damaged.tensors.erase(name);
      if (defect == 1) tensor.dtype = "U8";
      if (defect == 2) tensor.bytes.resize(tensor.bytes.size() + 8);  // zeros: a step that decreases, half a pair
      EXPECT_THROW(monitor.load_state(damaged), std::invalid_argument) << name << ' ' << defect;
    }
  }
  EXPECT_EQ(monitor.state(), own);
}

TEST(TrainingMonitor, EveryKeyIsExplainedInTheDocumentAndNoOther) {
  ParameterBuffer<float> buffer({{"w", {10, 10}, Role::matrix}});
  TrainingMonitor monitor(buffer.parameters(), {.matrix_every = 1});
  Philox random(7);
  for (int step = 0; step < 9; ++step) {
    for (int k = 0; k < 16; ++k) {
      write_gradient(buffer, random, 1.0 + step);
      monitor.observe_micro_batch(buffer.parameters());
    }
    monitor.end_step();
    (void)monitor.report();  // a point of noise_growth
  }
  std::set<std::string> keys;
  test::collect_keys(nlohmann::json::parse(monitor.report().to_json()), keys);
  const auto explained = test::explained_keys(NORMDESCENT_DOCS "/monitor.md", "TrainingMonitor's report");
  for (const std::string& key : keys) EXPECT_TRUE(explained.contains(key)) << key << " is not in docs/monitor.md";
  for (const std::string& key : explained) EXPECT_TRUE(keys.contains(key)) << key << " is in docs/monitor.md only";
}

TEST(TrainingMonitor, SaysWhyNothingIsMeasured) {
  ParameterBuffer<float> buffer(testing::vectors({100}));
  TrainingMonitor monitor(buffer.parameters());
  EXPECT_FALSE(monitor.report().statistics.total.reason.empty());  // nothing observed
  for (int step = 0; step < 3; ++step) {
    monitor.observe_micro_batch(buffer.parameters());
    monitor.end_step();
  }
  const auto json = nlohmann::json::parse(monitor.report().to_json());
  EXPECT_TRUE(json["noise_density"]["value"].is_null());
  EXPECT_NE(json["because"].get<std::string>().find("two micro-batches"), std::string::npos);
  EXPECT_TRUE(json["critical_batch_l2"]["value"].is_null());
  EXPECT_TRUE(json["spectral_noise"]["density"]["value"].is_null());
  EXPECT_EQ(json["spectral_noise"]["because"], "no tensor is a matrix");
}

TEST(TrainingMonitor, RefusesBadInputByName) {
  ParameterBuffer<float> buffer(testing::vectors({100}));
  EXPECT_THROW(TrainingMonitor(buffer.parameters(), {.coordinates = 0}), std::invalid_argument);
  EXPECT_THROW(TrainingMonitor(buffer.parameters(), {.window = 1}), std::invalid_argument);
  EXPECT_THROW(TrainingMonitor(buffer.parameters(), {.matrix_every = -1}), std::invalid_argument);
  TrainingMonitor monitor(buffer.parameters());
  EXPECT_THROW(monitor.observe_micro_batch(buffer.parameters(), ObservedGradient::micro_batch, 0.0),
               std::invalid_argument);
  EXPECT_THROW(monitor.observe_coordinates(std::vector<float>(3), ObservedGradient::micro_batch, 1.0),
               std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
