// SPDX-License-Identifier: Apache-2.0
// Golden numbers through the report's JSON, each of a field of its own, and what a probe derives from its parts.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "normdescent/base/numbers.hpp"
#include "normdescent/probe/probe.hpp"
#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;

/// 1, 2, 3, ...: no two fields hold the same.
class Counter {
 public:
  double next() { return ++value_; }
  Estimate estimate() {
    const double value = next();
    return {value, next()};
  }

 private:
  double value_ = 0.0;
};

TEST(ReportNumbers, EveryNumberComesOutUnderItsKey) {
  Counter n;
  ProbeReport r;
  r.status = ProbeStatus::completed;
  r.dimension = 1001;
  r.batch_size = 1002;
  r.micro_batch_size = 1003;
  r.start.noise.count = 1004;
  r.gradient_examples = 1005;
  r.loss_examples = 1006;
  r.seconds = n.next();
  r.start.loss = n.next();
  r.start.noise_density_error = n.next();
  for (double* field : {&r.start.noise.density, &r.start.noise.l1, &r.start.noise.l2, &r.start.noise.gradient_l1,
                        &r.start.noise.gradient_l2_squared})
    *field = n.next();
  r.tail.series = 1007;
  r.tail.samples = 1008;
  r.tail.small_block = 4;
  r.tail.large_block = 16;
  r.tail.two_scale = n.estimate();
  r.tail.one_scale = n.next();
  r.tails.hill = {n.estimate(), 1009, 0.0, 0.0};
  r.tails.growth = {n.estimate(), 1010};
  SampledNoise& total = r.sampled.total;
  for (Estimate* field : {&total.l1, &total.l2, &total.density, &total.gradient_l2_squared, &total.gradient_l1,
                          &total.gradient_density, &total.sign_agreement})
    *field = n.estimate();
  r.sampled.invariance = {4, n.estimate(), {}};
  GeometryReport g;
  g.geometry = geometries::sign();
  g.noise_scale = n.next();
  g.noise_scale_error = n.next();
  g.noise_density = n.next();
  g.gradient_norm = n.next();
  g.critical_batch = n.estimate();
  g.smoothness.constant = n.estimate();
  g.smoothness.curvature = n.estimate();
  g.one_step_gain.gain = n.estimate();
  g.one_step_gain.step_size = n.next();
  g.one_step_gain.learning_rate = n.next();
  g.one_step_gain.half_slope_step = n.next();
  r.start.geometries = {g};
  r.hessian.constants = {{geometries::sign(), n.estimate()}};
  r.hessian.diagonal_share = n.estimate();
  r.hessian.trace = n.estimate();
  r.hessian.disagreement = n.next();

  const Json json = Json::parse(r.to_json());
  const auto is = [](const Json& found, double expected, const char* what) {
    ASSERT_TRUE(found.is_number()) << what;
    EXPECT_EQ(found.get<double>(), expected) << what;
  };
  const auto is_estimate = [&](const Json& found, const Estimate& expected, const char* what) {
    is(found.at("value"), expected.value, what);
    is(found.at("se"), expected.standard_error, what);
  };
  is(json["dimension"], 1001, "dimension");
  is(json["batch_size"], 1002, "batch_size");
  is(json["micro_batch_size"], 1003, "micro_batch_size");
  is(json["micro_batches"], 1004, "micro_batches");
  is(json["gradient_examples"], 1005, "gradient_examples");
  is(json["loss_examples"], 1006, "loss_examples");
  is(json["seconds"], r.seconds, "seconds");
  is(json["loss"], r.start.loss, "loss");
  is(json["noise_density"], r.start.noise.density, "noise_density");
  is(json["noise_density_se"], r.start.noise_density_error, "noise_density_se");
  is(json["noise_l1"], r.start.noise.l1, "noise_l1");
  is(json["noise_l2"], r.start.noise.l2, "noise_l2");
  is(json["gradient_l1"], r.start.noise.gradient_l1, "gradient_l1");
  is(json["gradient_l2_squared"], r.start.noise.gradient_l2_squared, "gradient_l2_squared");
  is(json["tail_index"], r.tail.two_scale.value, "tail_index");
  const Json& tail = json["tail"]["coordinates"];
  is(tail["two_scale"], r.tail.two_scale.value, "two_scale");
  is(tail["two_scale_se"], r.tail.two_scale.standard_error, "two_scale_se");
  is(tail["one_scale"], r.tail.one_scale, "one_scale");
  is(tail["samples"], 1008, "samples");
  is(tail["series"], 1007, "series");
  EXPECT_EQ(tail["blocks"], (Json{4, 16}));
  EXPECT_TRUE(json["tail"]["projections"]["two_scale"].is_null());
  is_estimate(json["tails"]["hill"], r.tails.hill.alpha, "hill");
  is(json["tails"]["hill_exceedances"], 1009, "hill_exceedances");
  is_estimate(json["tails"]["moment_growth"], r.tails.growth.alpha, "moment_growth");
  is_estimate(json["sampled"]["noise_l1"], total.l1, "sampled l1");
  is_estimate(json["sampled"]["noise_l2"], total.l2, "sampled l2");
  is_estimate(json["sampled"]["noise_density"], total.density, "sampled density");
  is_estimate(json["sampled"]["gradient_l2_squared"], total.gradient_l2_squared, "sampled gradient_l2_squared");
  is_estimate(json["sampled"]["gradient_l1"], total.gradient_l1, "sampled gradient_l1");
  is_estimate(json["sampled"]["gradient_density"], total.gradient_density, "sampled gradient_density");
  is_estimate(json["sampled"]["sign_agreement"], total.sign_agreement, "sampled sign_agreement");
  is_estimate(json["batch_invariance"]["ratio"], r.sampled.invariance.ratio, "ratio");
  const Json& geometry = json["geometries"][0];
  is(geometry["noise_scale"], g.noise_scale, "noise_scale");
  is(geometry["noise_scale_se"], g.noise_scale_error, "noise_scale_se");
  is(geometry["noise_density"], g.noise_density, "noise_density of a geometry");
  is(geometry["gradient_norm"], g.gradient_norm, "gradient_norm");
  is(geometry["critical_batch"], g.critical_batch.value, "critical_batch");
  is(geometry["critical_batch_se"], g.critical_batch.standard_error, "critical_batch_se");
  is(geometry["smoothness"], g.smoothness.constant.value, "smoothness");
  is(geometry["smoothness_se"], g.smoothness.constant.standard_error, "smoothness_se");
  is(geometry["curvature"], g.smoothness.curvature.value, "curvature");
  is(geometry["curvature_se"], g.smoothness.curvature.standard_error, "curvature_se");
  is(json["smoothness"]["linf"], g.smoothness.constant.value, "smoothness linf");
  EXPECT_TRUE(json["smoothness"]["l2"].is_null());
  const Json& gain = json["one_step_gain"][0];
  is(gain["gain"], g.one_step_gain.gain.value, "gain");
  is(gain["gain_se"], g.one_step_gain.gain.standard_error, "gain_se");
  is(gain["step_size"], g.one_step_gain.step_size, "step_size");
  is(gain["learning_rate"], g.one_step_gain.learning_rate, "learning_rate");
  is(gain["half_slope_step"], g.one_step_gain.half_slope_step, "half_slope_step");
  is_estimate(json["hessian"]["constants"]["sign"], r.hessian.constants[0].value, "Hessian's constant");
  is_estimate(json["hessian"]["diagonal_share"], r.hessian.diagonal_share, "diagonal_share");
  is_estimate(json["hessian"]["trace"], r.hessian.trace, "trace");
  is(json["hessian"]["disagreement"], r.hessian.disagreement, "disagreement");
}

