// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/quadratic.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace normdescent::lab {
namespace {

using rules::ElementwiseRule;

// The twin: one coordinate at a time, with the same rule.
template <class R>
std::vector<float> plain_steps(const R& rule, std::span<const float> curvature, std::span<const float> noise,
                               std::vector<float> x, RandomStream stream, int steps) {
  const std::size_t row = (x.size() + 63) / 64 * 64;
  std::vector<float> state(x.size(), 0.0F);
  std::vector<float> z(row);
  for (int t = 0; t < steps; ++t) {
    fill_normal(stream, static_cast<std::uint64_t>(t) * row, z);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float exact = curvature[i] * x[i];
      const float g = noise.empty() ? exact : exact + noise[i] * z[i];
      if constexpr (R::state_count == 0) {
        rule(x[i], g);
      } else {
        rule(x[i], g, state[i]);
      }
    }
  }
  return x;
}

template <class R>
void expect_same_bits_as_twin(const R& rule) {
  for (const std::size_t d : {1U, 63U, 100U, 3000U}) {
    std::vector<float> curvature(d), noise(d), start(d);
    for (std::size_t i = 0; i < d; ++i) {
      curvature[i] = 0.1F + static_cast<float>(i % 7);
      noise[i] = static_cast<float>(i % 3);
      start[i] = static_cast<float>(i % 11) - 5.0F;
    }
    for (const bool noisy : {false, true}) {
      const std::vector<float> sigma = noisy ? noise : std::vector<float>{};
      QuadraticRun run(curvature, sigma, start, {3, 4});
      for (int t = 0; t < 5; ++t) run.step(rule);
      const auto expected = plain_steps(rule, curvature, sigma, start, {3, 4}, 5);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), run.x().begin())) << d << (noisy ? " noisy" : " exact");
    }
  }
}

TEST(QuadraticRun, FusedStepsAreBitEqualToPlainOnes) {
  const rules::Step<float> step(0.01, 0.0);
  expect_same_bits_as_twin(ElementwiseRule{rules::Raw<float>{}, rules::Identity<float>{}, step});
  expect_same_bits_as_twin(ElementwiseRule{rules::Raw<float>{}, rules::Sign<float>{}, step});
  expect_same_bits_as_twin(ElementwiseRule{rules::Ema<float>(0.9), rules::Sign<float>{}, step});
  expect_same_bits_as_twin(ElementwiseRule{rules::DoubleEma<float>(0.9, 0.99), rules::Sign<float>{}, step});
  expect_same_bits_as_twin(ElementwiseRule{rules::HeavyBall<float>(0.9), rules::Identity<float>{}, step});
}

TEST(QuadraticRun, StepReturnsTheObjectiveBeforeIt) {
  const std::vector<float> curvature{2.0F, 4.0F};
  const std::vector<float> start{3.0F, -1.0F};
  QuadraticRun run(curvature, {}, start, {});
  const ElementwiseRule sgd{rules::Raw<float>{}, rules::Identity<float>{}, rules::Step<float>(0.25, 0.0)};
  EXPECT_EQ(run.value(), 11.0);
  EXPECT_EQ(run.step(sgd), 11.0);  // then x = (1.5, 0)
  EXPECT_EQ(run.value(), 2.25);
}

TEST(QuadraticRun, BadArraysAreRefusedByName) {
  const std::vector<float> one{1.0F};
  const std::vector<float> negative{-1.0F};
  const std::vector<float> two{1.0F, 1.0F};
  EXPECT_THROW(QuadraticRun(negative, {}, one, {}), std::invalid_argument);
  EXPECT_THROW(QuadraticRun(one, negative, one, {}), std::invalid_argument);
  EXPECT_THROW(QuadraticRun(one, {}, two, {}), std::invalid_argument);
  EXPECT_THROW(QuadraticRun({}, {}, {}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent::lab
