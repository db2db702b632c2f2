// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/calibration.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/predict/features.hpp"
#include "normdescent/predict/predict.hpp"

namespace normdescent {
namespace {

TEST(Spread, ConformalWidthIsTheOrderStatistic) {
  // n = 9: the ceil(10 x 0.8) = 8th smallest absolute error.
  EXPECT_EQ(conformal_half_width(std::vector<double>{1, -2, 3, -4, 5, -6, 7, -8, 9}), 8.0);
  EXPECT_EQ(conformal_half_width(std::vector<double>{1, -2, kNaN, 3, -4}), 4.0);
  EXPECT_EQ(conformal_half_width(std::vector<double>{1, 1, 1}), kNormalQuantile90 * kIgnoranceError);
}

TEST(Spread, WithoutErrorsTheLargestCentreWinsButForTheImaginedProblem) {
  const std::vector<double> centres = {0.0, 1.0, 0.5};
  const ErrorTable errors(9, std::vector<double>(3, 0.0));
  const auto p = probabilities_of_best(centres, {true, false, false}, errors, 100, 1);
  EXPECT_NEAR(p[1], (9.0 + 1.0 / 3.0) / 10.0, 1e-12);
  EXPECT_NEAR(p[0], 1.0 / 30.0, 1e-12);
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-12);
}

TEST(Spread, ErrorsOfOneProblemStayTogether) {
  // Both err by the same amount in every problem: the order between them never changes. Their jitter is 0.5 x rms = 0.5
  // each, the gap 5 = 7 standard deviations of the difference.
  const ErrorTable errors = {{0.0, 1.0, 1.0}, {0.0, -1.0, -1.0}};
  const std::vector<double> centres = {-20.0, 5.0, 0.0};
  const auto p = probabilities_of_best(centres, {true, false, false}, errors, 2000, 1);
  EXPECT_NEAR(p[1], (2.0 + 1.0 / 3.0) / 3.0, 1e-12);
}

/// SignSGD's speed-up follows the feature "sparsity" with slope 1, AdamW's is constant.
std::vector<Example> examples(std::size_t count) {
  std::vector<Example> list;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(i % 5);
    std::vector<double> values(features().size(), kNaN);
    values[feature_index("sparsity")] = x;
    Example example{.problem = std::to_string(i), .optimizers = {}};
    example.optimizers.push_back({"sgd", values, 0.0, -2.0, -0.75, 0.0});
    example.optimizers.push_back({"signsgd", values, x, x - 2.0, 0.25 * (x - 1.0), -0.5});
    example.optimizers.push_back({"adamw", values, 2.0, 0.0, 0.25, -1.0});
    list.push_back(std::move(example));
  }
  return list;
}

Evidence evidence_with(double density) {
  Evidence evidence;
  evidence.probe.status = ProbeStatus::completed;
  evidence.probe.dimension = 100;
  evidence.probe.batch_size = 8;
  evidence.probe.start.noise.density = density;
  for (const char* name : {"sgd", "signsgd", "adamw"}) {
    evidence.short_runs.push_back(
        {.optimizer = name, .learning_rate = 0.1, .steps = {0.0, 5.0}, .losses = {4.0, 3.0}, .trials = {}});
  }
  evidence.short_steps = 5;
  return evidence;
}

const std::vector<Entrant> kEntrants = {
    {"sgd", geometries::euclidean(), false}, {"signsgd", geometries::sign()}, {"adamw", geometries::sign()}};

TEST(Standings, AreWinsMinusLosses) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(standings(std::vector<double>{2.0, 1.0, infinity, infinity}),
            (std::vector<double>{1.0 / 3.0, 1.0, -2.0 / 3.0, -2.0 / 3.0}));
  const auto some = standings(std::vector<double>{1.0, kNaN, 2.0});
  EXPECT_EQ(some[0], 1.0);
  EXPECT_TRUE(std::isnan(some[1]));
}

TEST(Closeness, IsTheMissingShareOfTheBestDescentInBits) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto c = closeness(std::vector<double>{1.0, 2.0, infinity, kNaN, 9.0}, 3.0);
  EXPECT_NEAR(c[0] - c[1], std::log2(0.52 / 0.02), 1e-12);
  EXPECT_NEAR(c[1] - c[2], std::log2(1.02 / 0.52), 1e-12);
  EXPECT_TRUE(std::isnan(c[3]));
  EXPECT_EQ(c[4], c[2]) << "above the start is as bad as diverged";
  EXPECT_NEAR(c[0] + c[1] + c[2] + c[4], 0.0, 1e-12);
  EXPECT_TRUE(std::isnan(closeness(std::vector<double>{4.0, 5.0}, 3.0)[0]));
}

