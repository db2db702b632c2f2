// SPDX-License-Identifier: Apache-2.0
// Legend   L curvature   s slope   h spacing   n cells   k cell   u offset inside a cell   c value change over a cell
#include "normdescent/lab/scalar_functions.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace normdescent::lab {

namespace {

/// Thousands of additions of 1 +- 1e-16 stay well inside.
bool is_rounded(double position, double point) {
  return std::abs(position - point) <= 1e-9 * std::max(1.0, std::abs(point));
}

/// A position near a whole number is that number.
double snapped(double position) {
  const double whole = std::nearbyint(position);
  return is_rounded(position, whole) ? whole : position;
}

/// Offset in [0, h] of a cell: -s at both ends, -s + L h/2 in the middle.
double cell_gradient(double L, double s, double h, double u) { return L * std::min(u, h - u) - s; }

double cell_value(double L, double s, double h, double u) {
  if (u <= h / 2) return L * u * u / 2 - s * u;
  const double w = h - u;
  return L * h * h / 4 - s * h - L * w * w / 2 + s * w;
}

}  // namespace

double ResistingFunction::gradient(double position) const {
  const double x = snapped(position);
  const auto n = static_cast<double>(cells);
  if (x <= 0) return -slope;
  if (x >= n) return curvature * (x - n) * spacing - slope;
  return cell_gradient(curvature, slope, spacing, (x - std::floor(x)) * spacing);
}

double ResistingFunction::value(double position) const {
  const double x = snapped(position);
  const auto n = static_cast<double>(cells);
  const double c = curvature * spacing * spacing / 4 - slope * spacing;
  if (x <= 0) return -slope * x * spacing;
  if (x >= n) {
    const double u = (x - n) * spacing;
    return n * c + curvature * u * u / 2 - slope * u;
  }
  const double k = std::floor(x);
  return k * c + cell_value(curvature, slope, spacing, (x - k) * spacing);
}

double ResistingFunction::gap() const {
  const auto n = static_cast<double>(cells);
  const double c = curvature * spacing * spacing / 4 - slope * spacing;
  const double bowl = slope * slope / (2 * curvature);
  double gap = std::max(0.0, -n * c + bowl);
  if (cells > 0 && slope / curvature <= spacing / 2) gap = std::max(gap, -std::min(0.0, (n - 1) * c) + bowl);
  return gap;
}

double ResistingFunction::minimizer() const {
  const auto n = static_cast<double>(cells);
  const double dip = slope / curvature / spacing;  // where the slope crosses zero after a grid point
  double best = n + dip;                           // the bowl
  if (dip <= 0.5) {
    for (const double k : {0.0, n - 1}) {
      if (k >= 0 && cells > 0 && value(k + dip) < value(best)) best = k + dip;
    }
  }
  return best;
}

double HuberFunction::value(double x) const {
  const double edge = slope / curvature;
  return std::abs(x) <= edge ? curvature * x * x / 2 : slope * std::abs(x) - slope * edge / 2;
}

double HuberFunction::gradient(double x) const { return std::clamp(curvature * x, -slope, slope); }

GluedFunction::GluedFunction(double curvature, double slope, std::vector<double> points)
    : curvature_(curvature), slope_(slope), points_(std::move(points)) {
  if (!(curvature > 0)) throw std::invalid_argument("curvature = " + std::to_string(curvature) + ", must be > 0");
  if (!(slope > 0)) throw std::invalid_argument("slope = " + std::to_string(slope) + ", must be > 0");
  if (points_.empty() || points_.front() != 0.0 ||
      std::adjacent_find(points_.begin(), points_.end(), std::greater_equal<>()) != points_.end()) {
    throw std::invalid_argument("points, must start at 0 and increase");
  }
  values_.push_back(0.0);
  for (std::size_t k = 0; k + 1 < points_.size(); ++k) {
    const double h = points_[k + 1] - points_[k];
    values_.push_back(values_[k] + cell_value(curvature_, slope_, h, h));
  }
}

std::size_t GluedFunction::cell(double x) const {
  return static_cast<std::size_t>(std::upper_bound(points_.begin(), points_.end(), x) - points_.begin()) - 1;
}

double GluedFunction::gradient(double x) const {
  if (x <= 0) return -slope_;
  const std::size_t k = cell(x);
  // A step amplifies what rounding takes from the slope by L eta/s.
  if (is_rounded(x, points_[k]) || (k + 1 < points_.size() && is_rounded(x, points_[k + 1]))) return -slope_;
  const double u = x - points_[k];
  if (k + 1 == points_.size()) return curvature_ * u - slope_;
  return cell_gradient(curvature_, slope_, points_[k + 1] - points_[k], u);
}

double GluedFunction::value(double x) const {
  if (x <= 0) return -slope_ * x;
  const std::size_t k = cell(x);
  const double u = x - points_[k];
  if (k + 1 == points_.size()) return values_[k] + curvature_ * u * u / 2 - slope_ * u;
  return values_[k] + cell_value(curvature_, slope_, points_[k + 1] - points_[k], u);
}

double GluedFunction::minimizer() const {
  const double dip = slope_ / curvature_;
  double best = points_.back() + dip;
  for (std::size_t k = 0; k + 1 < points_.size(); ++k) {
    if (dip <= (points_[k + 1] - points_[k]) / 2 && value(points_[k] + dip) < value(best)) best = points_[k] + dip;
  }
  return best;
}

double firing_probability(double slope, double sigma, double tail) {
  if (sigma == 0.0) return 1.0;
  if (tail == 2.0) return slope * slope / (slope * slope + sigma * sigma);
  return std::min(1.0, std::pow(std::pow(2.0, 1 / tail) * slope / sigma, tail / (tail - 1)));
}

}  // namespace normdescent::lab
