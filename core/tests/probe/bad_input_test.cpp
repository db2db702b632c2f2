// SPDX-License-Identifier: Apache-2.0
// Problems of which something cannot be measured: the report says what, and why; no number takes its place.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "normdescent/base/numbers.hpp"
#include "normdescent/probe/probe.hpp"
#include "probe/synthetic.hpp"

namespace normdescent {
namespace {

using Json = nlohmann::json;
using testing::gaussian_noise;
using testing::gaussian_start;
using testing::Synthetic;
using testing::vectors;

constexpr std::size_t kDimension = 400;

ProbeOptions quick(int micro_batches = 32) {
  return {.micro_batches = micro_batches, .pilot_micro_batches = 8, .pilot_steps = 0};
}

std::vector<double> all(double value) { return std::vector<double>(kDimension, value); }

Synthetic quadratic(const std::vector<double>& curvatures, const std::vector<double>& noise) {
  return {vectors({300, 100}), gaussian_start(kDimension, 3), testing::diagonal_quadratic(curvatures),
          gaussian_noise(noise)};
}

// Empty: it was measured.
std::string reason_of(const ProbeReport& report, std::string_view quantity) {
  for (const NotMeasured& each : report.not_measured) {
    if (each.quantity == quantity) return each.because;
  }
  return "";
}

TEST(BadInput, ALossOrAGradientThatIsNotFiniteIsNotMeasurable) {
  Synthetic loss(vectors({4}), {1, 2, 3, 4}, [](std::span<const float>, std::span<double>) { return kNaN; });
  EXPECT_EQ(probe(loss, 8, quick()).status, ProbeStatus::not_measurable);
  EXPECT_NE(probe(loss, 8, quick()).reason.find("the loss is not finite"), std::string::npos);

  Synthetic gradient(vectors({4}), {1, 2, 3, 4}, [](std::span<const float>, std::span<double> g) {
    g[2] = kNaN;
    return 1.0;
  });
  const ProbeReport report = probe(gradient, 8, quick());
  EXPECT_EQ(report.status, ProbeStatus::not_measurable);
  EXPECT_NE(report.reason.find("gradients are not finite"), std::string::npos);
  EXPECT_TRUE(Json::parse(report.to_json())["noise_l2"].is_null());
}

TEST(BadInput, ZeroNoiseIsSaidOfAllThatNeedsNoise) {
  Synthetic objective = quadratic(all(1.0), all(0.0));
  const ProbeReport report = probe(objective, 8, quick());
  EXPECT_EQ(report.status, ProbeStatus::completed);
  EXPECT_NE(report.reason.find("zero noise"), std::string::npos);
  EXPECT_NE(reason_of(report, "noise").find("zero noise"), std::string::npos);
  EXPECT_NE(reason_of(report, "noise of t0").find("zero noise"), std::string::npos);
  EXPECT_FALSE(reason_of(report, "tail index").empty());
  EXPECT_FALSE(reason_of(report, "batch invariance").empty());
  EXPECT_EQ(report.start.noise.density, 0.0);
  EXPECT_TRUE(Json::parse(report.to_json())["tail_index"].is_null());
}

TEST(BadInput, AFrozenTensorSaysSoAndTheOtherIsMeasured) {
  std::vector<double> curvatures = all(1.0);
  std::vector<double> noise = all(1.0);
  std::fill(curvatures.begin() + 300, curvatures.end(), 0.0);
  std::fill(noise.begin() + 300, noise.end(), 0.0);
  Synthetic objective = quadratic(curvatures, noise);
  const ProbeReport report = probe(objective, 8, quick());
  EXPECT_EQ(report.status, ProbeStatus::completed);
  EXPECT_NE(reason_of(report, "noise of t1").find("exactly zero: frozen"), std::string::npos);
  EXPECT_EQ(reason_of(report, "noise of t0"), "");
  const Json tensors = Json::parse(report.to_json())["per_parameter"];
  EXPECT_EQ(tensors[1]["silent_coordinates"], 100);
  EXPECT_TRUE(tensors[1]["sign_agreement"].is_null());
  EXPECT_TRUE(tensors[1]["noise_density_se"].is_null());
  EXPECT_NEAR(tensors[0]["noise_density"].get<double>(), 1.0, 0.05);
}

TEST(BadInput, AConstantGradientHasNoSmoothnessAndANoiseOfItsOwn) {
  Synthetic objective(
      vectors({300, 100}), gaussian_start(kDimension, 3),
      [](std::span<const float> x, std::span<double> g) {
        double value = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          g[i] = 2.0;
          value += 2.0 * static_cast<double>(x[i]);
        }
        return value;
      },
      gaussian_noise(all(1.0)));
  const ProbeReport report = probe(objective, 8, quick());
  EXPECT_EQ(report.status, ProbeStatus::completed);
  const Json json = Json::parse(report.to_json());
  for (const char* key : {"l2", "linf", "spectral"}) EXPECT_TRUE(json["smoothness"][key].is_null()) << key;
  for (const char* geometry : {"euclidean", "sign", "spectral"}) {
    EXPECT_NE(reason_of(report, std::string("smoothness, ") + geometry).find("does not change"), std::string::npos);
  }
  EXPECT_NEAR(report.start.noise.l2, std::sqrt(kDimension / 8.0), 0.1 * std::sqrt(kDimension / 8.0));
}

TEST(BadInput, TooFewMicroBatchesSayWhatTheyWereTooFewFor) {
  Synthetic objective = quadratic(all(1.0), all(1.0));
  const ProbeReport report = probe(objective, 8, quick(4));
  EXPECT_EQ(report.status, ProbeStatus::completed);
  const Json json = Json::parse(report.to_json());
  EXPECT_TRUE(json["tail_index"].is_null());
  EXPECT_NE(reason_of(report, "batch invariance").find("8 micro-batches"), std::string::npos);
  EXPECT_NE(reason_of(report, "tail index (Hill)").find("16 micro-batches"), std::string::npos);
  EXPECT_NE(reason_of(report, "tail index (moments)").find("20 micro-batches"), std::string::npos);
  EXPECT_FALSE(reason_of(report, "tail index").empty());
  EXPECT_TRUE(json["noise_l2"].is_number());
}

}  // namespace
}  // namespace normdescent
