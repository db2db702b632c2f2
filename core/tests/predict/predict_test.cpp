// SPDX-License-Identifier: Apache-2.0
#include "normdescent/predict/predict.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "normdescent/probe/probe.hpp"
#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using testing::gaussian_start;
using testing::Synthetic;
using testing::vectors;

const std::vector<Entrant> kRaced = {
    {"sgd", geometries::euclidean(), false}, {"normalized-sgd", geometries::euclidean()},
    {"signsgd", geometries::sign()},         {"lion", geometries::sign()},
    {"adamw", geometries::sign()},           {"muon", geometries::spectral()}};

// A probe of given density and pilot losses, everything else unmeasured.
ProbeReport hand_made(double density, const std::vector<double>& sgd, const std::vector<double>& sign) {
  ProbeReport probe;
  probe.status = ProbeStatus::completed;
  probe.dimension = 100;
  probe.batch_size = 8;
  GeometryReport m;
  m.geometry = geometries::sign();
  m.noise_density = density;
  probe.start.geometries = {m};
  const auto add_pilot = [&](PilotKind kind, const std::vector<double>& losses) {
    PilotReport pilot;
    pilot.kind = std::move(kind);
    pilot.run.losses = losses;
    probe.pilots.push_back(std::move(pilot));
  };
  add_pilot({"sgd", geometries::euclidean(), false}, sgd);
  add_pilot({"signsgd", geometries::sign(), true}, sign);
  return probe;
}

const SpeedupModel& model(const std::string& name) {
  for (const SpeedupModel& m : speedup_models()) {
    if (m.name == name) return m;
  }
  throw std::logic_error("no such model");
}

const SpeedupPrediction& of(const Prediction& prediction, const std::string& name) {
  for (const SpeedupPrediction& p : prediction.optimizers) {
    if (p.optimizer == name) return p;
  }
  throw std::logic_error("no such optimizer");
}

TEST(Models, DensityIsWorstCaseRatioOneOverPhi) {
  const ProbeReport probe = hand_made(0.25, {}, {});
  EXPECT_NEAR(*model("density").log2_speedup(probe, kRaced[2], {}), 2.0, 1e-12);
  EXPECT_FALSE(model("density").log2_speedup(probe, kRaced[0], {}).has_value());
  EXPECT_FALSE(model("density").log2_speedup(probe, kRaced[1], {}).has_value());
  EXPECT_FALSE(model("density").log2_speedup(probe, kRaced[5], {}).has_value());  // not measured here
}

TEST(Models, PointsWeighByTheStepsTheyStandFor) {
  ProbeReport probe = hand_made(0.25, std::vector<double>(20, 1.0), {});
  probe.pilots[0].end.geometries = probe.start.geometries;
  probe.pilots[0].end.geometries[0].noise_density = 1.0 / 64.0;
  const auto log2_speedup = [&](std::int64_t steps) {
    return *model("density").log2_speedup(probe, kRaced[2], {.steps = steps});
  };
  EXPECT_NEAR(log2_speedup(80), 0.25 * 2.0 + 0.75 * 6.0, 1e-12);
  EXPECT_NEAR(log2_speedup(0), 4.0, 1e-12);
  EXPECT_NEAR(log2_speedup(5), 2.0, 1e-12);  // shorter than the pilot: the start alone
}

TEST(Models, PilotCurvesCompareStepsToTheSameLoss) {
  std::vector<double> sgd;
  std::vector<double> sign;
  for (int t = 0; t <= 20; ++t) {
    sgd.push_back(4.0 - 0.1 * t);
    sign.push_back(4.0 - 0.25 * t);
  }
  const ProbeReport probe = hand_made(0.5, sgd, sign);
  // Straight lines: the average of a window on them is its centre, so the ratio of slopes is exact.
  EXPECT_NEAR(*model("pilot-curves").log2_speedup(probe, kRaced[2], {}), std::log2(2.5), 1e-9);
  const ProbeReport reversed = hand_made(0.5, sign, sgd);
  EXPECT_NEAR(*model("pilot-curves").log2_speedup(reversed, kRaced[2], {}), -std::log2(2.5), 1e-9);
  EXPECT_FALSE(model("pilot-curves").log2_speedup(probe, kRaced[5], {}).has_value());
}

// The same lines, but single mini-batches, the last one among them, are harder or easier by five steps' progress.
TEST(Models, PilotCurvesAreNotLedByDifficultMiniBatches) {
  std::vector<double> sgd;
  std::vector<double> sign;
  for (int t = 0; t <= 20; ++t) {
    const double difficulty = t == 20 ? -0.5 : t == 12 ? 0.5 : t == 4 ? -0.5 : 0.0;
    sgd.push_back(4.0 - 0.1 * t + difficulty);
    sign.push_back(4.0 - 0.25 * t + difficulty);
  }
  const ProbeReport probe = hand_made(0.5, sgd, sign);
  // Without the average and the pooling, the last mini-batch alone would move SGD's end by five of 20 steps: 0.4.
  EXPECT_NEAR(*model("pilot-curves").log2_speedup(probe, kRaced[2], {}), std::log2(2.5), 0.2);
}

