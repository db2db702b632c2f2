// SPDX-License-Identifier: Apache-2.0
// Known answers of the upper bounds (computed independently in plain doubles) and their structure.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "normdescent/base/philox.hpp"
#include "normdescent/theory/upper.hpp"

namespace normdescent {
namespace {

const ProblemConstants kSign{.initial_gap = 1.0, .smoothness = 2.0, .noise = 0.5};

ProblemConstants with_tail(double tail) {
  ProblemConstants constants = kSign;
  constants.tail = tail;
  return constants;
}

TEST(UpperBound, MinibatchKnownAnswers) {
  const RunSettings run{.learning_rate = 0.1, .steps = 100, .batch = 4};
  EXPECT_NEAR(upper_bound(kSign, RawMiniBatch{}, run).value, 0.7, 1e-15);
  EXPECT_NEAR(upper_bound(with_tail(1.5), RawMiniBatch{}, run).value, 0.9937005260, 5e-11);
}

TEST(UpperBound, MomentumKnownAnswers) {
  const RunSettings run{.learning_rate = 0.01, .steps = 1000, .batch = 4};
  const ExponentialAverage momentum{.averaging = 0.1};
  EXPECT_NEAR(upper_bound(with_tail(1.5), momentum, run).value, 0.8463401551, 5e-11);
  EXPECT_NEAR(upper_bound(kSign, momentum, run).value, 0.6331138830, 5e-11);
}

TEST(UpperBound, LionKnownAnswer) {
  const LionAverage lion{.averaging1 = 0.1, .averaging2 = 0.01, .start_error = 0.5};
  EXPECT_NEAR(upper_bound(kSign, lion, {.learning_rate = 0.01, .steps = 1000}).value, 3.99, 1e-13);
}

}  // namespace
}  // namespace normdescent
