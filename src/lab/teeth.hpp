// SPDX-License-Identifier: Apache-2.0
// What the files of the experiment `teeth` share: a measured value beside a bound that should hold, or should not.
#pragma once

#include <string>

#include "normdescent/lab/experiment.hpp"
#include "normdescent/theory/constants.hpp"

namespace normdescent::lab {

class Teeth {
 public:
  explicit Teeth(ExperimentResult& out) : out_(out) {}

  void holds(const std::string& what, double value, double bound) { add(what, value, bound, true); }
  void fails(const std::string& what, double value, double bound) { add(what, value, bound, false); }

 private:
  void add(const std::string& what, double value, double bound, bool expected);

  ExperimentResult& out_;
};

[[nodiscard]] ProblemConstants sign_constants(double gap, double smoothness, double noise, double tail = 2.0);

/// U2, U4, U5, U6, U7i, U9b, U9c, U11: theorems about upper bounds whose assumptions one-dimensional (U2, U7i:
/// rank-one) functions break.
void teeth_of_upper_bounds(Teeth& teeth, std::uint64_t seed);

}  // namespace normdescent::lab
