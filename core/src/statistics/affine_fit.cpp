// SPDX-License-Identifier: Apache-2.0
#include "normdescent/statistics/affine_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "normdescent/statistics/jackknife.hpp"

namespace normdescent {
namespace {

constexpr double kEnvelope = 0.95;
constexpr std::size_t kNone = ~std::size_t{0};

struct Line {
  double constant = 0.0;
  double slope = 0.0;
};

double correlation(std::span<const AffinePoint> points) {
  const auto n = static_cast<double>(points.size());
  double mx = 0.0;
  double my = 0.0;
  for (const auto& [x, y] : points) mx += x / n, my += y / n;
  double xx = 0.0;
  double yy = 0.0;
  double xy = 0.0;
  for (const auto& [x, y] : points) {
    xx += (x - mx) * (x - mx);
    yy += (y - my) * (y - my);
    xy += (x - mx) * (y - my);
  }
  return xy / std::sqrt(xx * yy);
}

Line fit_without(std::span<const AffinePoint> points, std::size_t left_out) {
  double n = 0.0;
  double mx = 0.0;
  double my = 0.0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == left_out) continue;
    n += 1.0;
    mx += points[i].x;
    my += points[i].y;
  }
  mx /= n;
  my /= n;
  double xx = 0.0;
  double xy = 0.0;
  double xx_origin = 0.0;
  double xy_origin = 0.0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == left_out) continue;
    const auto& [x, y] = points[i];
    xx += (x - mx) * (x - mx);
    xy += (x - mx) * (y - my);
    xx_origin += x * x;
    xy_origin += x * y;
  }
  const double slope = xx > 0.0 ? xy / xx : 0.0;
  if (!(slope > 0.0)) return {std::max(0.0, my), 0.0};
  const double constant = my - slope * mx;
  if (constant >= 0.0) return {constant, slope};
  return {0.0, std::max(0.0, xy_origin / xx_origin)};
}

}  // namespace

AffineFit fit_affine(std::span<const AffinePoint> points) {
  AffineFit fit;
  fit.points = static_cast<int>(points.size());
  if (fit.points < AffineFit::kLeastPoints) {
    fit.reason =
        "it needs " + std::to_string(AffineFit::kLeastPoints) + " points, there are " + std::to_string(fit.points);
    return fit;
  }
  double least = points.front().x;
  double most = least;
  for (const auto& [x, y] : points) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      fit.reason = "a point is not finite";
      return fit;
    }
    least = std::min(least, x);
    most = std::max(most, x);
  }
  if (!(most - least > 1e-3 * std::max(std::abs(most), std::abs(least)))) {
    fit.reason = "the gradient has the same size at all points";
    return fit;
  }
  const Line line = fit_without(points, kNone);
  fit.constant.value = line.constant;
  fit.slope.value = line.slope;
  std::vector<double> constants;
  std::vector<double> slopes;
  std::vector<double> above;
  std::vector<AffinePoint> logs;
  const auto n = static_cast<double>(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Line others = fit_without(points, i);
    constants.push_back(others.constant);
    slopes.push_back(others.slope);
    const auto& [x, y] = points[i];
    above.push_back(y - line.slope * x);
    if (x > 0.0 && y > 0.0) logs.push_back({std::log(x), std::log(y)});
  }
  fit.constant.standard_error = jackknife_error(constants);
  fit.slope.standard_error = jackknife_error(slopes);
  std::ranges::sort(above);
  fit.envelope = std::max(0.0, above[static_cast<std::size_t>(std::ceil(kEnvelope * n)) - 1]);
  fit.log_correlation = logs.size() < 3 ? std::numeric_limits<double>::quiet_NaN() : correlation(logs);
  return fit;
}

}  // namespace normdescent
