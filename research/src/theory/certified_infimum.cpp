// SPDX-License-Identifier: Apache-2.0
#include "certified_infimum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <queue>

namespace normdescent::theory {

SgdInfimum::SgdInfimum(const SeparableConstants& constants) : theta_(averaging_exponent(constants.tail)) {
  double d = 0.0;
  for (const auto& group : constants.coordinates) d += group.count;
  const double gap = constants.initial_gap / d;
  // The two-point oracle meets the variance exactly at p = 2; the p-th moment estimate loses 2^(1/p).
  const double floor_factor = constants.tail == 2.0 ? 1.0 : std::exp2(-1.0 / constants.tail);
  for (const auto& [count, smoothness, noise] : constants.coordinates) {
    if (smoothness == 0.0) continue;  // lb_i = 0
    terms_.push_back({count, std::sqrt(2.0 * smoothness * gap), std::log(2.0 / smoothness), gap, 0.5 / smoothness,
                      floor_factor * noise, std::log(smoothness / 2.0)});
  }
}

double SgdInfimum::over(double log_left, double log_right, double log_steps) const {
  const double twice_eta_steps = std::exp(std::numbers::ln2 + log_right + log_steps);
  double sum = 0.0;
  for (const auto& term : terms_) {
    if (log_left >= term.log_jump) {
      sum += term.count * term.cap;
      continue;
    }
    const double drift = 0.5 * std::sqrt(term.gap / (twice_eta_steps + term.inverse_curvature));
    const double floor = term.floor_scale * std::exp(theta_ * (log_left + term.log_half_curvature));
    sum += term.count * std::max(drift, std::min(floor, term.cap));
  }
  return sum;
}

double SgdInfimum::at(double log_steps) const {
  struct Interval {
    double low, left, right;
    bool operator<(const Interval& other) const { return low > other.low; }  // smallest on top
  };
  constexpr double kZero = -std::numeric_limits<double>::infinity();
  constexpr int kFirstIntervals = 32;

  double log_steepest = terms_.front().log_jump;
  double log_top = terms_.front().log_jump;
  double at_caps = 0.0;  // eta >= 2/L_i for all i
  for (const auto& term : terms_) {
    log_steepest = std::min(log_steepest, term.log_jump);
    log_top = std::max(log_top, term.log_jump);
    at_caps += term.count * term.cap;
  }
  // Below this eta the drift is within 1e-8 of its limit at eta = 0.
  const double log_bottom = log_steepest - log_steps + std::log(1e-8);

  std::priority_queue<Interval> intervals;
  intervals.push({over(kZero, log_bottom, log_steps), kZero, log_bottom});
  double left = log_bottom;
  for (int k = 1; k <= kFirstIntervals; ++k) {
    const double right = log_bottom + (log_top - log_bottom) * k / kFirstIntervals;
    intervals.push({over(left, right, log_steps), left, right});
    left = right;
  }
  double attained = at_caps;
  while (true) {
    const Interval lowest = intervals.top();
    intervals.pop();
    const bool is_narrow = lowest.right - lowest.left < 1e-12 * (1.0 + std::abs(lowest.right));
    if (lowest.left == kZero || is_narrow || lowest.low >= attained * (1.0 - kInfimumTolerance))
      return std::min(lowest.low, at_caps);
    const double middle = 0.5 * (lowest.left + lowest.right);
    attained = std::min(attained, over(middle, middle, log_steps));
    intervals.push({over(lowest.left, middle, log_steps), lowest.left, middle});
    intervals.push({over(middle, lowest.right, log_steps), middle, lowest.right});
  }
}

}  // namespace normdescent::theory
