// SPDX-License-Identifier: Apache-2.0
// All bounds at once, at constants that were measured at a point: targets of equal difficulty in every geometry.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "normdescent/theory/evaluate.hpp"
#include "normdescent/theory/speedup.hpp"

namespace normdescent {

/// L_X, S_X of one sample, ||grad f||_X at the point. A measured L_X is a lower bound of the true one.
struct MeasuredGeometry {
  std::string geometry = "euclidean";  ///< its name
  GeometryAtPoint at;
};

struct MeasuredProblem {
  double delta = 1.0;      ///< f(x_0) - inf f > 0; the loss itself where inf f >= 0
  double dimension = 1.0;  ///< d >= 1
  double density = 1.0;    ///< phi of the per-coordinate noise, in [1/d, 1]
  double tail = 2.0;       ///< p that the noise scales were measured with: 2 for standard deviations
  std::vector<MeasuredGeometry> geometries;
};

/// What to ask of every method. A number for epsilon means the same in every dual norm and hence different things (an
/// l1 norm is up to sqrt(d) times the l2 norm); without one, epsilon_X = fraction ||grad f||_X.
struct MeasuredTarget {
  double fraction = 0.5;  ///< in (0, 1)
  std::optional<double> epsilon = {};
  std::optional<double> batch = {};
};

struct MeasuredBounds {
  struct Entry {
    BoundsQuery query;
    std::optional<BoundsReport> report = {};
    std::string refused = {};  ///< why there is no report
  };
  struct Cost {
    std::string geometry = "euclidean";
    double critical_batch = 0.0;                        ///< W7, samples
    std::optional<SpeedupOverSgd> over_euclidean = {};  ///< W6; empty where the euclidean geometry was not measured
  };
  std::vector<Entry>
      entries;              ///< bounds_methods() of the measured geometries, but those that need unmeasured constants
  std::vector<Cost> costs;  ///< one a geometry
};

/// Throws std::invalid_argument for a field outside its domain; a method whose query is refused says so in its entry (a
/// target above sqrt(2 L Delta) means that the measured L is too small for that gradient).
[[nodiscard]] MeasuredBounds evaluate_bounds(const MeasuredProblem& problem, const MeasuredTarget& target);

}  // namespace normdescent
