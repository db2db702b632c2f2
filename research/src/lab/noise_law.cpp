// SPDX-License-Identifier: Apache-2.0
#include "normdescent/lab/noise_law.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

namespace normdescent::lab {

namespace {

constexpr double kPi = std::numbers::pi;

double gamma_function(double x) { return std::tgamma(x); }

double absolute_moment(NoiseKind kind, double p, double shape) {
  switch (kind) {
    case NoiseKind::gaussian: return std::pow(2.0, p / 2) * gamma_function((1 + p) / 2) / std::sqrt(kPi);
    case NoiseKind::two_point: return (1 - shape) + shape * std::pow(1 / shape - 1, p);
    case NoiseKind::lomax: return gamma_function(p + 1) * gamma_function(shape - p) / gamma_function(shape);
    case NoiseKind::pareto: return shape / (shape - p);
    case NoiseKind::student:
      return std::pow(shape, p / 2) * gamma_function((p + 1) / 2) * gamma_function((shape - p) / 2) /
             (std::sqrt(kPi) * gamma_function(shape / 2));
    case NoiseKind::stable:
      if (shape == 2.0) return std::pow(2.0, p) * gamma_function((1 + p) / 2) / std::sqrt(kPi);  // N(0, 2)
      return std::pow(2.0, p) * gamma_function((1 + p) / 2) * gamma_function(1 - p / shape) /
             (std::sqrt(kPi) * gamma_function(1 - p / 2));
  }
  return 1.0;
}

bool in_domain(NoiseKind kind, double p, double shape) {
  switch (kind) {
    case NoiseKind::gaussian: return true;
    case NoiseKind::two_point: return shape > 0 && shape < 1;
    case NoiseKind::lomax:
    case NoiseKind::pareto:
    case NoiseKind::student: return shape > p && std::isfinite(shape);
    case NoiseKind::stable: return shape == 2.0 || (shape > p && shape < 2);
  }
  return false;
}

}  // namespace

NoiseLaw::NoiseLaw(NoiseKind kind, double tail, double shape) : kind_(kind), tail_(tail), shape_(shape) {
  if (!(tail > 1 && tail <= 2)) throw std::invalid_argument("tail = " + std::to_string(tail) + ", must be in (1, 2]");
  if (!in_domain(kind, tail, shape)) {
    throw std::invalid_argument("shape = " + std::to_string(shape) +
                                ", must be in (0, 1) for two_point, above tail = " + std::to_string(tail) +
                                " for lomax, pareto and student, in (tail, 2] for stable");
  }
  moment_ = absolute_moment(kind, tail, shape);
  scale_ = std::pow(moment_, -1.0 / tail);
}

double NoiseLaw::draw(double u, double v) const {
  const double sign = v < 0.5 ? -1.0 : 1.0;
  switch (kind_) {
    case NoiseKind::gaussian: return scale_ * std::sqrt(-2 * std::log(u)) * std::cos(2 * kPi * v);
    case NoiseKind::two_point: return scale_ * (u < shape_ ? 1 / shape_ - 1 : -1.0);
    case NoiseKind::lomax: return scale_ * sign * (std::pow(u, -1 / shape_) - 1);
    case NoiseKind::pareto: return scale_ * sign * std::pow(u, -1 / shape_);
    case NoiseKind::student:  // Bailey 1994: the radius law that makes the polar method give t
      return scale_ * std::sqrt(shape_ * (std::pow(u, -2 / shape_) - 1)) * std::cos(2 * kPi * v);
    case NoiseKind::stable: {  // Chambers, Mallows & Stuck 1976, V uniform in (-pi/2, pi/2), W exponential
      const double angle = kPi * (v - 0.5);
      const double w = -std::log(u);
      return scale_ * std::sin(shape_ * angle) / std::pow(std::cos(angle), 1 / shape_) *
             std::pow(std::cos((1 - shape_) * angle) / w, (1 - shape_) / shape_);
    }
  }
  return 0.0;
}

}  // namespace normdescent::lab
