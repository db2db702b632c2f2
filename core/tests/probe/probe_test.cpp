// SPDX-License-Identifier: Apache-2.0
#include "normdescent/probe/probe.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "probe/synthetic.hpp"
#include "support/allocations.hpp"

namespace normdescent {
namespace {

using testing::gaussian_noise;
using testing::gaussian_start;
using testing::Synthetic;
using testing::vectors;

constexpr std::size_t kDimension = 400;

std::vector<double> curvatures() {
  std::vector<double> l(kDimension);
  for (std::size_t i = 0; i < l.size(); ++i) l[i] = 0.5 + static_cast<double>(i % 4);
  return l;
}

// sigma_i in {1, 9}: S_1 = 400 * 3, S_2^2 = 400 * 21, phi = 9 / 21.
std::vector<double> two_level_scales() {
  std::vector<double> sigma(kDimension, 1.0);
  for (std::size_t i = 0; i < sigma.size(); i += 4) sigma[i] = 9.0;
  return sigma;
}

Synthetic noisy_quadratic(std::uint64_t seed = 3) {
  return {vectors({100, 300}), gaussian_start(kDimension, seed), testing::diagonal_quadratic(curvatures()),
          gaussian_noise(two_level_scales())};
}

ProbeOptions quick() { return {.micro_batches = 32, .pilot_micro_batches = 8, .pilot_steps = 3}; }

TEST(Probe, RecoversKnownNoiseSmoothnessAndTail) {
  Synthetic objective = noisy_quadratic();
  const ProbeReport report = probe(objective, 16, {.micro_batches = 64, .pilot_steps = 0});
  ASSERT_EQ(report.status, ProbeStatus::completed);
  EXPECT_EQ(report.dimension, 400);
  EXPECT_EQ(report.micro_batch_size, 4U);
  // Noise of a mini-batch of 16: sigma / 4. Spread of sums over 400 coordinates with 63 degrees of freedom: 1.5%
  // for S_1, 1% more where S_2 weighs a quarter of them; four of those.
  EXPECT_NEAR(report.start.noise.l1 / 300.0, 1.0, 0.04);
  EXPECT_NEAR(report.start.noise.l2 / (std::sqrt(8400.0) / 4.0), 1.0, 0.04);
  EXPECT_NEAR(report.start.noise.density / (9.0 / 21.0), 1.0, 0.06);
  EXPECT_GT(report.start.noise_density_error, 0.0);
  EXPECT_LT(report.start.noise_density_error, 0.05);
  // Every sign direction of a diagonal Hessian meets L_inf = sum L_i exactly; the gradient's meets at most max L_i.
  const GeometryReport* sign = report.start.find(geometries::sign());
  ASSERT_NE(sign, nullptr);
  EXPECT_NEAR(sign->smoothness.constant.value / 800.0, 1.0, 1e-3);
  EXPECT_NEAR(sign->noise_scale / report.start.noise.l1, 1.0, 1e-9);
  EXPECT_NEAR(sign->noise_density / report.start.noise.density, 1.0, 1e-9);
  const GeometryReport* euclidean = report.start.find(geometries::euclidean());
  ASSERT_NE(euclidean, nullptr);
  EXPECT_LE(euclidean->smoothness.constant.value, 3.5 * (1.0 + 1e-3));
  EXPECT_GT(euclidean->smoothness.constant.value, 0.5);
  EXPECT_NEAR(report.tail.two_scale.value, 2.0, 4.0 * report.tail.two_scale.standard_error + 0.05);
  EXPECT_EQ(report.per_parameter.size(), 2U);
  // All 400 coordinates are read: the sampled statistics are those of the accumulators, at the micro-batch size.
  EXPECT_NEAR(report.sampled.total.l1.value / (2.0 * report.start.noise.l1), 1.0, 1e-4);
  EXPECT_FALSE(report.sampled.invariance.is_violated());
  // B = (2 S_1 / ||grad||_1)^2 examples, S_1 = 1200.
  EXPECT_NEAR(sign->critical_batch.value, 4.0 * 1200.0 * 1200.0 / (sign->gradient_norm * sign->gradient_norm),
              0.1 * sign->critical_batch.value);
  EXPECT_NE(report.growth.front().noise.reason.find("needs 4 points"), std::string::npos);
}

TEST(Probe, LeavesParametersBitEqualAndRepeatsExactly) {
  Synthetic a = noisy_quadratic();
  const std::vector<float> before(a.values().begin(), a.values().end());
  ProbeReport first = probe(a, 8, quick());
  for (std::size_t i = 0; i < before.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(before[i]), std::bit_cast<std::uint32_t>(a.values()[i]));
  }
  Synthetic b = noisy_quadratic();
  ProbeReport second = probe(b, 8, quick());
  first.seconds = second.seconds = 0.0;
  EXPECT_EQ(first.to_json(), second.to_json());
}

TEST(Probe, PilotsDescendAndMeasureTheirEnds) {
  Synthetic objective = noisy_quadratic();
  ProbeOptions options = quick();
  options.pilot_steps = 10;
  const ProbeReport report = probe(objective, 64, options);
  ASSERT_EQ(report.pilots.size(), 4U);
  for (const PilotReport& pilot : report.pilots) {
    EXPECT_EQ(pilot.end.step, 10);
    EXPECT_LT(pilot.end.loss, report.start.loss) << pilot.end.optimizer;
    EXPECT_GT(pilot.end.noise.density, 0.2);
  }
}

TEST(Probe, ReturnsParametersWhenTheObjectiveThrowsFarFromTheStart) {
  const std::vector<float> before = gaussian_start(kDimension, 3);
  int calls_elsewhere = 0;
  const auto smooth = testing::diagonal_quadratic(curvatures());
  Synthetic objective(vectors({kDimension}), before, [&](std::span<const float> x, std::span<double> g) {
    if (x[0] != before[0] && ++calls_elsewhere == 20) throw std::runtime_error("out of data");
    return smooth(x, g);
  });
  EXPECT_THROW((void)probe(objective, 8, quick()), std::runtime_error);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), objective.values().begin()));
}

