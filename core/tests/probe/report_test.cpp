// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>
#include <sstream>

#include "normdescent/probe/probe.hpp"
#include "probe/synthetic.hpp"
#include "support/explained_keys.hpp"

namespace normdescent {
namespace {

using testing::gaussian_noise;
using testing::gaussian_start;
using testing::Synthetic;
using testing::vectors;

ProbeOptions quick() { return {.micro_batches = 32, .pilot_micro_batches = 8, .pilot_steps = 3}; }

std::vector<ParameterInfo> matrix_and_vector() {
  return {{"weight", {8, 8}, Role::matrix}, {"bias", {16}, Role::vector}};
}

// f = ||x||^2 / 2 at weight = 3 I, bias = 1: gradient = x.
Synthetic identity_weight() {
  std::vector<float> start(80, 0.0F);
  for (std::size_t i = 0; i < 8; ++i) start[9 * i] = 3.0F;
  std::fill(start.begin() + 64, start.end(), 1.0F);
  return {matrix_and_vector(), start, testing::diagonal_quadratic(std::vector<double>(80, 1.0)),
          gaussian_noise(std::vector<double>(80, 0.5))};
}

Synthetic noisy_quadratic() {
  return {vectors({100, 300}), gaussian_start(400, 3), testing::diagonal_quadratic(std::vector<double>(400, 2.0)),
          gaussian_noise(std::vector<double>(400, 1.0))};
}

TEST(ProbeReport, JsonHasTheKeysOfTheContract) {
  Synthetic objective = noisy_quadratic();
  const auto json = nlohmann::json::parse(probe(objective, 8, quick()).to_json());
  for (const char* key : {"dimension", "noise_density", "noise_l1", "noise_l2", "tail_index", "smoothness",
                          "one_step_gain", "per_parameter", "pilot"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  for (const char* key : {"l2", "linf", "spectral"}) EXPECT_TRUE(json["smoothness"][key].is_number()) << key;
  ASSERT_EQ(json["one_step_gain"].size(), builtin_geometries().size());
  for (const char* key : {"direction", "gain", "gain_se", "step_size"}) {
    EXPECT_TRUE(json["one_step_gain"][0].contains(key)) << key;
  }
  for (const char* key : {"name", "shape", "role", "noise_density", "noise_l1", "noise_l2", "noise_nuclear"}) {
    EXPECT_TRUE(json["per_parameter"][0].contains(key)) << key;
  }
  EXPECT_TRUE(json["per_parameter"][0]["noise_nuclear"].is_null());  // a vector
  for (const char* key : {"optimizer", "step", "noise_density"}) EXPECT_TRUE(json["pilot"][0].contains(key)) << key;
}

// The best step of such a problem is one of two, a factor 100 apart, by chance; what is met near the start is not.
TEST(ProbeReport, SmoothnessDoesNotHangOnWhichValleyIsDeeper) {
  std::set<bool> found_far;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Synthetic objective(vectors({50}), std::vector<float>(50, 0.0F), testing::two_valleys(1.0, 1.0),
                        gaussian_noise(std::vector<double>(50, 3.0)));
    const ProbeReport report = probe(objective, 8, {.micro_batches = 8, .pilot_steps = 0, .seed = seed});
    const GeometryReport* sign = report.start.find(geometries::sign());
    ASSERT_NE(sign, nullptr);
    found_far.insert(sign->one_step_gain.step_size > 0.1);
    // gain' = (e / w) e^(-s) (1 - s) at s = a / w: over a = w ln 2 the slope falls by (e / w) (1 - (1 - ln 2) / 2).
    const double w = testing::kNearValley;
    const double expected =
        50.0 * std::numbers::e / w * (1.0 - 0.5 * (1.0 - std::numbers::ln2)) / (w * std::numbers::ln2);
    // The secant's length is within 5%, and L falls about as fast as it grows.
    EXPECT_NEAR(sign->smoothness.constant.value / expected, 1.0, 0.1) << seed;
  }
  EXPECT_EQ(found_far.size(), 2U);  // else this problem tests nothing
}

TEST(ProbeReport, SaysOfEachTensorHowItsNoiseGrowsAndHowItsGradientIsSpread) {
  Synthetic objective = identity_weight();
  const ProbeReport report = probe(objective, 16, {.pilot_steps = 8});
  ASSERT_EQ(report.per_parameter.size(), 2U);
  const ParameterNoise& weight = report.per_parameter[0];
  // All 8 singular values are equal. Msign is within 0.7%, the norm's noise (0.5 / 32 a coordinate) below 2%.
  EXPECT_NEAR(weight.nuclear_over_frobenius / std::sqrt(8.0), 1.0, 0.03);
  EXPECT_TRUE(std::isnan(report.per_parameter[1].nuclear_over_frobenius));
  for (const ParameterNoise& each : report.per_parameter) {
    EXPECT_EQ(each.noise_growth.points, 5) << each.parameter.name;
    // Additive noise: S_2^2 = size 0.25 / 16, wherever the pilots went. At their ends 23 x size degrees of freedom.
    const double expected = static_cast<double>(each.parameter.size()) * 0.25 / 16.0;
    EXPECT_NEAR(each.noise_growth.constant.value / expected, 1.0, 0.2) << each.parameter.name;
    EXPECT_LE(each.noise_growth.slope.value, 0.01) << each.parameter.name;
  }
  EXPECT_EQ(weight.matrix_noise_growth.points, 5);
  EXPECT_EQ(report.per_parameter[1].matrix_noise_growth.reason, "the tensor is no matrix");
}

TEST(ProbeReport, RoutedGeometrySaysWhichTensorsStepByMsign) {
  Synthetic objective = identity_weight();
  const ProbeReport report = probe(objective, 16, quick());
  const auto json = nlohmann::json::parse(report.to_json());
  const auto& routed = json["routed"][0];
  EXPECT_EQ(routed["geometry"], "spectral");
  EXPECT_EQ(json["routed"].size(), 3U);  // row-wise and column-wise, too
  EXPECT_EQ(routed["msign"]["coordinates"], 64);
  EXPECT_EQ(routed["sign"]["coordinates"], 16);
  EXPECT_TRUE(json["per_parameter"][0]["geometries"].contains("spectral"));
  EXPECT_TRUE(json["per_parameter"][0]["geometries"].contains("column-wise"));
  EXPECT_FALSE(json["per_parameter"][1]["geometries"].contains("spectral"));
  // The step is one for both; on a quadratic the parts add up to the loss's decrease, which is positive.
  EXPECT_GT(routed["msign"]["step_gain"].get<double>() + routed["sign"]["step_gain"].get<double>(), 0.0);
}

TEST(ProbeReport, EveryKeyIsExplainedInTheDocumentAndNoOther) {
  Synthetic objective = identity_weight();
  std::set<std::string> keys;
  ProbeOptions thorough = quick();
  thorough.is_thorough = true;
  test::collect_keys(nlohmann::json::parse(probe(objective, 16, thorough).to_json()), keys);
  Synthetic silent(matrix_and_vector(), std::vector<float>(80, 1.0F),
                   testing::diagonal_quadratic(std::vector<double>(80, 1.0)));
  test::collect_keys(nlohmann::json::parse(probe(silent, 16, quick()).to_json()), keys);  // says what is not measured
  const auto explained = test::explained_keys(NORMDESCENT_DOCS "/probe.md");
  for (const std::string& key : keys) EXPECT_TRUE(explained.contains(key)) << key << " is not in docs/probe.md";
  for (const std::string& key : explained) EXPECT_TRUE(keys.contains(key)) << key << " is in docs/probe.md only";
}

TEST(ProbeReport, DefaultReportSaysNotRun) {
  const ProbeReport report;
  EXPECT_EQ(report.one_line(), "probe not run");
  const auto json = nlohmann::json::parse(report.to_json());
  EXPECT_EQ(json["status"], "not run");
  EXPECT_TRUE(json["noise_density"].is_null());
  EXPECT_TRUE(json["smoothness"]["l2"].is_null());
}

}  // namespace
}  // namespace normdescent
