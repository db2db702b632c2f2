// SPDX-License-Identifier: Apache-2.0
// Gaussian-process regression for a few dozen rows: what is like rows that were seen is predicted like them, the rest
// by the mean and a prior slope.
//
// Legend   x (k) features, z standardized   y target   z_i row i of n that were seen   s signal's variance   v noise's
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace normdescent {

/// Where features end: this many standard deviations from the mean of those that a fit saw. One odd problem in a few
/// dozen otherwise shrinks the distances between all others, and is itself predicted far outside of what any race has
/// shown.
inline constexpr double kWinsorLimit = 2.0;

/// y = intercept + sum_j slope_j z_j + sum_i weight_i exp(-|z - z_i|^2 / (2 k)),  k features that vary,
/// z_j = (clamp(x_j, low_j, high_j) - centre_j) / scale_j; a NaN feature counts as its centre.
///
/// The length scale is 1 standard deviation of the average feature.
struct KernelModel {
  double intercept = 0.0;
  std::vector<double> low;  ///< nearer to the centre than kWinsorLimit scales nothing is clamped
  std::vector<double> high;
  std::vector<double> centre;
  std::vector<double> scale;              ///< 0: the feature never varied and says nothing
  std::vector<double> slope;              ///< the prior's
  std::vector<double> weight;             ///< (n)
  std::vector<std::vector<double>> seen;  ///< (n, k), the z_i

  [[nodiscard]] double value(std::span<const double> x) const;
  /// What feature j adds: the value less that with the feature missing.
  [[nodiscard]] double contribution(std::size_t j, std::span<const double> x) const;
};

/// Variances in squared units of y.
struct KernelVariances {
  double signal = 1.0;
  double noise = 0.3;
};

/// Rows to fit, with what does not depend on the variances.
class GaussianProcess {
 public:
  /// X    n rows of k; NaN: missing, counts as the mean.  y finite.  prior (k), in units of y for one unit of x; empty:
  /// 0. Throws std::invalid_argument for x and y, or prior and features, of different lengths.   Cost n^2 k flops, n^2
  /// / 2 exponentials.
  GaussianProcess(std::span<const std::vector<double>> x, std::span<const double> y,
                  std::span<const double> prior = {});

  struct Fit {
    std::vector<double> weight;
    double log_likelihood = 0.0;  ///< log p(y | X, s, v) + n/2 log(2 pi)
  };
  /// weight = s (s K + v I)^-1 (y - intercept - prior . x). Throws std::invalid_argument for variances <= 0.
  /// Cost n^3 / 3 flops.   Source: Rasmussen & Williams 2006, eq. 2.25 (mean), 2.30 (likelihood).
  [[nodiscard]] Fit fit(const KernelVariances& variances) const;
  /// The posterior mean. 0 everywhere without rows.
  [[nodiscard]] KernelModel model(Fit fit) const;

 private:
  KernelModel model_;                        // but the weights
  std::vector<double> residual_;             // of intercept and prior
  std::vector<std::vector<double>> kernel_;  // (n, n), lower triangle
};

}  // namespace normdescent
