// SPDX-License-Identifier: Apache-2.0
// Descent in a norm that the catalog has too is the catalog's optimizer.
#include "normdescent/optimizers/norm_descent.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "normdescent/norms/norms.hpp"

namespace normdescent {
namespace {

const std::vector<ParameterInfo> kInfos{{"a", {3, 2}, Role::matrix}, {"b", {4}}};

template <class T>
void set_gradients(ParameterBuffer<T>& buffer, int t) {
  for (std::size_t i = 0; i < buffer.gradients().size(); ++i) {
    buffer.gradients()[i] = static_cast<T>(std::sin(1.7 * static_cast<double>(i) + t));
  }
}

TEST(NormDescent, InTheSignNormIsSignumBitForBit) {
  ParameterBuffer<double> ours(kInfos);
  ParameterBuffer<double> theirs(kInfos);
  NormDescent<double, LInf> own(LInf{}, kInfos, {.learning_rate = 0.1, .beta = 0.75, .decoupled_decay = 0.5});
  Optimizer<double> signum_run(signum({.learning_rate = 0.1, .beta = 0.75, .decoupled_decay = 0.5}), kInfos);
  for (int t = 0; t < 10; ++t) {
    set_gradients(ours, t);
    set_gradients(theirs, t);
    ASSERT_TRUE(own.step(ours.parameters(), 1.0 / (t + 1)).finite);
    ASSERT_TRUE(signum_run.step(theirs.parameters(), 1.0 / (t + 1)).finite);
    for (std::size_t i = 0; i < ours.values().size(); ++i) ASSERT_EQ(ours.values()[i], theirs.values()[i]) << t;
  }
}

TEST(NormDescent, SkipsTensorsWithoutGradientAndNonFiniteSteps) {
  ParameterBuffer<float> buffer(kInfos);
  NormDescent<float, L2> own(L2{}, kInfos, {.learning_rate = 0.5});
  set_gradients(buffer, 1);
  auto list = std::vector(buffer.parameters().begin(), buffer.parameters().end());
  list[0].gradient = {};
  ASSERT_TRUE(own.step(list).finite);
  double moved = 0.0;
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(buffer.values()[i], 0.0F);
  for (std::size_t i = 6; i < 10; ++i) moved += buffer.values()[i] * buffer.values()[i];
  EXPECT_NEAR(std::sqrt(moved), 0.5, 1e-6);  // a few roundings of float
  buffer.gradients()[7] = std::numeric_limits<float>::quiet_NaN();
  const float before = buffer.values()[6];
  EXPECT_EQ(own.step(buffer.parameters()).first_nonfinite_parameter, "b");
  EXPECT_EQ(buffer.values()[6], before);
}

TEST(NormDescent, RefusesWrongOptionsAndTensors) {
  using Descent = NormDescent<float, L2>;
  EXPECT_THROW(Descent(L2{}, kInfos, {.beta = 1.0}), std::invalid_argument);
  EXPECT_THROW(Descent(L2{}, kInfos, {.learning_rate = -1.0}), std::invalid_argument);
  Descent own(L2{}, kInfos);
  EXPECT_THROW((void)own.step({}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
