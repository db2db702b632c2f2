// SPDX-License-Identifier: Apache-2.0
// Rules on single coordinates. Hyper-parameters are powers of two, so every expected value is exact.
#include "normdescent/rules/rule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <type_traits>

namespace normdescent::rules {
namespace {

template <class T>
class SignOf : public testing::Test {};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(SignOf, Numbers);

TYPED_TEST(SignOf, BothZerosIsPositiveZero) {
  for (const TypeParam zero : {TypeParam(0.0), TypeParam(-0.0)}) {
    EXPECT_EQ(sign(zero), TypeParam(0));
    EXPECT_FALSE(std::signbit(sign(zero)));
  }
}

TYPED_TEST(SignOf, TheSmallestAndLargestNumbersIsOneInSize) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam x : {Limits::denorm_min(), Limits::min(), Limits::max(), Limits::infinity()}) {
    EXPECT_EQ(sign(x), TypeParam(1));
    EXPECT_EQ(sign(-x), TypeParam(-1));
  }
}

TYPED_TEST(SignOf, NotANumberIsZero) { EXPECT_EQ(sign(std::numeric_limits<TypeParam>::quiet_NaN()), TypeParam(0)); }

TEST(Rule, IsAPlainValueThatDevicesCanCopy) {
  static_assert(std::is_trivially_copyable_v<ElementwiseRule<DoubleEma<float>, Sign<float>>>);
  static_assert(std::is_trivially_copyable_v<ElementwiseRule<Ema<double>, AdamScale<double>>>);
  static_assert(ElementwiseRule<Raw<float>, Sign<float>>::state_count == 0);
  static_assert(ElementwiseRule<Ema<float>, AdamScale<float>>::state_count == 2);
}

TEST(Rule, RunsAtCompileTime) {
  constexpr double x = [] {
    double value = 1.0;
    ElementwiseRule(Raw<double>{}, Sign<double>{}, Step<double>(0.25, 0.0))(value, 7.0);
    return value;
  }();
  static_assert(x == 0.75);
}

TEST(Step, MultipliesByOneMinusRateTimesDecayWithoutGradient) {
  for (const double rate : {0.1, 0.3, 1e-3}) {
    for (const double decay : {0.0, 0.1, 0.7}) {
      double x = 1.7;
      ElementwiseRule(Raw<double>{}, Sign<double>{}, Step<double>(rate, decay))(x, 0.0);
      EXPECT_EQ(x, (1.0 - rate * decay) * 1.7);
    }
  }
}

TEST(HeavyBall, TwoStepsByHand) {
  const ElementwiseRule rule(HeavyBall<double>(0.5), Identity<double>{}, Step<double>(0.25, 0.0));
  double x = 1.0;
  double b = 0.0;
  rule(x, 2.0, b);  // b = 2, x = 1 - 0.25 * 2
  EXPECT_EQ(b, 2.0);
  EXPECT_EQ(x, 0.5);
  rule(x, -4.0, b);  // b = 1 - 4 = -3, x = 0.5 + 0.75
  EXPECT_EQ(b, -3.0);
  EXPECT_EQ(x, 1.25);
}

TEST(HeavyBallNesterov, LooksAheadByOneMomentumStep) {
  const HeavyBallNesterov<double> estimator(0.5);
  double b = 2.0;
  EXPECT_EQ(estimator(4.0, b), 4.0 + 0.5 * 5.0);  // b = 1 + 4 = 5
  EXPECT_EQ(b, 5.0);
}

TEST(EmaNesterov, LooksAheadByOneMomentumStep) {
  const EmaNesterov<double> estimator(0.25);
  double m = 8.0;
  EXPECT_EQ(estimator(4.0, m), 0.25 * 5.0 + 0.75 * 4.0);  // m = 2 + 3 = 5
  EXPECT_EQ(m, 5.0);
}

TEST(DoubleEma, TakesTheOldMomentumInsideAndUpdatesItAfterwards) {
  const DoubleEma<double> estimator(0.5, 0.25);
  double m = 8.0;
  EXPECT_EQ(estimator(-4.0, m), 2.0);  // 0.5 * 8 - 0.5 * 4; with the new m it would be -2.5
  EXPECT_EQ(m, -1.0);                  // 0.25 * 8 - 0.75 * 4
}

TEST(AdamScale, FirstStepByHand) {
  // t = 1: both corrections undo the averaging, so d = g / (|g| + epsilon).
  const ElementwiseRule rule(Ema<double>(0.5), AdamScale<double>(0.5, 0.75, 1.0, 1), Step<double>(0.5, 0.0));
  double x = 1.0;
  double m = 0.0;
  double v = 0.0;
  rule(x, -3.0, m, v);
  EXPECT_EQ(m, -1.5);
  EXPECT_EQ(v, 2.25);
  EXPECT_EQ(x, 1.0 + 0.5 * 3.0 / (3.0 + 1.0));
}

TEST(EstimateRule, WritesTheEstimateOverItsTarget) {
  const EstimateRule rule(Ema<double>(0.5));
  double u = 99.0;
  double m = 2.0;
  rule(u, 4.0, m);
  EXPECT_EQ(u, 3.0);
  EXPECT_EQ(m, 3.0);
}

TEST(Coefficients, ComplementIsFormedInDoubleBeforeRounding) {
  // 1 - 0.999f is 0.0010000467f: a relative error of 5e-5 in every averaged gradient.
  EXPECT_EQ(Ema<float>(0.999).complement, static_cast<float>(1.0 - 0.999));
  EXPECT_NE(Ema<float>(0.999).complement, 1.0F - Ema<float>(0.999).beta);
}

}  // namespace
}  // namespace normdescent::rules