TEST(Calibration, PredictsWhatItWasFittedOn) {
  const auto list = examples(20);
  const Calibration calibration = fit_calibration(list);
  EXPECT_EQ(calibration.problems.size(), 20U);
  const Evidence evidence = evidence_with(1.0 / 8.0);  // sparsity 3
  const Prediction prediction = predict_from_evidence(evidence, kEntrants, {.plan = {.steps = 100}}, calibration);
  EXPECT_TRUE(prediction.is_calibrated);
  // Each place was seen four times, with noise 0.1 at least.
  EXPECT_NEAR(std::log2(prediction.optimizers[1].speedup_vs_sgd), 3.0, 0.1);
  EXPECT_EQ(prediction.optimizers[1].decided_by, "sparsity");
  EXPECT_NEAR(std::log2(prediction.optimizers[1].over_adamw->value), 1.0, 0.1);
  EXPECT_EQ(prediction.optimizers[2].over_adamw->value, 1.0);
  EXPECT_EQ(prediction.favourite, "signsgd");
  EXPECT_EQ(prediction.optimizers[0].speedup_vs_sgd, 1.0);
  EXPECT_EQ(prediction.optimizers[0].low, 1.0);
  EXPECT_NEAR(prediction.optimizers[1].learning_rate->value, 0.1 * std::pow(10.0, -0.5), 1e-12);
  EXPECT_NEAR(prediction.optimizers[2].learning_rate->value, 0.01, 1e-12);
  EXPECT_FALSE(prediction.batch_curve.empty());
}

TEST(Calibration, ErrorsAreThoseOfFitsWithoutTheProblem) {
  auto list = examples(10);
  const Calibration before = fit_calibration(list);
  list[4].optimizers[1].over_sgd += 10.0;
  const Calibration after = fit_calibration(list);
  // Its own prediction did not see it, so its error moves by just that much.
  EXPECT_NEAR(after.optimizers[1].errors_over_sgd[4] - before.optimizers[1].errors_over_sgd[4], 10.0, 1e-9);
  EXPECT_GT(std::abs(after.optimizers[1].errors_over_sgd[3] - before.optimizers[1].errors_over_sgd[3]), 0.1);
}

TEST(Calibration, WithoutShortRaceTheProbeAloneSpeaks) {
  const auto list = examples(10);
  Evidence evidence = evidence_with(0.25);
  evidence.short_runs.clear();
  const Prediction prediction = predict_from_evidence(evidence, kEntrants, {}, fit_calibration(list));
  EXPECT_FALSE(prediction.is_calibrated);
  EXPECT_FALSE(prediction.optimizers[1].over_adamw.has_value());
}

TEST(Calibration, RefusesExamplesOfOtherOptimizers) {
  auto list = examples(3);
  list[2].optimizers.pop_back();
  EXPECT_THROW((void)fit_coefficients(list), std::invalid_argument);
}

TEST(Calibration, RefusesRowsOfOtherFeatures) {
  auto list = examples(3);
  list[1].optimizers[2].features.pop_back();
  EXPECT_THROW((void)fit_coefficients(list), std::invalid_argument);
}

TEST(Calibration, TheShippedExamplesHaveTodaysFeaturesAndFit) {
  EXPECT_EQ(shipped_calibration().problems.size(), shipped_examples().size());
  EXPECT_GT(shipped_examples().size(), 24U);
}

TEST(Calibration, CriticalBatchesAreThoseThatWereMeasured) {
  ProbeReport probe;
  GeometryReport measured;
  measured.critical_batch = {72.0, 1.0};
  GeometryReport hidden;
  hidden.geometry = geometries::sign();
  hidden.critical_batch = {kNaN, kNaN};
  probe.start.geometries = {measured, hidden};
  ASSERT_EQ(critical_batches(probe).size(), 1U);
  EXPECT_EQ(critical_batches(probe)[0].batch_size, 72.0);
}

}  // namespace
}  // namespace normdescent