TEST(Models, MatchedAccuracyWeighsRegimesByCriticalBatch) {
  ProbeReport probe = hand_made(0.5, {}, {});
  GeometryReport l2;
  l2.geometry = geometries::euclidean();
  l2.smoothness.constant.value = 2.0;
  l2.noise_scale = 3.0;
  l2.gradient_norm = 1.0;
  GeometryReport sign;
  sign.geometry = geometries::sign();
  sign.smoothness.constant.value = 40.0;
  sign.noise_scale = 4.0;
  sign.gradient_norm = 8.0;
  probe.start.geometries = {l2, sign};
  // L/g^2 = 2 and 0.625; critical batches (2 S / g)^2 = 36 and 1 mini-batches.
  const auto ratio = [&](double batch) {
    return std::exp2(*model("matched-accuracy").log2_speedup(probe, kRaced[2], {.batch_size = batch}));
  };
  EXPECT_NEAR(ratio(0.0), 2.0 * 37.0 / (0.625 * 2.0), 1e-9);
  EXPECT_NEAR(ratio(8.0), ratio(0.0), 1e-9);
  EXPECT_NEAR(ratio(32.0), 2.0 * 10.0 / (0.625 * 1.25), 1e-9);
  EXPECT_NEAR(ratio(8e9), 3.2, 1e-6);  // without noise: the deterministic ratio
  // SGD's critical batch is the larger one: what larger batches take from the noise they take from SGD's cost, all the
  // way between the two regimes.
  for (double batch = 1.0; batch < 1e6; batch *= 2.0) EXPECT_LT(ratio(2.0 * batch), ratio(batch)) << batch;
  EXPECT_NEAR(ratio(1e-6), 3.2 * 36.0, 1e-3);  // noise alone: the ratio of L_X / g^2 B_X
}

TEST(Predict, WithoutDisagreementTheMedianIsTheCommonOpinion) {
  std::vector<double> sgd;
  std::vector<double> sign;
  for (int t = 0; t <= 20; ++t) {
    sgd.push_back(4.0 - 0.1 * t);
    sign.push_back(4.0 - 0.2 * t);
  }
  const ProbeReport probe = hand_made(0.5, sgd, sign);
  const Prediction prediction = predict(std::span(&probe, 1), kRaced);
  const SpeedupPrediction& p = of(prediction, "signsgd");
  EXPECT_NEAR(p.speedup_vs_sgd, 2.0, 1e-9);
  const double error = std::hypot(kModelError, kVariantError);
  EXPECT_NEAR(p.low, 2.0 * std::exp2(-1.2815515655 * error), 1e-6);
  EXPECT_NEAR(p.high, 2.0 * std::exp2(1.2815515655 * error), 1e-6);
  EXPECT_EQ(of(prediction, "sgd").speedup_vs_sgd, 1.0);
  EXPECT_EQ(of(prediction, "sgd").low, 1.0);
}

TEST(Predict, DisagreementWidensTheInterval) {
  std::vector<double> sgd;
  for (int t = 0; t <= 20; ++t) sgd.push_back(4.0 - 0.1 * t);
  const ProbeReport agree = hand_made(1.0, sgd, sgd);
  const ProbeReport disagree = hand_made(0.02, sgd, sgd);
  const auto width = [&](const ProbeReport& probe) {
    const Prediction prediction = predict(std::span(&probe, 1), kRaced);
    return of(prediction, "signsgd").high / of(prediction, "signsgd").low;
  };
  EXPECT_GT(width(disagree), 2.0 * width(agree));
}

TEST(Predict, ProbabilitiesSumToOneAndRepeat) {
  const ProbeReport probe = hand_made(0.2, {}, {});
  const Prediction a = predict(std::span(&probe, 1), kRaced);
  const Prediction b = predict(std::span(&probe, 1), kRaced);
  double sum = 0.0;
  for (const SpeedupPrediction& p : a.optimizers) sum += p.probability_best;
  EXPECT_NEAR(sum, 1.0, 1e-12);
  EXPECT_EQ(a.to_json(), b.to_json());
}

TEST(Predict, SaysInPlainWordsWhatDecided) {
  const ProbeReport probe = hand_made(0.21, {}, {});
  const Prediction prediction = predict(std::span(&probe, 1), std::span(kRaced).first(3));
  EXPECT_EQ(of(prediction, "signsgd").decided_by, "density");
  EXPECT_EQ(
      prediction.decided_by,
      "the noise is concentrated in few coordinates (density 0.21), so signsgd should win, at about 4.8 times SGD's "
      "speed");
}

