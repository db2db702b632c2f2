// SPDX-License-Identifier: Apache-2.0
#include "normdescent/monitor/step_watch.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "normdescent/base/philox.hpp"

namespace normdescent {
namespace {

constexpr Index kWidth = 4000;
constexpr double kRate = 0.125;
constexpr double kNoiseScale = 0.5;

double curvature_of(std::size_t i) { return 0.5 + static_cast<double>(i % 4); }

// f(x) = 1/2 sum c_i x_i^2 from x = (1, ..., 1), and SGD on it; a micro-batch's loss is f(x) + <n, x>.
struct Descent {
  std::vector<double> x = std::vector<double>(kWidth, 1.0);
  Philox random{7};

  [[nodiscard]] double f() const {
    double sum = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += 0.5 * curvature_of(i) * x[i] * x[i];
    return sum;
  }
  [[nodiscard]] std::vector<double> noise(double scale) {
    std::vector<double> n(x.size());
    for (double& value : n) value = scale * random.normal();
    return n;
  }
  [[nodiscard]] double loss(const std::vector<double>& n) const {
    return f() + std::inner_product(n.begin(), n.end(), x.begin(), 0.0);
  }
  void step(const std::vector<double>& n) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= kRate * (curvature_of(i) * x[i] + n[i]);
  }
};

// What a watch is told of the point and of the gradient there.
struct Seen {
  std::vector<float> point, gradient;
};
Seen seen(const CoordinateChoice& choice, const Descent& descent, const std::vector<double>& n) {
  Seen result;
  for (const auto& tensor : choice.tensors()) {
    const auto start = static_cast<Index>(&tensor == choice.tensors().data() ? 0 : choice.tensors()[0].size);
    for (const Index local : tensor.indices) {
      const auto i = static_cast<std::size_t>(start + local);
      result.point.push_back(static_cast<float>(descent.x[i]));
      result.gradient.push_back(static_cast<float>(curvature_of(i) * descent.x[i] + n[i]));
    }
  }
  return result;
}

// Steps of SGD with noise, judged by micro-batches of their own.
StepEffect watched(const CoordinateChoice& choice, int steps, double noise_scale, double* gain = nullptr) {
  Descent descent;
  StepWatch watch;
  const double start = descent.f();
  for (int t = 0; t < steps; ++t) {
    const auto judge = descent.noise(noise_scale);
    const Seen before = seen(choice, descent, judge);
    watch.before(before.point, before.gradient, descent.loss(judge));
    descent.step(descent.noise(noise_scale));
    const Seen after = seen(choice, descent, judge);
    watch.after(choice, after.point, after.gradient, descent.loss(judge));
  }
  if (gain != nullptr) *gain = (start - descent.f()) / steps;
  return watch.report();
}

// x_i = 1: d_i = -a c_i, so that every sum is one over c in {0.5, 1.5, 2.5, 3.5}.
TEST(StepWatch, OneStepOnANoiselessQuadraticIsTheFormula) {
  const std::vector<Index> sizes{1000, kWidth - 1000};
  const CoordinateChoice all(sizes, kWidth, 1);
  const StepEffect effect = watched(all, 1, 0.0);
  const double c2 = 0.25 + 2.25 + 6.25 + 12.25;
  const double c3 = 0.125 + 3.375 + 15.625 + 42.875;
  EXPECT_EQ(effect.steps, 1);
  EXPECT_NEAR(effect.gain.value, kWidth / 4.0 * (kRate * c2 - 0.5 * kRate * kRate * c3), 1e-9);
  EXPECT_NEAR(effect.curvature_l2.value, c3 / c2, 1e-5);  // coordinates are floats
  EXPECT_NEAR(effect.curvature_linf.value, kWidth / 4.0 * c3 / (3.5 * 3.5), 1e-2);
  EXPECT_NEAR(effect.best_multiple.value, c2 / (kRate * c3), 1e-4);
  EXPECT_NEAR(effect.best_gain.value, kWidth / 4.0 * c2 * c2 / (2.0 * c3), 1e-2);
  EXPECT_TRUE(std::isnan(effect.gain.standard_error));
  EXPECT_TRUE(effect.reason.empty());
}

TEST(StepWatch, WithNoiseAndSampledCoordinatesItIsWithinItsErrors) {
  const std::vector<Index> sizes{1000, kWidth - 1000};
  const CoordinateChoice some(sizes, 800, 1);
  double gain = 0.0;
  const StepEffect effect = watched(some, 8, kNoiseScale, &gain);
  EXPECT_EQ(effect.steps, 8);
  EXPECT_NEAR(effect.gain.value, gain, 4.0 * effect.gain.standard_error);
  // The same steps without sampling, judged by the gradient itself.
  const StepEffect exact = watched(CoordinateChoice(sizes, kWidth, 1), 8, kNoiseScale);
  EXPECT_NEAR(effect.curvature_l2.value / exact.curvature_l2.value, 1.0, 0.1);  // 800 of 4000 coordinates
  EXPECT_NEAR(effect.best_multiple.value / exact.best_multiple.value, 1.0, 0.2);
  EXPECT_NEAR(effect.best_gain.value / exact.best_gain.value, 1.0, 0.3);
  EXPECT_GT(effect.best_multiple.standard_error, 0.0);
}

TEST(StepWatch, ReportsTheNewestSteps) {
  const std::vector<Index> sizes{10, 10};
  const CoordinateChoice all(sizes, 20, 1);
  const std::vector<float> gradient(20, 1.0F);
  StepWatch watch;
  for (int t = 0; t < 40; ++t) {
    const auto at = static_cast<float>(t);
    watch.before(std::vector<float>(20, at), gradient, 100.0);
    watch.after(all, std::vector<float>(20, at + 1.0F), gradient, 100.0 - t);
  }
  const StepEffect effect = watch.report();
  EXPECT_EQ(effect.steps, 8);
  EXPECT_DOUBLE_EQ(effect.gain.value, (32 + 39) / 2.0);
  // The gradient is the same everywhere: no curvature, and no best step.
  EXPECT_DOUBLE_EQ(effect.curvature_l2.value, 0.0);
  EXPECT_TRUE(std::isnan(effect.best_multiple.value));
  EXPECT_NE(effect.reason.find("no curvature"), std::string::npos);
}

TEST(StepWatch, LeavesOutWhatIsNotFiniteOrDidNotMove) {
  const std::vector<Index> sizes{5};
  const CoordinateChoice all(sizes, 5, 1);
  const std::vector<float> zero(5, 0.0F);
  const std::vector<float> one(5, 1.0F);
  StepWatch watch;
  EXPECT_THROW(watch.after(all, zero, one, 1.0), std::logic_error);
  watch.before(zero, one, 1.0);
  watch.after(all, zero, one, 1.0);
  watch.before(zero, one, 1.0);
  watch.after(all, one, one, std::numeric_limits<double>::quiet_NaN());
  watch.before(zero, one, 1.0);
  watch.after(all, one, std::vector<float>(5, std::numeric_limits<float>::infinity()), 1.0);
  EXPECT_FALSE(watch.is_waiting());
  const StepEffect effect = watch.report();
  EXPECT_EQ(effect.steps, 0);
  EXPECT_TRUE(std::isnan(effect.gain.value));
  EXPECT_NE(effect.reason.find("no step"), std::string::npos);
}

TEST(StepWatch, AStateInTheMiddleOfAStepContinuesAndADamagedOneIsRefused) {
  const std::vector<Index> sizes{5};
  const CoordinateChoice all(sizes, 5, 1);
  const std::vector<float> zero(5, 0.0F);
  const std::vector<float> one(5, 1.0F);
  StepWatch watch;
  watch.before(zero, zero, 3.0);
  watch.after(all, one, one, 2.0);
  watch.before(one, one, 2.0);
  StateDict state;
  watch.save(state);
  StepWatch loaded;
  loaded.load(state, 5);
  for (StepWatch* each : {&watch, &loaded}) each->after(all, zero, zero, 0.5);
  StateDict expected;
  StateDict actual;
  watch.save(expected);
  loaded.save(actual);
  EXPECT_EQ(actual, expected);
  EXPECT_DOUBLE_EQ(loaded.report().gain.value, 1.25);
  EXPECT_THROW(loaded.load(state, 6), std::invalid_argument);
  for (const char* name : {"step_measured", "step_start", "step_start_loss"}) {
    StateDict damaged = state;
    damaged.tensors[name].bytes.resize(damaged.tensors[name].bytes.size() + 8);
    EXPECT_THROW(loaded.load(damaged, 5), std::invalid_argument) << name;
    damaged.tensors.erase(name);
    EXPECT_THROW(loaded.load(damaged, 5), std::invalid_argument) << name;
  }
  StateDict unchanged;
  loaded.save(unchanged);
  EXPECT_EQ(unchanged, actual);
}

}  // namespace
}  // namespace normdescent
