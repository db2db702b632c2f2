// SPDX-License-Identifier: Apache-2.0
// Random problem constants over many decades, and error messages, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "normdescent/base/philox.hpp"
#include "normdescent/norms/geometry.hpp"
#include "normdescent/theory/constants.hpp"

namespace normdescent::test {

/// 10^u, u uniform in [low, high].
inline double log_uniform(Philox& random, double low, double high) {
  return std::pow(10.0, low + (high - low) * random.uniform());
}

inline ProblemConstants random_constants(Philox& random, double tail) {
  return {.geometry = builtin_geometries()[random.below(builtin_geometries().size())].name(),
          .initial_gap = log_uniform(random, -3, 3),
          .smoothness = log_uniform(random, -3, 3),
          .noise = log_uniform(random, -3, 3),
          .tail = tail};
}

/// A target that the start does not satisfy yet.
inline double random_target(Philox& random, const ProblemConstants& constants) {
  return largest_start_gradient(constants) * log_uniform(random, -4, -0.01);
}

/// The text of the std::invalid_argument that `call` throws, or "" if it throws none.
template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

#define EXPECT_REFUSED(call, text)                                                             \
  EXPECT_NE(::normdescent::test::refusal([&] { (void)(call); }).find(text), std::string::npos) \
      << "message: " << ::normdescent::test::refusal([&] { (void)(call); })

}  // namespace normdescent::test