TEST(Predict, NothingMeasuredIsSaid) {
  const ProbeReport empty;
  const Prediction prediction = predict(std::span(&empty, 1), kRaced);
  EXPECT_EQ(of(prediction, "signsgd").speedup_vs_sgd, 1.0);
  EXPECT_NE(of(prediction, "signsgd").because.find("nothing was measured"), std::string::npos);
  EXPECT_GT(of(prediction, "signsgd").high / of(prediction, "signsgd").low, 4.0);
}

TEST(Predict, JsonHasTheKeysOfTheContract) {
  const ProbeReport probe = hand_made(0.2, {}, {});
  const auto json = nlohmann::json::parse(predict(std::span(&probe, 1), kRaced).to_json());
  ASSERT_EQ(json["prediction"].size(), kRaced.size());
  for (const char* key : {"optimizer", "speedup_vs_sgd", "low", "high", "probability_best"}) {
    EXPECT_TRUE(json["prediction"][2].contains(key)) << key;
  }
  EXPECT_TRUE(json["decided_by"].is_string());
}

TEST(Predict, RefusesInvalidOptions) {
  EXPECT_THROW((void)predict({}, kRaced, {.draws = 0}), std::invalid_argument);
  EXPECT_THROW((void)predict({}, kRaced, {.plan = {.steps = -1}}), std::invalid_argument);
  EXPECT_THROW((void)predict({}, kRaced, {.plan = {.batch_size = -1.0}}), std::invalid_argument);
  EXPECT_TRUE(predict({}, {}).optimizers.empty());
}

// ---- end to end on problems where theory gives the answer ---------------------------------------------------------

constexpr std::size_t kDimension = 100;

Prediction predict_quadratic(const std::vector<double>& sigma) {
  Synthetic objective(vectors({kDimension}), gaussian_start(kDimension, 2),
                      testing::diagonal_quadratic(std::vector<double>(kDimension, 1.0)),
                      testing::gaussian_noise(sigma));
  const ProbeReport probe = normdescent::probe(objective, 4, {.held_out_batch = 64});
  const std::vector<Entrant> entrants = {kRaced[0], kRaced[1], kRaced[2]};
  return predict(std::span(&probe, 1), entrants, {.plan = {.steps = 200}});
}

// Theory P2's toy: all noise in one of 100 coordinates, phi = 1/d.
TEST(Predict, NoiseInOneCoordinateMakesSignWin) {
  std::vector<double> sigma(kDimension, 0.0);
  sigma[0] = 100.0;
  const Prediction prediction = predict_quadratic(sigma);
  EXPECT_EQ(prediction.favourite, "signsgd");
  EXPECT_GT(of(prediction, "signsgd").speedup_vs_sgd, 4.0);
  EXPECT_GT(of(prediction, "signsgd").probability_best, 0.6);
  const ModelOpinion& density = of(prediction, "signsgd").opinions.front();
  EXPECT_EQ(density.model, "density");
  EXPECT_NEAR(density.speedup, 100.0, 100.0 / (2.0 * 24));  // the correction by c4(K)^2, K = 24 at a pilot's end
}

// Equal noise and equal curvature everywhere: phi = 1, and no measurement speaks for signs (one exact gradient step
// even ends at the minimum, so plain SGD may well win).
TEST(Predict, DenseNoiseAndIsotropicCurvatureGiveSignNoAdvantage) {
  const Prediction prediction = predict_quadratic(std::vector<double>(kDimension, 1.0));
  EXPECT_LT(of(prediction, "signsgd").speedup_vs_sgd, 1.2);
  EXPECT_LT(of(prediction, "signsgd").probability_best, 0.4);
  EXPECT_NEAR(of(prediction, "signsgd").opinions.front().speedup, 1.0, 0.1);  // density
}

TEST(Predict, EqualMeasurementsHaveNoClearWinner) {
  std::vector<double> sgd;
  for (int t = 0; t <= 20; ++t) sgd.push_back(4.0 - 0.1 * t);
  const ProbeReport probe = hand_made(1.0, sgd, sgd);
  const Prediction prediction = predict(std::span(&probe, 1), std::span(kRaced).first(4));
  for (const SpeedupPrediction& p : prediction.optimizers) {
    EXPECT_LT(p.probability_best, 0.5) << p.optimizer;
    EXPECT_LE(p.low, 1.0) << p.optimizer;
    EXPECT_GE(p.high, 1.0) << p.optimizer;
  }
  EXPECT_NE(prediction.decided_by.find("no clear one"), std::string::npos) << prediction.decided_by;
}

}  // namespace
}  // namespace normdescent
