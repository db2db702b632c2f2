// SPDX-License-Identifier: Apache-2.0
// inf over eta of the SGD lower bound sum_i lb_i(eta), from below. Works in log eta and log T: near p = 1 both leave
// the range of a double.
#pragma once

#include <vector>

#include "normdescent/theory/constants.hpp"
#include "normdescent/theory/lower_sgd.hpp"

namespace normdescent::theory {

class SgdInfimum {
 public:
  explicit SgdInfimum(const SeparableConstants& constants);  ///< validated by the caller
  /// Within kInfimumTolerance of the infimum, and never above it.
  [[nodiscard]] double at(double log_steps) const;

 private:
  struct Term {
    double count;
    double cap;                // sqrt(2 L_i Delta_i)
    double log_jump;           // log(2/L_i): from here on the cap
    double gap;                // Delta_i
    double inverse_curvature;  // 1/(2 L_i)
    double floor_scale;        // sigma_i, times 2^(-1/p) for p < 2
    double log_half_curvature;
  };
  /// sum of lower bounds of lb_i over [left, right] (logarithms of eta): lb_i is the larger of a decreasing and an
  /// increasing function, with a jump up.
  [[nodiscard]] double over(double log_left, double log_right, double log_steps) const;

  std::vector<Term> terms_;
  double theta_;
};

}  // namespace normdescent::theory
