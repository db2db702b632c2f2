// SPDX-License-Identifier: Apache-2.0
// What the problems of the lab say of themselves, checked by self_check.
#pragma once

#include <gtest/gtest.h>

#include "normdescent/lab/problems.hpp"

namespace normdescent::lab {

inline void expect_claims_hold(const LabProblem& problem) {
  for (const auto& check : self_check(problem)) {
    EXPECT_TRUE(check.passed) << problem.claims().name << ": " << check.name << " = " << check.value << ", expected "
                              << check.expected;
  }
}

}  // namespace normdescent::lab
