// SPDX-License-Identifier: Apache-2.0
// What the files of the experiment `teeth` share: a measured value beside a bound that should hold, or should not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

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

inline constexpr auto identity = [](double x) { return x; };  // f' of f = x^2/2

[[nodiscard]] std::vector<float> normals(std::uint64_t seed, std::uint64_t purpose, int count);

struct Slopes {
  double average = 0.0;
  double smallest = std::numeric_limits<double>::infinity();
};

/// |f'(x_0)|, ..., |f'(x_{steps - 1})| of one trajectory in one dimension; `feed(t, x_before, x)` is the gradient that
/// the rule sees. An estimator starts at the first of them, a direction's state at 0.
template <class Rule, class Derivative, class Feed>
Slopes slopes(const Rule& rule, double start, int steps, const Derivative& derivative, const Feed& feed) {
  double x = start;
  double before = start;
  double state = decltype(rule.estimator)::state_count == 1 ? feed(0, x, x) : 0.0;
  Slopes out;
  double sum = 0.0;
  for (int t = 0; t < steps; ++t) {
    const double slope = std::abs(derivative(x));
    sum += slope;
    out.smallest = std::min(out.smallest, slope);
    const double g = feed(t, before, x);
    before = x;
    if constexpr (Rule::state_count == 0) {
      rule(x, g);
    } else {
      rule(x, g, state);
    }
  }
  out.average = sum / steps;
  return out;
}

/// U2, U4, U5, U6, U7i, U9b, U9c, U11: theorems about upper bounds whose assumptions one-dimensional (U2, U7i:
/// rank-one) functions break.
void teeth_of_upper_bounds(Teeth& teeth, std::uint64_t seed);

/// L5, L6, L7, L10, and the bounds outside of the family of dual directions: U8 as printed, U10.
void teeth_of_other_bounds(Teeth& teeth, std::uint64_t seed);

}  // namespace normdescent::lab
