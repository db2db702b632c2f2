// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/separable_run.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "elementwise.hpp"

namespace normdescent::lab {
namespace {

using SignSgd = rules::ElementwiseRule<rules::Raw<double>, rules::Sign<double>>;
using Sgd = rules::ElementwiseRule<rules::Raw<double>, rules::Identity<double>>;

auto signsgd(double learning_rate) {
  return [learning_rate](double unit) {
    return SignSgd{rules::Raw<double>{}, rules::Sign<double>{}, rules::Step<double>(learning_rate / unit, 0.0)};
  };
}

TEST(WordReader, ReadsTheStreamInOrderAndCountsLikeAPlainLoop) {
  const RandomStream stream{3, 4};
  std::vector<std::uint32_t> words(5000);
  fill_words(stream, 0, words);
  WordReader reader(stream);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(reader.next(), words[static_cast<std::size_t>(i)]);
  std::int64_t expected = 0;
  for (std::size_t i = 100; i < 4100; ++i) expected += words[i] < 0x40000000U ? 1 : 0;
  EXPECT_EQ(reader.count_below(0x40000000U, 4000), expected);
  EXPECT_EQ(reader.next(), words[4100]);
}

// X1: an exact zero of the oracle must be no step. Position after T steps = number of steps in which a sample fired.
struct CopySign {
  static constexpr int state_count = 0;
  double operator()(double u, double /*g*/) const { return std::copysign(1.0, u); }
};

TEST(SeparableRun, PositionCountsTheStepsThatFired) {
  const auto instance = sign_instance({.sigma = 0.5}, 0.05, 0.1, CellCount::sharp);
  const auto run = run_separable(std::span(&instance, 1), signsgd(0.1), {1, 2}, {.steps = 1000});
  EXPECT_GT(run.firing_steps, 10);
  EXPECT_EQ(run.positions[0], static_cast<double>(run.firing_steps));
  // The bug: with copysign the zeros are steps, and the walk drifts away to the left or right.
  using Wrong = rules::ElementwiseRule<rules::Raw<double>, CopySign>;
  const auto wrong =
      run_separable(std::span(&instance, 1),
                    [](double unit) {
                      return Wrong{rules::Raw<double>{}, CopySign{}, rules::Step<double>(0.1 / unit, 0.0)};
                    },
                    {1, 2}, {.steps = 1000});
  EXPECT_GT(std::abs(wrong.positions[0] - static_cast<double>(wrong.firing_steps)), 20.0);
}

TEST(SeparableRun, BatchesAverageTheirSamples) {
  // One step of SGD from a resisting slope: x = eta * fired/(B q) * s, so fired is a whole number in 0..B.
  const auto instance = sign_instance({.sigma = 0.2}, 0.1, 1.0);
  const double q = instance.oracle.probability;
  const auto sgd = [](double unit) {
    return Sgd{rules::Raw<double>{}, rules::Identity<double>{}, rules::Step<double>(1e-6 / unit, 0.0)};
  };
  const auto run = run_separable(std::span(&instance, 1), sgd, {1, 5}, {.steps = 1, .batch = 1000});
  const double fired = run.positions[0] / 1e-6 / 0.2 * q * 1000;
  EXPECT_NEAR(fired, std::nearbyint(fired), 1e-6);
  EXPECT_NEAR(fired, 1000 * q, 5 * std::sqrt(1000 * q * (1 - q)));
}

TEST(SeparableRun, NormsAreTakenBeforeTheStep) {       // X12: x_0, ..., x_{T-1}
  const auto instance = sign_instance({}, 0.25, 0.5);  // slope 1/2, one cell
  const auto run = run_separable(std::span(&instance, 1), signsgd(0.5), {}, {.steps = 2});
  EXPECT_EQ(run.smallest, 0.5);  // x = 0 and x = h; the third point would be below
  EXPECT_EQ(run.average, 0.5);
  const auto stopped = run_separable(std::span(&instance, 1), signsgd(0.5), {}, {.steps = 50, .target = 0.3});
  EXPECT_EQ(stopped.first_below, 2);
}

TEST(SeparableRun, NoiseFloorOfSgdNeverMoves) {  // T7
  for (const double eta : {0.01, 0.1, 1.0, 1.9}) {
    const auto instance = sgd_noise_floor({.initial_gap = 10, .sigma = 1}, eta);
    const auto run = run_separable(
        std::span(&instance, 1),
        [&](double unit) {
          return Sgd{rules::Raw<double>{}, rules::Identity<double>{}, rules::Step<double>(eta / unit, 0.0)};
        },
        {1, 6}, {.steps = 20000});
    EXPECT_GT(run.firing_steps, 10);
    EXPECT_NEAR(run.smallest, instance.resisted, 1e-9 * instance.resisted);
    EXPECT_NEAR(run.average, instance.resisted, 1e-9 * instance.resisted);
  }
}

TEST(SeparableRun, AdaGradDoesNotEscapeItsInstance) {  // T14
  // AdaGrad with delta = 0 at its M-th firing moves eta/sqrt(M), because all firings have the same size.
  for (const auto& [epsilon, sigma] : {std::pair{0.03, 0.2}, std::pair{0.02, 0.1}}) {
    const double eta = 0.3;
    const auto a = adagrad_instance(epsilon, sigma, eta);
    for (std::uint64_t k = 0; k < 200; ++k) {
      const auto run = run_separable(std::span(&a.instance, 1),
                                     [&](double unit) { return adagrad_rule<double>(eta / unit, kNoDelta); }, {9, k},
                                     {.steps = a.steps});
      EXPECT_GE(run.smallest, epsilon) << k;
    }
  }
}

}  // namespace
}  // namespace normdescent::lab
