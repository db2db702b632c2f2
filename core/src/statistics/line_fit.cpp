// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/line_fit.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "normdescent/statistics/distributions.hpp"
#include "normdescent/statistics/mean_and_error.hpp"

namespace normdescent {

LineFit fit_line(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 3 || y.size() != x.size()) {
    throw std::invalid_argument("points = " + std::to_string(x.size()) + " x and " + std::to_string(y.size()) +
                                " y, must be as many of each, and at least 3");
  }
  const auto n = static_cast<double>(x.size());
  const double mean_x = mean_and_error(x).value;
  const double mean_y = mean_and_error(y).value;
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
  const double half = student_t_quantile(0.975, n - 2.0) * std::sqrt(residual / (n - 2.0) / xx);
  return {slope, intercept, slope - half, slope + half};
}

LineFit fit_power(std::span<const double> x, std::span<const double> y) {
  std::vector<double> log_x;
  std::vector<double> log_y;
  for (const double value : x) log_x.push_back(std::log(value));
  for (const double value : y) log_y.push_back(std::log(value));
  return fit_line(log_x, log_y);
}

}  // namespace normdescent
