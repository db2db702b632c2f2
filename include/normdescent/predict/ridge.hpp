// SPDX-License-Identifier: Apache-2.0
// Ridge regression for a few dozen rows, with its leave-one-out errors in closed form.
//
// Legend   X (n, k) features   y (n) target   lambda penalty   z standardized features
#pragma once

#include <span>
#include <vector>

namespace normdescent {

/// Where features end: this many standard deviations from the mean of those that a fit saw. One odd problem in a few
/// dozen otherwise bends the line for all others, and is itself predicted far outside of what any race has shown.
inline constexpr double kWinsorLimit = 2.0;

/// y = intercept + sum_j coefficient_j z_j,  z_j = (clamp(x_j, low_j, high_j) - centre_j) / scale_j; a NaN feature
/// counts as its centre.
struct LinearModel {
  double intercept = 0.0;
  std::vector<double> low;  ///< nearer to the centre than kWinsorLimit scales nothing is clamped
  std::vector<double> high;
  std::vector<double> centre;
  std::vector<double> scale;  ///< 0: the feature never varied and says nothing
  std::vector<double> coefficient;

  [[nodiscard]] double standardized(std::size_t j, double x) const;
  /// What feature j adds to the intercept.
  [[nodiscard]] double contribution(std::size_t j, double x) const;
  [[nodiscard]] double value(std::span<const double> x) const;
};

struct RidgeFit {
  LinearModel model;
  double squared_loo_error = 0.0;  ///< sum over rows of (left-out error)^2, with the features' scales held
};

/// Minimises  sum_i (y_i - c - z_i . b)^2 + lambda n |b - prior|^2,  z as in LinearModel, its bounds at the mean -+
/// kWinsorLimit sd, over the rows that have the feature.
///
/// X    n rows of k; NaN: missing, counts as the mean.  y finite.  prior (k), in units of y for one unit of x; empty:
/// 0. Rows n = 0 gives 0 everywhere. lambda > 0 (std::invalid_argument), in units of a row's own weight. Cost n k^2 +
/// k^3 flops.   Source: Hoerl & Kennard 1970; left-out errors: Allen 1974 (PRESS).
[[nodiscard]] RidgeFit fit_ridge(std::span<const std::vector<double>> x, std::span<const double> y, double lambda,
                                 std::span<const double> prior = {});

}  // namespace normdescent
