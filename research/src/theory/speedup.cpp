// SPDX-License-Identifier: Apache-2.0
#include "normdescent/theory/speedup.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "magnitude.hpp"
#include "normdescent/theory/constants.hpp"
#include "require.hpp"

namespace normdescent {

using namespace theory;

namespace {

void require_measurement(const GeometryAtPoint& measurement) {
  require_positive("smoothness", measurement.smoothness);
  require_non_negative("noise", measurement.noise);
  require_positive("gradient_norm", measurement.gradient_norm);
}

}  // namespace

SpeedupOverSgd speedup_sign_over_sgd(double dimension, double density) {
  require_density("dimension", dimension, "density", density);
  return {dimension, 1.0 / density};
}

SpeedupOverSgd speedup_muon_over_sgd(double rank, double nuclear_density) {
  require_density("rank", rank, "nuclear_density", nuclear_density);
  return {rank, 1.0 / nuclear_density};
}

SpeedupOverSgd speedup_adagrad_over_sgd(double dimension, double curvature_density, double density, double alignment) {
  require_density("dimension", dimension, "curvature_density", curvature_density);
  require_density("dimension", dimension, "density", density);
  if (!(alignment >= 0.0 && alignment <= 1.0)) refuse("alignment", alignment, "in [0, 1]");
  return {1.0 / curvature_density, alignment * alignment / density};
}

double speedup_at(const SpeedupOverSgd& speedup, double noise, double epsilon, double tail) {
  require_positive("deterministic", speedup.deterministic);
  require_non_negative("noise speedup", speedup.noise);
  require_non_negative("noise", noise);
  require_positive("epsilon", epsilon);
  const Magnitude x = pow(Magnitude(noise) / Magnitude(epsilon), 1.0 / averaging_exponent(tail));
  const Magnitude weighted = Magnitude(speedup.deterministic) + Magnitude(speedup.noise) * x;
  return (weighted / (Magnitude(1.0) + x)).value();
}

double noise_density(double norm_1, double norm_p, double dimension, double tail) {
  require_positive("norm_1", norm_1);
  require_positive("norm_p", norm_p);
  require_at_least_one("dimension", dimension);
  const double density =
      (pow(Magnitude(norm_1) / Magnitude(norm_p), 1.0 / averaging_exponent(tail)) / Magnitude(dimension)).value();
  constexpr double kRoundOff = 1e-6;  // of norms accumulated in fp32 elsewhere
  if (!(density >= (1.0 - kRoundOff) / dimension && density <= 1.0 + kRoundOff))
    refuse("density of (norm_1, norm_p)", density, "in [1/dimension, 1]: are these norms of one vector?");
  return std::clamp(density, 1.0 / dimension, 1.0);
}

SpeedupOverSgd matched_accuracy_speedup(const GeometryAtPoint& from, const GeometryAtPoint& to, double tail) {
  require_measurement(from);
  require_measurement(to);
  const double inverse_theta = 1.0 / averaging_exponent(tail);
  const auto deterministic = [](const GeometryAtPoint& x) {
    return Magnitude(x.smoothness) / pow(Magnitude(x.gradient_norm), 2.0);
  };
  const auto noisy = [&](const GeometryAtPoint& x) {
    return deterministic(x) * pow(Magnitude(x.noise) / Magnitude(x.gradient_norm), inverse_theta);
  };
  return {(deterministic(from) / deterministic(to)).value(), (noisy(from) / noisy(to)).value()};
}

double critical_batch(const GeometryAtPoint& measurement, double tail) {
  require_measurement(measurement);
  const Magnitude ratio = 2.0 * averaging_constant(tail) * Magnitude(measurement.noise) / measurement.gradient_norm;
  return pow(ratio, 1.0 / averaging_exponent(tail)).value();
}

}  // namespace normdescent
