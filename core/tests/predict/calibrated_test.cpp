// SPDX-License-Identifier: Apache-2.0
// What a calibrated prediction makes of a calibration of which every number is known, and a calibration's errors
// against refits.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/predict/features.hpp"
#include "normdescent/predict/predict.hpp"

namespace normdescent {
namespace {

const Geometry& kEuclidean = geometries::euclidean();
const Geometry& kSign = geometries::sign();
const std::vector<Entrant> kEntrants = {{"sgd", kEuclidean, false}, {"signsgd", kSign}, {"adamw", kSign}};

KernelModel constant(double value) {
  KernelModel model;
  model.intercept = value;
  return model;
}

/// value + slope (log2(batch size) - 3)
KernelModel linear_in_batch(double value, double slope) {
  KernelModel model = constant(value);
  const std::size_t k = features().size();
  for (auto* column : {&model.low, &model.high, &model.centre, &model.scale, &model.slope}) column->assign(k, 0.0);
  const std::size_t batch = feature_index("batch");
  model.low[batch] = -100.0;
  model.high[batch] = 100.0;
  model.centre[batch] = 3.0;
  model.scale[batch] = 1.0;
  model.slope[batch] = slope;
  return model;
}

/// Nine errors unit, -2 unit, ..., 9 unit, of which the 8th is half the interval's width.
std::vector<double> errors_of(double unit) {
  std::vector<double> errors;
  for (int i = 1; i <= 9; ++i) errors.push_back(i % 2 == 0 ? -i * unit : i * unit);
  return errors;
}

OptimizerCalibration known(const char* name, double over_sgd, double over_adamw, double standing, double rate_ratio) {
  OptimizerCalibration c;
  c.optimizer = name;
  c.over_sgd = constant(over_sgd);
  c.over_adamw = constant(over_adamw);
  c.standing = constant(standing);
  c.rate_ratio = constant(rate_ratio);
  c.errors_over_sgd = errors_of(0.1);
  c.errors_over_adamw = errors_of(0.05);
  c.errors_standing = errors_of(1e-3);
  c.errors_rate_ratio = errors_of(0.02);
  return c;
}

Calibration calibration() {
  Calibration c;
  for (int i = 0; i < 9; ++i) c.problems.push_back(std::to_string(i));
  c.optimizers = {known("sgd", 0.0, -2.0, -1.0, 0.5), known("signsgd", 1.5, -0.5, 0.25, -0.25),
                  known("adamw", 2.0, 0.0, 0.75, -1.0)};
  return c;
}

Evidence evidence() {
  Evidence e;
  e.probe.status = ProbeStatus::completed;
  e.probe.dimension = 100;
  e.probe.batch_size = 8;
  double rate = 0.1;
  for (const char* name : {"sgd", "signsgd", "adamw"}) {
    e.short_runs.push_back(
        {.optimizer = name, .learning_rate = rate, .steps = {0.0, 5.0}, .losses = {4.0, 3.0}, .trials = {}});
    rate *= 0.1;
  }
  e.short_steps = 5;
  return e;
}

Prediction predicted(const Calibration& c) {
  return predict_from_evidence(evidence(), kEntrants, {.plan = {.steps = 100, .batch_size = 32.0}, .draws = 2000}, c);
}

TEST(Calibrated, IntervalsHaveTheWidthOfTheErrors) {
  const SpeedupPrediction p = predicted(calibration()).optimizers[1];
  EXPECT_NEAR(std::log2(p.speedup_vs_sgd), 1.5, 1e-12);
  EXPECT_NEAR(std::log2(p.low), 1.5 - 0.8, 1e-12);
  EXPECT_NEAR(std::log2(p.high), 1.5 + 0.8, 1e-12);
  ASSERT_TRUE(p.over_adamw.has_value());
  EXPECT_NEAR(std::log2(p.over_adamw->value), -0.5, 1e-12);
  EXPECT_NEAR(std::log2(p.over_adamw->low), -0.5 - 0.4, 1e-12);
  EXPECT_NEAR(std::log2(p.over_adamw->high), -0.5 + 0.4, 1e-12);
}

TEST(Calibrated, RatesAndTheirErrorsAreDecades) {
  const Prediction prediction = predicted(calibration());
  const double ratios[] = {0.5, -0.25, -1.0};
  const double rates[] = {0.1, 0.01, 0.001};
  for (std::size_t j = 0; j < 3; ++j) {
    ASSERT_TRUE(prediction.optimizers[j].learning_rate.has_value());
    const PredictedRange& rate = *prediction.optimizers[j].learning_rate;
    EXPECT_NEAR(std::log10(rate.value / rates[j]), ratios[j], 1e-12);
    EXPECT_NEAR(std::log10(rate.value / rate.low), 8 * 0.02, 1e-12);
    EXPECT_NEAR(std::log10(rate.high / rate.value), 8 * 0.02, 1e-12);
  }
}

TEST(Calibrated, TheBatchCurveFollowsTheBatch) {
  Calibration c = calibration();
  c.optimizers[1].over_sgd = linear_in_batch(1.5, -0.25);
  const Prediction prediction = predicted(c);
  ASSERT_EQ(prediction.batch_curve.size(), 5U);
  double batch = 2.0;
  for (const BatchPoint& point : prediction.batch_curve) {
    EXPECT_EQ(point.batch_size, batch);
    EXPECT_NEAR(std::log2(point.speedups[0]), 0.0, 1e-12);
    EXPECT_NEAR(std::log2(point.speedups[1]), 1.5 - 0.25 * (std::log2(batch) - 3.0), 1e-12) << batch;
    EXPECT_NEAR(std::log2(point.speedups[2]), 2.0, 1e-12);
    batch *= 4.0;
  }
  EXPECT_NEAR(std::log2(prediction.optimizers[1].speedup_vs_sgd), 1.0, 1e-12) << "the plan's batch of 32";
}

TEST(Calibrated, TheBestIsThatOfThePredictedStandings) {
  // AdamW stands highest by far; by speed-ups SGD's 0 and SignSGD's 1.5 would be as far behind.
  const Prediction prediction = predicted(calibration());
  EXPECT_EQ(prediction.favourite, "adamw");
  EXPECT_NEAR(prediction.optimizers[2].probability_best, (9.0 + 1.0 / 3.0) / 10.0, 1e-12);
  Calibration turned = calibration();
  turned.optimizers[0].standing = constant(3.0);
  EXPECT_EQ(predicted(turned).favourite, "sgd") << "a reference has a standing of its own";
}

TEST(Calibration, EveryErrorIsThatOfARefitWithoutItsProblem) {
  Philox random(3);
  std::vector<Example> examples;
  for (int i = 0; i < 7; ++i) {
    Example example{.problem = std::to_string(i), .optimizers = {}};
    for (const char* name : {"sgd", "adamw"}) {
      std::vector<double> x;
      for (std::size_t f = 0; f < features().size(); ++f) x.push_back(random.normal());
      example.optimizers.push_back({name, x, random.normal(), random.normal(), random.normal(), random.normal()});
    }
    examples.push_back(std::move(example));
  }
  const Calibration fit = fit_calibration(examples);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    std::vector<Example> others = examples;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const Calibration refit = fit_coefficients(others);
    for (std::size_t j = 0; j < 2; ++j) {
      const Observation& o = examples[i].optimizers[j];
      const OptimizerCalibration& c = fit.optimizers[j];
      const OptimizerCalibration& r = refit.optimizers[j];
      EXPECT_NEAR(c.errors_over_sgd[i], o.over_sgd - r.over_sgd.value(o.features), 1e-12);
      EXPECT_NEAR(c.errors_over_adamw[i], o.over_adamw - r.over_adamw.value(o.features), 1e-12);
      EXPECT_NEAR(c.errors_standing[i], o.standing - r.standing.value(o.features), 1e-12);
      EXPECT_NEAR(c.errors_rate_ratio[i], o.rate_ratio - r.rate_ratio.value(o.features), 1e-12);
    }
  }
}

}  // namespace
}  // namespace normdescent
