// SPDX-License-Identifier: Apache-2.0
// Every feature by name, computed by hand from one measurement in which nothing is equal by accident: steps unlike
// batch, the plan's batch unlike the probe's, losses, norms and densities all different.
#include "normdescent/predict/features.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "normdescent/base/numbers.hpp"

namespace normdescent {
namespace {

const Geometry& kEuclidean = geometries::euclidean();
const Geometry& kSign = geometries::sign();
const Geometry& kSpectral = geometries::spectral();
const RunPlan kPlan{.steps = 80, .batch_size = 32.0};

struct Measured {
  double noise_scale, noise_density, gradient_norm, smoothness, gain;
};

GeometryReport report_of(const Geometry& geometry, const Measured& m) {
  GeometryReport report;
  report.geometry = geometry;
  report.noise_scale = m.noise_scale;
  report.noise_density = m.noise_density;
  report.gradient_norm = m.gradient_norm;
  report.smoothness.constant.value = m.smoothness;
  report.one_step_gain.gain.value = m.gain;
  return report;
}

PilotReport pilot_of(const PilotKind& kind, double slope) {
  PilotReport pilot;
  pilot.kind = kind;
  for (int t = 0; t < 20; ++t) pilot.run.losses.push_back(9.0 - slope * t);
  return pilot;
}

Evidence evidence() {
  Evidence e;
  e.probe.status = ProbeStatus::completed;
  e.probe.dimension = 1000;
  e.probe.batch_size = 8;
  e.probe.start.noise.density = 0.25;
  e.probe.start.geometries = {report_of(kEuclidean, {3.0, 1.0, 2.0, 5.0, 0.5}),
                              report_of(kSign, {40.0, 0.125, 30.0, 700.0, 0.8}),
                              report_of(kSpectral, {20.0, 0.0625, 24.0, 300.0, 1.5})};
  e.probe.pilots = {pilot_of({"sgd", kEuclidean, false}, 0.1), pilot_of({"signsgd", kSign, true}, 0.25),
                    pilot_of({"muon", kSpectral, true}, 0.4)};
  e.probe.pilots[0].end.geometries = {report_of(kSign, {50.0, 1.0 / 32.0, 35.0, 0.0, 0.0})};
  e.probe.tail.series = 12;
  e.probe.tail.samples = 64;
  e.probe.tail.two_scale.value = 1.7;
  const auto add = [&](const char* name, std::vector<double> losses) {
    e.short_runs.push_back(
        {.optimizer = name, .learning_rate = 0.1, .steps = {0, 10, 20}, .losses = losses, .trials = {}});
  };
  add("sgd", {4.0, 3.0, 2.5});
  add("normalized-sgd", {4.0, 3.5, 3.4});
  add("signsgd", {4.0, 2.8, 2.2});
  add("signum", {4.0, 2.6, 2.3});
  add("lion", {});  // diverged
  add("muon", {4.0, 1.8, 1.4});
  add("adamw", {4.0, 2.0, 1.5});
  e.short_steps = 20;
  return e;
}

double value(const std::string& name, const Entrant& entrant, const Evidence& e = evidence(), RunPlan plan = kPlan) {
  EXPECT_LT(feature_index(name), features().size()) << name;
  return feature_values(e, entrant, plan).at(feature_index(name));
}

const Entrant kSignSgd{"signsgd", kSign, true};
const Entrant kMuon{"muon", kSpectral, true};

// -log2(0.02 + share of the best descent that is missing), less the mean over all seven.
std::map<std::string, double> closeness_by_hand() {
  std::map<std::string, double> result;
  const std::map<std::string, double> missing = {
      {"sgd", 1.1 / 2.6}, {"normalized-sgd", 2.0 / 2.6}, {"signsgd", 0.8 / 2.6}, {"signum", 0.9 / 2.6}, {"lion", 1.0},
      {"muon", 0.0},      {"adamw", 0.1 / 2.6}};
  double mean = 0.0;
  for (const auto& [name, share] : missing) mean += -std::log2(0.02 + share) / 7.0;
  for (const auto& [name, share] : missing) result[name] = -std::log2(0.02 + share) - mean;
  return result;
}

TEST(Features, AreThoseOfTheDocumentInItsOrder) {
  const std::vector<std::string> names = {"short-race",
                                          "short-standing",
                                          "short-closeness",
                                          "short-descent",
                                          "density",
                                          "matched-accuracy",
                                          "pilot-curves",
                                          "local-gain",
                                          "sparsity",
                                          "gradient-spread",
                                          "noise",
                                          "tail-index",
                                          "steps",
                                          "batch",
                                          "dimension",
                                          "sgd-descent",
                                          "closeness-of-sgd",
                                          "closeness-of-normalized-sgd",
                                          "closeness-of-signsgd",
                                          "closeness-of-signum",
                                          "closeness-of-lion",
                                          "closeness-of-muon",
                                          "closeness-of-adamw"};
  ASSERT_EQ(features().size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(features()[i].name, names[i]);
    EXPECT_EQ(feature_index(names[i]), i);
  }
  EXPECT_EQ(feature_index("no such"), features().size());
}

TEST(Features, OfTheShortRaceAreTheirFormulas) {
  // Both reach 2.5: SGD at its end, SignSGD half way from 2.8 at 10 to 2.2 at 20.
  EXPECT_NEAR(value("short-race", kSignSgd), std::log2(20.0 / 15.0), 1e-12);
  // Muon passes 2.5 between 4 at 0 and 1.8 at 10.
  EXPECT_NEAR(value("short-race", kMuon), std::log2(20.0 / (10.0 * 1.5 / 2.2)), 1e-12);
  // Normalized SGD ends higher, at 3.4, which SGD passes at 6.
  EXPECT_NEAR(value("short-race", {"normalized-sgd", kEuclidean, true}), std::log2(6.0 / 20.0), 1e-12);
  EXPECT_TRUE(std::isnan(value("short-race", {"lion", kSign, true})));
  // SignSGD beats SGD, normalized SGD, Signum and Lion, and loses to Muon and AdamW.
  EXPECT_NEAR(value("short-standing", kSignSgd), 2.0 / 6.0, 1e-12);
  EXPECT_NEAR(value("short-standing", kMuon), 1.0, 1e-12);
  EXPECT_NEAR(value("short-closeness", kSignSgd), closeness_by_hand().at("signsgd"), 1e-12);
  EXPECT_NEAR(value("short-closeness", {"lion", kSign, true}), closeness_by_hand().at("lion"), 1e-12);
  EXPECT_NEAR(value("short-descent", kSignSgd), std::log2(1.8 / 1.5), 1e-12);
  EXPECT_NEAR(value("sgd-descent", kSignSgd), std::log2(1.5 / 4.0), 1e-12);
  for (const auto& [name, expected] : closeness_by_hand()) {
    EXPECT_NEAR(value("closeness-of-" + name, kSignSgd), expected, 1e-12) << name;
    EXPECT_NEAR(value("closeness-of-" + name, kMuon), expected, 1e-12) << name << ", whoever asks";
  }
}

TEST(Features, OfTheModelsAreTheirFormulas) {
  // The start stands for 20 of 80 steps with density 1/8, SGD's end for the rest with 1/32.
  EXPECT_NEAR(value("density", kSignSgd), 0.25 * 3.0 + 0.75 * 5.0, 1e-12);
  EXPECT_NEAR(value("density", kMuon), 4.0, 1e-12);
  // L / g^2 (1 + 4 (S / g)^2 8 / 32).
  const double sgd = 5.0 / 4.0 * (1.0 + 9.0 / 4.0);
  EXPECT_NEAR(value("matched-accuracy", kSignSgd), std::log2(sgd / (700.0 / 900.0 * (1.0 + 1600.0 / 900.0))), 1e-12);
  EXPECT_NEAR(value("matched-accuracy", kMuon), std::log2(sgd / (300.0 / 576.0 * (1.0 + 400.0 / 576.0))), 1e-12);
  EXPECT_NEAR(value("pilot-curves", kSignSgd), std::log2(2.5), 1e-9);
  EXPECT_NEAR(value("pilot-curves", kMuon), std::log2(4.0), 1e-9);
  EXPECT_NEAR(value("local-gain", kSignSgd), std::log2(0.8 / 0.5), 1e-12);
  EXPECT_NEAR(value("local-gain", kMuon), std::log2(1.5 / 0.5), 1e-12);
}

TEST(Features, OfTheProblemAreTheirFormulas) {
  EXPECT_NEAR(value("sparsity", kSignSgd), 2.0, 1e-12);
  EXPECT_NEAR(value("gradient-spread", kSignSgd), std::log2(15.0 * 15.0 / 1000.0), 1e-12);
  EXPECT_NEAR(value("noise", kSignSgd), std::log2(1.5 * 0.5), 1e-12);  // four times the batch, half the noise
  EXPECT_NEAR(value("steps", kSignSgd), std::log2(80.0), 1e-12);
  EXPECT_NEAR(value("batch", kSignSgd), 5.0, 1e-12);
  EXPECT_NEAR(value("dimension", kSignSgd), std::log2(1000.0), 1e-12);
  const RunPlan unknown{.steps = 80, .batch_size = 0.0};  // then the probe's
  EXPECT_NEAR(value("noise", kSignSgd, evidence(), unknown), std::log2(1.5), 1e-12);
  EXPECT_NEAR(value("batch", kSignSgd, evidence(), unknown), 3.0, 1e-12);
}

TEST(Features, TailIndexIsClippedAndNotLogged) {
  Evidence e = evidence();
  EXPECT_EQ(value("tail-index", kSignSgd, e), 1.7);
  e.probe.tail.two_scale.value = 0.4;
  EXPECT_EQ(value("tail-index", kSignSgd, e), 1.0);
  e.probe.tail.two_scale.value = 9.0;
  EXPECT_EQ(value("tail-index", kSignSgd, e), 2.5);
  e.probe.tail.series = 0;
  EXPECT_TRUE(std::isnan(value("tail-index", kSignSgd, e)));
}

TEST(Features, WhatWasNotMeasuredIsNaN) {
  const Evidence nothing;
  for (std::size_t i = 0; i < features().size(); ++i) {
    if (std::string(features()[i].name) == "steps" || std::string(features()[i].name) == "batch") continue;
    EXPECT_TRUE(std::isnan(feature_values(nothing, kSignSgd, kPlan)[i])) << features()[i].name;
  }
}

}  // namespace
}  // namespace normdescent
