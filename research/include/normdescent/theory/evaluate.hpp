// SPDX-License-Identifier: Apache-2.0
// From a method's name and the constants of a problem to its upper and lower bound on samples: what `bounds` prints.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/theory/bound.hpp"
#include "normdescent/theory/speedup.hpp"
#include "normdescent/theory/tuning.hpp"

namespace normdescent {

/// A method with known bounds.
struct BoundsMethod {
  std::string_view name;      ///< "signsgd"
  std::string_view geometry;  ///< the name of that in which L, S and epsilon are measured; empty: BoundsQuery::geometry
  std::string_view summary;
};
[[nodiscard]] std::span<const BoundsMethod> bounds_methods();

/// Fields are named as the options of `bounds`.
struct BoundsQuery {
  std::string method = "signsgd";        ///< of bounds_methods()
  std::string geometry = {};             ///< the name of any, for `norm-descent`; others have their own
  double delta = 1.0;                    ///< f(x_0) - inf f > 0
  double smoothness = 1.0;               ///< L > 0 of the method's geometry (`sgd`: L_inf)
  double noise = 0.0;                    ///< S >= 0 of one sample (`sgd`: ||sigma||_1)
  double epsilon = 0.1;                  ///< target in the dual norm, in (0, sqrt(2 L Delta))
  double tail = 2.0;                     ///< p in (1, 2]
  std::optional<double> batch = {};      ///< B >= 1; empty: tuned (momentum-free) or 1
  std::optional<double> dimension = {};  ///< d >= 1 (nuclear norm: r = min(m, n)); `sgd` and `adagrad` need it
  std::optional<double> density = {};    ///< phi_p in [1/d, 1]; `sgd` needs it
  /// (L0, L1) and affine noise, `signum` only: `smoothness` and `noise` are then Lambda_0 and ||sigma_0||_1 (U6).
  std::optional<double> relative_smoothness = {};  ///< Lambda_1 >= 0
  std::optional<double> relative_noise = {};       ///< max_i sigma_{1,i} >= 0
  std::optional<double> hessian_smoothness = {};   ///< M of S-2; the extrapolation methods need it
  /// W4, `adagrad` only, together with dimension and density (p = 2, so density is phi(sigma)):
  std::optional<double> curvature_density = {};  ///< phi~(L) = ||L||_1/(d ||L||_inf) in [1/d, 1]
  std::optional<double> alignment = {};          ///< R in [0, 1]: the cosine between sigma and sqrt L
};

struct BoundsReport {
  std::string method;
  std::string stationarity = {};     ///< "l1", "l2", "nuclear", "row l2 sum", "dual of schatten-4"
  std::optional<Tuning> upper = {};  ///< settings that reach epsilon; empty: upper_missing says why
  std::string upper_missing = {};
  std::optional<Bound> lower = {};  ///< samples, the theorem about this method; empty: lower_missing says why
  std::string lower_missing = {};
  std::vector<Bound> wider_lower = {};       ///< samples, from theorems about wider classes that contain this method
  std::vector<Assumption> assumptions = {};  ///< of upper and lower, each once
  std::vector<Flag> flags = {};              ///< of upper and lower
  std::optional<SpeedupOverSgd> speedup_over_sgd = {};  ///< W1-W3 where dimension and density are given; W4
  double speedup_at_epsilon = 0.0;                      ///< the two terms weighted at this epsilon
};

/// Throws std::invalid_argument "field = value, must be ..." for a field outside its domain, and with the nearest name
/// for an unknown method. Cost below 0.1 s (`sgd`: the numeric lower bound), else microseconds.
[[nodiscard]] BoundsReport evaluate_bounds(const BoundsQuery& query);

}  // namespace normdescent
