// SPDX-License-Identifier: Apache-2.0
// One-dimensional functions of the hard instances. Positions are given in multiples of `unit`, the distance between the
// points where the function resists: steps that hit those points are then whole numbers, and rounding cannot flip a
// cell (theory X3).
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace normdescent::lab {

/// H1: zig-zag slope that is -s at 0, h, 2h, ..., nh and nowhere below -s; flat descent left of 0, a bowl after nh.
struct ResistingFunction {
  double curvature = 1.0;  ///< L > 0
  double slope = 0.1;      ///< s > 0
  double spacing = 1.0;    ///< h > 0, the unit
  std::int64_t cells = 0;  ///< n >= 0

  [[nodiscard]] double unit() const { return spacing; }
  [[nodiscard]] double value(double u) const;
  [[nodiscard]] double gradient(double u) const;
  /// Position (in units) of a global minimum.
  [[nodiscard]] double minimizer() const;
  /// value(0) - min, exact; at most (n + 1/2) s^2/L for every h.
  [[nodiscard]] double gap() const;
};

/// L x^2/2 where |L x| <= s, slope +-s outside (unit 1).
struct HuberFunction {
  double curvature = 1.0;  ///< L > 0
  double slope = 1.0;      ///< s > 0

  [[nodiscard]] static double unit() { return 1.0; }
  [[nodiscard]] double value(double x) const;
  [[nodiscard]] double gradient(double x) const;
  [[nodiscard]] static double minimizer() { return 0.0; }
};

/// Slope -s at arbitrary points 0 = q_0 < q_1 < ... < q_n, glued as in H1 (Jiang et al., COLT 2025, Lemma 14; unit 1).
/// Positions that additions of steps have rounded (relative 1e-9) are still points, as in H1.
class GluedFunction {
 public:
  /// Throws std::invalid_argument unless points start at 0 and increase, curvature > 0 and slope > 0.
  GluedFunction(double curvature, double slope, std::vector<double> points);

  [[nodiscard]] static double unit() { return 1.0; }
  [[nodiscard]] double value(double x) const;
  [[nodiscard]] double gradient(double x) const;
  [[nodiscard]] double minimizer() const;
  [[nodiscard]] double slope() const { return slope_; }

 private:
  [[nodiscard]] std::size_t cell(double x) const;

  double curvature_;
  double slope_;
  std::vector<double> points_;
  std::vector<double> values_;  // at the points
};

using ScalarFunction = std::variant<ResistingFunction, HuberFunction, GluedFunction>;

/// H2: the exact slope y where |y| > s; elsewhere y/q with probability q, else 0. Unbiased, E|n|^p <= sigma^p for the q
/// of firing_probability.
struct RareOracle {
  double slope = 0.0;        ///< s
  double probability = 1.0;  ///< q; 1 is exact

  /// |y| > s up to rounding: at the grid points y is -s, and an exact answer there would be a certain step.
  [[nodiscard]] bool is_exact_at(double y) const {
    return probability >= 1.0 || y > slope * (1 + 1e-9) || y < -slope * (1 + 1e-9);
  }
};

/// p = 2: s^2/(s^2 + sigma^2), variance sigma^2 with equality at |y| = s. p < 2: min{1, (2^(1/p) s/sigma)^(p/(p-1))}.
/// sigma = 0 gives 1.
[[nodiscard]] double firing_probability(double slope, double sigma, double tail);

}  // namespace normdescent::lab
