// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <stdexcept>
#include <string>

#include "interval.hpp"
#include "normdescent/linalg/coefficients.hpp"
#include "normdescent/linalg/halley.hpp"
#include "normdescent/linalg/resolvent.hpp"

namespace normdescent {
namespace {

using intervals::exactly;
using intervals::operator+;
using intervals::operator-;
using intervals::operator*;
using intervals::operator/;

// p(s) = s (a + x (b + x c)) with x = s^2
struct QuinticMap {
  const QuinticStep& p;

  [[nodiscard]] Interval value(Interval s) const {
    const Interval x = s * s;
    return s * (exactly(p.a) + x * (exactly(p.b) + x * exactly(p.c)));
  }
  // p'(s) = a + x (3 b + 5 c x)
  [[nodiscard]] Interval slope(Interval s) const {
    const Interval x = s * s;
    return exactly(p.a) + x * (exactly(3.0) * exactly(p.b) + exactly(5.0) * exactly(p.c) * x);
  }
  [[nodiscard]] intervals::Roots critical_points() const {
    return intervals::roots_of_even_quartic(exactly(p.a), exactly(3.0) * exactly(p.b), exactly(5.0) * exactly(p.c));
  }
};

// p(s) = s (a + b x) / (1 + c x) with x = s^2, a, b, c > 0
struct HalleyMap {
  const HalleyStep& p;

  [[nodiscard]] Interval denominator(Interval s) const { return exactly(1.0) + exactly(p.c) * (s * s); }
  [[nodiscard]] Interval value(Interval s) const {
    return s * (exactly(p.a) + exactly(p.b) * (s * s)) / denominator(s);
  }
  // p'(s) = (a + (3 b - a c) x + b c x^2) / (1 + c x)^2
  [[nodiscard]] Interval middle() const { return exactly(3.0) * exactly(p.b) - exactly(p.a) * exactly(p.c); }
  [[nodiscard]] Interval slope(Interval s) const {
    const Interval x = s * s;
    const Interval d = denominator(s);
    return (exactly(p.a) + x * (middle() + exactly(p.b) * exactly(p.c) * x)) / (d * d);
  }
  [[nodiscard]] intervals::Roots critical_points() const {
    return intervals::roots_of_even_quartic(exactly(p.a), middle(), exactly(p.b) * exactly(p.c));
  }
};

void require_interval(int steps, double low, double high) {
  if (steps < 1) throw std::invalid_argument("steps = " + std::to_string(steps) + ", must be at least 1");
  if (!(low >= 0.0 && low <= high && std::isfinite(high))) {
    throw std::invalid_argument("[low, high] = [" + std::to_string(low) + ", " + std::to_string(high) +
                                "], must be 0 <= low <= high < infinity");
  }
}

}  // namespace

Interval certify(const CoefficientSet& set, int steps, double low, double high) {
  require_interval(steps, low, high);
  Interval s = Interval{low, high} / exactly(set.safety);
  if (low == 0.0) s.low = 0.0;  // 0 is mapped to 0 exactly
  for (int k = 0; k < steps; ++k) s = intervals::range(QuinticMap{set.step(k)}, s);
  return s;
}

Interval certify_halley(int steps, double low, double high) {
  require_interval(steps, low, high);
  Interval s{low, high};
  double lowest = kHalleyLow;
  for (int k = 0; k < steps; ++k) {
    const HalleyStep step = halley_step(lowest);
    s = intervals::range(HalleyMap{step}, s);
    lowest = map_halley_step(step, lowest);
  }
  return s;
}

Interval certify_resolvent(double low, double high) {
  require_interval(1, low, high);
  const auto value = [](Interval s) {
    const auto& [c1, c2, d, alpha, beta1, beta2] = kResolvents;
    const Interval x = s * s;
    const Interval w1 = exactly(1.0) / (exactly(1.0) + exactly(c1) * x);
    const Interval w2 = exactly(1.0) / (exactly(1.0) + exactly(c2) * x + exactly(d) * w1);
    return s * (exactly(alpha) + exactly(beta1) * w1 + exactly(beta2) * w2);
  };
  return intervals::range_by_bisection(value, {low, high}, 1e-6);
}

bool is_safe_for_rank_one(const CoefficientSet& set, int steps) {
  const Interval image = certify(set, steps, 1.0, 1.0 + kNormalizationRounding);
  return image.low > 0.0 && image.high <= kRankOneLimit;
}

CoefficientSet checked_coefficients(CoefficientSet set, int steps) {
  const std::string subject = "coefficient set " + std::string(set.name) + ": ";
  const auto refuse = [&](const std::string& what) { throw std::invalid_argument(subject + what); };
  if (set.schedule.empty()) refuse("schedule = empty, must have at least one step");
  for (const auto& [a, b, c] : set.schedule) {
    if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(c)) refuse("coefficients must be finite");
  }
  if (!(set.safety >= 1.0 && std::isfinite(set.safety))) {
    refuse("safety = " + std::to_string(set.safety) + ", must be in [1, inf)");
  }
  if (steps < 1) refuse("steps = " + std::to_string(steps) + ", must be at least 1");
  for (int k = 1; k <= steps; ++k) {
    if (is_safe_for_rank_one(set, k)) continue;
    const Interval image = certify(set, k, 1.0, 1.0 + kNormalizationRounding);
    refuse("image of [1, 1 + 2^-8] after " + std::to_string(k) + " steps = [" + std::to_string(image.low) + ", " +
           std::to_string(image.high) + "], must lie within (0, 2]: rank-one input would diverge or change its sign");
  }
  set.default_steps = steps;
  return set;
}

}  // namespace normdescent
