// SPDX-License-Identifier: Apache-2.0
// Outward-rounded interval arithmetic, as much of it as odd polynomials and rational functions need. Rounding to
// nearest errs by at most half a unit in the last place, so one step to the next double outward encloses the exact
// result.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "normdescent/base/numbers.hpp"
#include "normdescent/linalg/coefficients.hpp"

namespace normdescent::intervals {

// An undefined end (inf - inf, 0 * inf) says nothing: everything is possible.
inline Interval outward(double low, double high) {
  return {std::isnan(low) ? -kInfinity : std::nextafter(low, -kInfinity),
          std::isnan(high) ? kInfinity : std::nextafter(high, kInfinity)};
}
inline Interval exactly(double x) { return {x, x}; }
inline Interval hull(Interval x, Interval y) { return {std::min(x.low, y.low), std::max(x.high, y.high)}; }
inline Interval intersection(Interval x, Interval y) { return {std::max(x.low, y.low), std::min(x.high, y.high)}; }
inline bool overlap(Interval x, Interval y) { return x.low <= y.high && y.low <= x.high; }
inline Interval negative(Interval x) { return {-x.high, -x.low}; }
inline bool is_zero(Interval x) { return x.low == 0.0 && x.high == 0.0; }

inline Interval operator+(Interval x, Interval y) { return outward(x.low + y.low, x.high + y.high); }
inline Interval operator-(Interval x, Interval y) { return x + negative(y); }
inline Interval operator*(Interval x, Interval y) {
  if (is_zero(x) || is_zero(y)) return exactly(0.0);
  const std::array products{x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high};
  for (const double p : products) {
    if (std::isnan(p)) return {-kInfinity, kInfinity};
  }
  const auto [low, high] = std::minmax_element(products.begin(), products.end());
  return outward(*low, *high);
}
// Only for y that does not contain 0.
inline Interval operator/(Interval x, Interval y) {
  const std::array quotients{x.low / y.low, x.low / y.high, x.high / y.low, x.high / y.high};
  const auto [low, high] = std::minmax_element(quotients.begin(), quotients.end());
  return outward(*low, *high);
}
// The root of the part of x that is not negative.
inline Interval root(Interval x) {
  const Interval r = outward(std::sqrt(std::max(x.low, 0.0)), std::sqrt(std::max(x.high, 0.0)));
  return {std::max(r.low, 0.0), r.high};
}

/// Enclosures of the s > 0 with k0 + k1 s^2 + k2 s^4 = 0. Unused places hold an empty interval.
using Roots = std::array<Interval, 2>;
inline Roots roots_of_even_quartic(Interval k0, Interval k1, Interval k2) {
  Roots roots{Interval{kInfinity, -kInfinity}, Interval{kInfinity, -kInfinity}};
  const auto add = [&](std::size_t place, Interval x) {
    if (x.high > 0.0) roots[place] = root(x);
  };
  if (is_zero(k2)) {
    if (!is_zero(k1)) add(0, negative(k0) / k1);
    return roots;
  }
  // A discriminant that may be zero gives two enclosures that overlap at the double root.
  const Interval discriminant = k1 * k1 - exactly(4.0) * k0 * k2;
  if (discriminant.high < 0.0) return roots;
  const Interval d = root(discriminant);
  const Interval denominator = exactly(2.0) * k2;
  add(0, (negative(k1) - d) / denominator);
  add(1, (negative(k1) + d) / denominator);
  return roots;
}

/// The range of an odd map over s: it is monotone between critical points, so its ends and the critical points inside
/// decide. `Map` has value(s), slope(s) and critical_points().
template <class Map>
Interval range(const Map& map, Interval s) {
  // Over an enclosure of a critical point the slope is almost 0: the mean-value form is sharper than plain evaluation.
  const auto value_near_critical = [&](Interval at) {
    const Interval middle = exactly(at.low + (at.high - at.low) / 2.0);
    return intersection(map.value(at), map.value(middle) + map.slope(at) * (at - middle));
  };
  Interval result = hull(map.value(exactly(s.low)), map.value(exactly(s.high)));
  for (const Interval& point : map.critical_points()) {
    for (const Interval& at : {point, negative(point)}) {
      if (overlap(at, s)) result = hull(result, value_near_critical(at));
    }
  }
  return result;
}

/// The range of `value` over s, at most `tolerance` too wide: parts whose enclosure reaches further beyond what is
/// attained are halved.
template <class Value>
Interval range_by_bisection(const Value& value, Interval s, double tolerance) {
  Interval attained = hull(value(exactly(s.low)), value(exactly(s.high)));
  Interval result = attained;
  std::vector<Interval> parts{s};
  while (!parts.empty()) {
    const Interval part = parts.back();
    parts.pop_back();
    const Interval image = value(part);
    const double middle = part.low + (part.high - part.low) / 2.0;
    const bool is_sharp = image.low >= attained.low - tolerance && image.high <= attained.high + tolerance;
    if (is_sharp || middle <= part.low || middle >= part.high) {
      result = hull(result, image);
      continue;
    }
    attained = hull(attained, value(exactly(middle)));
    parts.push_back({part.low, middle});
    parts.push_back({middle, part.high});
  }
  return result;
}

}  // namespace normdescent::intervals