TEST(ReportNumbers, WhatAProbeDerivesFollowsFromItsParts) {
  // Noise 0.5 and 2 in tensors of 100 and 300, B = 32, b = 8.
  std::vector<double> sigma(400, 0.5);
  std::fill(sigma.begin() + 100, sigma.end(), 2.0);
  testing::Synthetic objective(testing::vectors({100, 300}), testing::gaussian_start(400, 3),
                               testing::diagonal_quadratic(std::vector<double>(400, 2.0)),
                               testing::gaussian_noise(sigma));
  const ProbeReport r = probe(objective, 32, {.micro_batches = 64, .pilot_micro_batches = 8, .pilot_steps = 3});
  const SampledNoise& total = r.sampled.total;
  const auto relative = [](const Estimate& e) { return e.standard_error / e.value; };

  // The noise of 32 examples is half that of 8.
  EXPECT_NEAR(r.start.noise.l1, 0.5 * total.l1.value, 1e-4 * r.start.noise.l1);
  EXPECT_NEAR(r.start.noise.l2, 0.5 * total.l2.value, 1e-4 * r.start.noise.l2);
  double l1 = 0.0;
  double l2_squared = 0.0;
  for (const ParameterNoise& each : r.per_parameter) {
    l1 += each.noise.l1;
    l2_squared += each.noise.l2 * each.noise.l2;
  }
  EXPECT_NEAR(r.start.noise.l1, l1, 1e-9 * l1);
  EXPECT_NEAR(r.start.noise.l2 * r.start.noise.l2, l2_squared, 1e-9 * l2_squared);

  const GeometryReport& l2 = *r.start.find(geometries::euclidean());
  const GeometryReport& sign = *r.start.find(geometries::sign());
  EXPECT_DOUBLE_EQ(l2.noise_scale, r.start.noise.l2);
  EXPECT_NEAR(sign.noise_scale, r.start.noise.l1, 1e-9 * sign.noise_scale);
  EXPECT_NEAR(l2.gradient_norm, std::sqrt(r.start.noise.gradient_l2_squared), 1e-9 * l2.gradient_norm);
  EXPECT_NEAR(sign.gradient_norm, r.start.noise.gradient_l1, 1e-9 * sign.gradient_norm);
  EXPECT_NEAR(l2.noise_scale_error, l2.noise_scale * relative(total.l2), 1e-9);
  EXPECT_NEAR(sign.noise_scale_error, sign.noise_scale * relative(total.l1), 1e-9);
  EXPECT_EQ(l2.noise_density, 1.0);
  EXPECT_NEAR(sign.noise_density, std::pow(r.start.noise.l1 / r.start.noise.l2, 2) / 400.0, 1e-9);

  // B = 32 (2 S / g)^2 with the relative errors of S and g, twice; that of g is half that of its square in l2.
  const auto critical = [](const GeometryReport& m) {
    return 32.0 * std::pow(2.0 * m.noise_scale / m.gradient_norm, 2);
  };
  EXPECT_NEAR(l2.critical_batch.value / critical(l2), 1.0, 1e-9);
  EXPECT_NEAR(sign.critical_batch.value / critical(sign), 1.0, 1e-9);
  EXPECT_NEAR(relative(l2.critical_batch),
              2.0 * std::hypot(relative(total.l2), 0.5 * relative(total.gradient_l2_squared)), 1e-9);
  EXPECT_NEAR(relative(sign.critical_batch), 2.0 * std::hypot(relative(total.l1), relative(total.gradient_l1)), 1e-9);

  // Growth: a fit over the start and the pilots' ends, of squares for noise and of the norm itself for smoothness.
  ASSERT_EQ(r.pilots.size(), 4U);
  for (const GeometryGrowth& growth : r.growth) {
    std::vector<AffinePoint> noise;
    std::vector<AffinePoint> smoothness;
    std::vector<const PointReport*> points = {&r.start};
    for (const PilotReport& pilot : r.pilots) points.push_back(&pilot.end);
    for (const PointReport* point : points) {
      const GeometryReport& m = *point->find(growth.geometry);
      noise.push_back({std::pow(m.gradient_norm, 2), std::pow(m.noise_scale, 2)});
      smoothness.push_back({m.gradient_norm, m.smoothness.constant.value});
    }
    const AffineFit expected = fit_affine(noise);
    EXPECT_NEAR(growth.noise.constant.value, expected.constant.value, 1e-9 * expected.constant.value);
    EXPECT_NEAR(growth.noise.slope.value, expected.slope.value, 1e-9);
    EXPECT_NEAR(growth.smoothness.constant.value, fit_affine(smoothness).constant.value, 1e-9);
  }
}

}  // namespace
}  // namespace normdescent