TEST(Probe, StopsOnRequestAndReturnsParameters) {
  Synthetic objective = noisy_quadratic();
  const std::vector<float> before(objective.values().begin(), objective.values().end());
  std::stop_source stop;
  const ProbeReport report = probe(
      objective, 8, quick(),
      [&](double fraction, std::string_view) {
        if (fraction > 0.3) stop.request_stop();
      },
      stop.get_token());
  EXPECT_EQ(report.status, ProbeStatus::stopped);
  EXPECT_GT(report.start.noise.density, 0.0);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), objective.values().begin()));
}

TEST(Probe, ProgressGrowsToOne) {
  Synthetic objective = noisy_quadratic();
  double last = 0.0;
  (void)probe(objective, 8, quick(), [&](double fraction, std::string_view) {
    EXPECT_GT(fraction, last);
    last = fraction;
  });
  EXPECT_DOUBLE_EQ(last, 1.0);
}

TEST(Probe, RefusesInvalidOptionsByName) {
  Synthetic objective = noisy_quadratic();
  EXPECT_TRUE(validate(ProbeOptions{}).empty());
  const auto message = [&](const ProbeOptions& options, std::uint32_t batch) -> std::string {
    try {
      (void)probe(objective, batch, options);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message({}, 0).find("batch_size = 0"), std::string::npos);
  EXPECT_NE(message({.micro_batches = 1}, 8).find("micro_batches = 1, must be >= 2"), std::string::npos);
  EXPECT_NE(message({.matrix_samples = 0}, 8).find("matrix_samples"), std::string::npos);
  EXPECT_NE(message({.repetitions = 1}, 8).find("repetitions"), std::string::npos);
  EXPECT_NE(message({.search_repetitions = 0}, 8).find("search_repetitions"), std::string::npos);
  EXPECT_NE(message({.pilot_micro_batches = 1}, 8).find("pilot_micro_batches"), std::string::npos);
  EXPECT_NE(message({.pilot_steps = -1}, 8).find("pilot_steps"), std::string::npos);
  EXPECT_NE(message({.pilot_rate = 0.0}, 8).find("pilot_rate"), std::string::npos);
  EXPECT_NE(message({.pilot_tries = 0}, 8).find("pilot_tries"), std::string::npos);
  EXPECT_NE(message({.pilot_repetitions = 1}, 8).find("pilot_repetitions"), std::string::npos);
}

// Writes nothing of its own to the heap, so that what is counted is the probe's.
class Frugal final : public Objective {
 public:
  explicit Frugal(Index n) : buffer_(vectors({n / 2, n - n / 2})) {
    for (float& x : buffer_.values()) x = 1.0F;
  }
  [[nodiscard]] std::span<const Parameter> parameters() const override { return buffer_.parameters(); }
  double gradient(const Batch& batch) override {
    const auto shift = static_cast<float>(philox4x32(batch.stream, batch.first, 0)[0] % 1000U) * 1e-4F;
    for (std::size_t i = 0; i < buffer_.values().size(); ++i) {
      buffer_.gradients()[i] = buffer_.values()[i] + (i % 2 == 0 ? shift : -shift);
    }
    return loss(batch);
  }
  double loss(const Batch&) override {
    double sum = 0.0;
    for (const float x : buffer_.values()) sum += 0.5 * static_cast<double>(x) * static_cast<double>(x);
    return sum;
  }
  double validation_loss() override { return loss({}); }

 private:
  ParameterBuffer<float> buffer_;
};

TEST(Probe, NeedsAtMostFourCopiesOfTheParameters) {
  if (!test::counts_allocations()) GTEST_SKIP() << "not counted under the thread sanitizer";
  constexpr Index n = 200'000;
  Frugal objective(n);
  ProbeOptions options = quick();
  options.repetitions = 2;
  const std::int64_t before = test::heap_bytes();
  test::reset_heap_peak();
  const ProbeReport report = probe(objective, 4, options);
  EXPECT_EQ(report.status, ProbeStatus::completed);
  const std::int64_t peak = test::heap_peak() - before;
  const auto copy = static_cast<std::int64_t>(n * sizeof(float));
  // Index lists and samples of the tail index take 0.4 MB, whatever the dimension is.
  EXPECT_LE(peak, 4 * copy + 500'000);
  EXPECT_GE(peak, 3 * copy);  // else the count is broken
}

}  // namespace
}  // namespace normdescent
