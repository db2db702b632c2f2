// SPDX-License-Identifier: Apache-2.0
#include "statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace normdescent::lab {

namespace {

/// 97.5 % quantile of Student's t; above ten degrees of freedom by its expansion (error below 1e-3).
double student_t975(std::size_t degrees) {
  constexpr std::array kTable{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  const double n = static_cast<double>(degrees);
  constexpr double kNormal = 1.959964;
  constexpr double kNormalCubed = kNormal * kNormal * kNormal;
  return kNormal + (kNormalCubed + kNormal) / (4 * n) +
         (5 * kNormalCubed * kNormal * kNormal + 16 * kNormalCubed + 3 * kNormal) / (96 * n * n);
}

}  // namespace

MeanEstimate mean_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  if (values.empty()) return {std::numeric_limits<double>::quiet_NaN(), 0.0};
  double mean = 0.0;
  for (const double v : values) mean += v;
  mean /= n;
  double squares = 0.0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (n - 1) / n) : 0.0};
}

double quantile(std::span<const double> values, double q) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double share = place - static_cast<double>(below);
  if (share == 0.0) return sorted[below];  // its neighbour may be infinite: a run that never arrived
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

LineFit fit_line(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  const double mean_x = mean_of(x).mean;
  const double mean_y = mean_of(y).mean;
  double xx = 0.0;
  double xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  const double slope = xy / xx;
  const double intercept = mean_y - slope * mean_x;
  double residual = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) residual += std::pow(y[i] - intercept - slope * x[i], 2);
  const double half = student_t975(x.size() - 2) * std::sqrt(residual / (n - 2) / xx);
  return {slope, intercept, slope - half, slope + half};
}

double steps_until_mean(std::span<const double> sums, int runs, double threshold) {
  double sum = 0.0;
  for (std::size_t t = 0; t < sums.size(); ++t) {
    sum += sums[t] / runs;
    if (sum <= threshold * static_cast<double>(t + 1)) return static_cast<double>(t + 1);
  }
  return std::numeric_limits<double>::infinity();
}

double binomial_tail(std::int64_t trials, double probability, std::int64_t count) {
  if (count >= trials || probability <= 0.0) return 0.0;
  if (count < 0 || probability >= 1.0) return 1.0;
  const auto n = static_cast<double>(trials);
  double tail = 0.0;
  for (std::int64_t k = count + 1; k <= trials; ++k) {
    const auto j = static_cast<double>(k);
    const double term = std::exp(std::lgamma(n + 1) - std::lgamma(j + 1) - std::lgamma(n - j + 1) +
                                 j * std::log(probability) + (n - j) * std::log1p(-probability));
    tail += term;
    if (j > n * probability && term < 1e-18 * tail) break;
  }
  return tail;
}

LineFit fit_power(std::span<const double> x, std::span<const double> y) {
  std::vector<double> log_x;
  std::vector<double> log_y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    log_x.push_back(std::log(x[i]));
    log_y.push_back(std::log(y[i]));
  }
  return fit_line(log_x, log_y);
}

}  // namespace normdescent::lab
