// SPDX-License-Identifier: Apache-2.0
// Outward-rounded interval arithmetic, as much of it as odd quintics need. Rounding to nearest errs by at most half a
// unit in the last place, so one step to the next double outward encloses the exact result.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "normdescent/linalg/coefficients.hpp"

namespace normdescent {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// An undefined end (inf - inf, 0 * inf) says nothing: everything is possible.
Interval outward(double low, double high) {
  return {std::isnan(low) ? -kInfinity : std::nextafter(low, -kInfinity),
          std::isnan(high) ? kInfinity : std::nextafter(high, kInfinity)};
}
Interval exactly(double x) { return {x, x}; }
Interval hull(Interval x, Interval y) { return {std::min(x.low, y.low), std::max(x.high, y.high)}; }
Interval intersection(Interval x, Interval y) { return {std::max(x.low, y.low), std::min(x.high, y.high)}; }
bool overlap(Interval x, Interval y) { return x.low <= y.high && y.low <= x.high; }
Interval negative(Interval x) { return {-x.high, -x.low}; }

Interval operator+(Interval x, Interval y) { return outward(x.low + y.low, x.high + y.high); }
Interval operator-(Interval x, Interval y) { return x + negative(y); }
bool is_zero(Interval x) { return x.low == 0.0 && x.high == 0.0; }
Interval operator*(Interval x, Interval y) {
  if (is_zero(x) || is_zero(y)) return exactly(0.0);
  const std::array products{x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high};
  for (const double p : products) {
    if (std::isnan(p)) return {-kInfinity, kInfinity};
  }
  const auto [low, high] = std::minmax_element(products.begin(), products.end());
  return outward(*low, *high);
}
// Only for y that does not contain 0.
Interval operator/(Interval x, Interval y) {
  const std::array quotients{x.low / y.low, x.low / y.high, x.high / y.low, x.high / y.high};
  const auto [low, high] = std::minmax_element(quotients.begin(), quotients.end());
  return outward(*low, *high);
}
// The root of the part of x that is not negative.
Interval root(Interval x) {
  const Interval r = outward(std::sqrt(std::max(x.low, 0.0)), std::sqrt(std::max(x.high, 0.0)));
  return {std::max(r.low, 0.0), r.high};
}

// p(s) = s (a + x (b + x c)) with x = s^2
Interval value(const QuinticStep& p, Interval s) {
  const Interval x = s * s;
  return s * (exactly(p.a) + x * (exactly(p.b) + x * exactly(p.c)));
}
// p'(s) = a + x (3 b + 5 c x)
Interval slope(const QuinticStep& p, Interval s) {
  const Interval x = s * s;
  return exactly(p.a) + x * (exactly(3.0) * exactly(p.b) + exactly(5.0) * exactly(p.c) * x);
}

// Enclosures of all s > 0 with p'(s) = 0. Unused places hold an empty interval.
struct CriticalPoints {
  std::array<Interval, 2> at{Interval{kInfinity, -kInfinity}, Interval{kInfinity, -kInfinity}};
};
CriticalPoints critical_points(const QuinticStep& p) {
  CriticalPoints points;
  const auto add = [&](std::size_t place, Interval x) {
    if (x.high > 0.0) points.at[place] = root(x);
  };
  const Interval b3 = exactly(3.0) * exactly(p.b);
  if (p.c == 0.0) {
    if (p.b != 0.0) add(0, negative(exactly(p.a)) / b3);
    return points;
  }
  // 5 c x^2 + 3 b x + a = 0. A discriminant that may be zero gives two enclosures that overlap at the double root.
  const Interval discriminant = b3 * b3 - exactly(20.0) * exactly(p.a) * exactly(p.c);
  if (discriminant.high < 0.0) return points;
  const Interval d = root(discriminant);
  const Interval denominator = exactly(10.0) * exactly(p.c);
  add(0, (negative(b3) - d) / denominator);
  add(1, (negative(b3) + d) / denominator);
  return points;
}

// p over an enclosure of a critical point, where the slope is almost 0: the mean-value form is sharper than plain
// evaluation.
Interval value_near_critical(const QuinticStep& p, Interval s) {
  const Interval middle = exactly(s.low + (s.high - s.low) / 2.0);
  return intersection(value(p, s), value(p, middle) + slope(p, s) * (s - middle));
}

// The range of p over s: p is monotone between critical points, so its ends and the critical points inside decide.
Interval range(const QuinticStep& p, Interval s) {
  Interval result = hull(value(p, exactly(s.low)), value(p, exactly(s.high)));
  for (const Interval& point : critical_points(p).at) {
    for (const Interval& at : {point, negative(point)}) {  // p is odd
      if (overlap(at, s)) result = hull(result, value_near_critical(p, at));
    }
  }
  return result;
}

}  // namespace

Interval certify(const CoefficientSet& set, int steps, double low, double high) {
  if (steps < 1) throw std::invalid_argument("steps = " + std::to_string(steps) + ", must be at least 1");
  if (!(low >= 0.0 && low <= high && std::isfinite(high))) {
    throw std::invalid_argument("[low, high] = [" + std::to_string(low) + ", " + std::to_string(high) +
                                "], must be 0 <= low <= high < infinity");
  }
  Interval s = Interval{low, high} / exactly(set.safety);
  if (low == 0.0) s.low = 0.0;  // 0 is mapped to 0 exactly
  for (int k = 0; k < steps; ++k) s = range(set.step(k), s);
  return s;
}

bool is_safe_for_rank_one(const CoefficientSet& set, int steps) {
  const Interval image = certify(set, steps, 1.0, 1.0 + kNormalizationRounding);
  return image.low > 0.0 && image.high <= kRankOneLimit;
}

}  // namespace normdescent
