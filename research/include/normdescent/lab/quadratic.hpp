// SPDX-License-Identifier: Apache-2.0
// Fused steps on diagonal quadratics: gradient, noise, update rule and objective in one pass over memory. The update is
// the rule that training uses (rules/rule.hpp), inlined.
//
//   f(x) = 1/2 sum_i L_i x_i^2        g_i = L_i x_i + sigma_i z_i,  z standard normal
#pragma once

#include <cstdint>
#include <span>

#include "normdescent/base/view.hpp"
#include "normdescent/lab/aligned.hpp"
#include "normdescent/lab/random.hpp"
#include "normdescent/rules/rule.hpp"

namespace normdescent::lab {

/// One trajectory on a quadratic: point, optimizer state, noise position. fp32, as training is.
class QuadraticRun {
 public:
  /// curvature, start (d).  noise (d) holds sigma, or is empty for exact gradients.
  /// Throws std::invalid_argument naming the array if sizes differ or an entry is negative or not finite (start: not
  /// finite).
  QuadraticRun(std::span<const float> curvature, std::span<const float> noise, std::span<const float> start,
               RandomStream stream);

  /// One step; returns f at the point where the gradient was taken. Deterministic for every machine and thread.
  /// Compiled for sgd, signsgd, signum, lion and heavy-ball rules (src/lab/quadratic.cpp lists them).
  template <rules::Rule R>
  double step(const R& rule);

  [[nodiscard]] double value() const;
  [[nodiscard]] std::span<const float> x() const { return {x_.data(), size_}; }
  [[nodiscard]] std::int64_t steps_done() const { return steps_; }

 private:
  std::size_t size_;
  AlignedVector<float> curvature_;  // padded with zeros to whole rows of lanes, like the arrays below
  AlignedVector<float> noise_;
  AlignedVector<float> x_;
  AlignedVector<float> state_;
  RandomStream stream_;
  std::int64_t steps_ = 0;
};

}  // namespace normdescent::lab
