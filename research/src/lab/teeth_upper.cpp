// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <utility>
#include <vector>

#include "elementwise.hpp"
#include "normdescent/linalg/polar.hpp"
#include "normdescent/theory/upper.hpp"
#include "normdescent/theory/upper_baselines.hpp"
#include "normdescent/theory/upper_generalized.hpp"
#include "teeth.hpp"

namespace normdescent::lab {

namespace {

/// U4, U5: the noise of a step must be independent of the steps before. Repeated for ever it is a wrong gradient.
void repeated_noise(Teeth& teeth, std::uint64_t seed) {
  constexpr int steps = 200'000;
  constexpr double a = 1e-3;
  constexpr double rate = 1e-5;
  const auto z = normals(seed, 53, steps);
  const auto independent = [&](int t, double, double x) {
    return x + static_cast<double>(z[static_cast<std::size_t>(t)]);
  };
  const auto repeated = [](int, double, double x) { return x + 1.0; };  // one sample at one sigma, again and again
  const RunSettings run{.learning_rate = rate, .steps = steps};
  const auto constants = sign_constants(0.005, 1.0, 1.0);  // x_0 = 0.1
  const auto signum = signum_rule<double>(rate, 1 - a);
  const double u4 = upper_bound(constants, ExponentialAverage{.averaging = a}, run).value;
  teeth.holds("U4 with independent noise", slopes(signum, 0.1, steps, identity, independent).average, u4);
  teeth.fails("U4 with the same noise in every step", slopes(signum, 0.1, steps, identity, repeated).average, u4);
  const auto lion = lion_rule<double>(rate, 1 - std::sqrt(a), 1 - a);
  const double u5 =
      upper_bound(constants, LionAverage{.averaging1 = std::sqrt(a), .averaging2 = a, .start_error = 1.0}, run).value;
  teeth.holds("U5 with independent noise", slopes(lion, 0.1, steps, identity, independent).average, u5);
  teeth.fails("U5 with the same noise in every step", slopes(lion, 0.1, steps, identity, repeated).average, u5);
}

/// U6 on cosh, whose curvature grows with its slope: where that is not claimed, condition (ii) admits steps that jump
/// from one steep side to the other.
void relative_smoothness_left_out(Teeth& teeth) {
  constexpr int steps = 2000;
  constexpr double start = 8.0;
  const auto slope = [](double x) { return std::sinh(x); };
  const auto exact = [&](int, double, double x) { return slope(x); };
  const auto measured_over = [&](GeneralizedConstants constants, double rate) {
    constants.initial_gap = std::cosh(start) - 1.0;
    return std::pair(slopes(signum_rule<double>(rate, 0.0), start, steps, slope, exact).average,
                     upper_bound_generalized(constants, 1.0, 0.0, {.learning_rate = rate, .steps = steps}).value);
  };
  const double factor = std::exp(1.0) - 1.0;
  const auto [gentle, bound] = measured_over({.smoothness = factor, .relative_smoothness = factor}, 1 / (12 * factor));
  teeth.holds("U6 on cosh with the longest step of condition (ii)", gentle, bound);
  const auto [wild, claimed] = measured_over({.smoothness = factor, .relative_smoothness = 0.0}, 2 * start);
  teeth.fails("U6 on cosh with relative smoothness left out", wild, claimed);
}

/// U9b: a curvature that changes (S-2 with M = 0.77) where M = 0 is claimed; U9c: two samples where one is asked for.
void estimators(Teeth& teeth, std::uint64_t seed) {
  constexpr int steps = 4000;
  constexpr double a = 0.01;
  constexpr double rate = 0.1;
  const double ahead = (1 - a) / a;
  const auto signum = signum_rule<double>(rate, 1 - a);
  const RunSettings run{.learning_rate = rate, .steps = steps};
  const auto extrapolated = [&](const auto& slope) {
    return [&, slope](int, double before, double x) { return slope(x + ahead * (x - before)); };
  };
  const auto saturating = [](double x) { return std::tanh(x); };
  const ExtrapolatedAverage straight{.averaging = a, .hessian_smoothness = 0.0};
  teeth.holds("U9b on x^2/2, M = 0", slopes(signum, 0.73, steps, identity, extrapolated(identity)).average,
              upper_bound(sign_constants(0.5, 1.0, 0.0), straight, run).value);
  teeth.fails("U9b on log cosh x with M = 0 claimed",
              slopes(signum, 1.0, steps, saturating, extrapolated(saturating)).average,
              upper_bound(sign_constants(std::log(std::cosh(1.0)), 1.0, 0.0), straight, run).value);

  // Long enough for the error of unpaired samples, a walk of size 10, to average over trajectories.
  constexpr int long_run = 50 * steps;
  constexpr double short_rate = 1e-3;
  const auto rule = signum_rule<double>(short_rate, 1 - a);
  const auto z = normals(seed, 54, 2 * long_run);
  const auto reduced = [&](bool same_sample) {
    return [&, same_sample](int t, double before, double x) {
      const auto i = static_cast<std::size_t>(2 * t);
      const double now = static_cast<double>(z[i]);
      const double old = same_sample ? now : static_cast<double>(z[i + 1]);
      const double g = x + now;
      return g + ahead * (g - (before + old));
    };
  };
  const double u9c = upper_bound(sign_constants(0.5, 1.0, 1.0), VarianceReducedAverage{.averaging = a},
                                 {.learning_rate = short_rate, .steps = long_run})
                         .value;
  teeth.holds("U9c with both gradients on one sample", slopes(rule, 1.0, long_run, identity, reduced(true)).average,
              u9c);
  teeth.fails("U9c with a sample for each", slopes(rule, 1.0, long_run, identity, reduced(false)).average, u9c);
}

/// F = 1/2 <I, W>^2 on r x r: L_2 = r, L_* = r^2. Average nuclear norm of Muon's gradients with directions of length
/// `share`; W = (s/r) I throughout.
double muon_average(Index r, double start, int steps, double rate, double share) {
  const auto size = static_cast<std::size_t>(r * r);
  std::vector<double> w(size, 0.0), g(size, 0.0), direction(size, 0.0);
  for (Index i = 0; i < r; ++i) w[static_cast<std::size_t>(i * r + i)] = start / static_cast<double>(r);
  const rules::Step<double> step(rate, 0.0, share);
  double sum = 0.0;
  for (int t = 0; t < steps; ++t) {
    double trace = 0.0;
    for (Index i = 0; i < r; ++i) trace += w[static_cast<std::size_t>(i * r + i)];
    sum += static_cast<double>(r) * std::abs(trace);
    for (Index i = 0; i < r; ++i) g[static_cast<std::size_t>(i * r + i)] = trace;
    polar_svd<double>(MatrixView<const double>{g.data(), r, r}, MatrixView<double>{direction.data(), r, r});
    for (std::size_t k = 0; k < size; ++k) step(w[k], direction[k]);
  }
  return sum / steps;
}

void matrices(Teeth& teeth) {
  constexpr Index r = 10;
  constexpr double start = 7.3;
  constexpr int steps = 1000;
  const auto settings = [&](double smoothness) {
    return RunSettings{.learning_rate = std::sqrt(start * start / (smoothness * steps)), .steps = steps};
  };
  const auto constants = [&](double smoothness) {
    ProblemConstants c = sign_constants(start * start / 2, smoothness, 0.0);
    c.geometry = "spectral";
    return c;
  };
  for (const double smoothness : {double{r * r}, double{r}}) {
    const RunSettings run = settings(smoothness);
    const double average = muon_average(r, start, steps, run.learning_rate, 1.0);
    const double bound = upper_bound(constants(smoothness), RawMiniBatch{}, run).value;
    if (smoothness > r) {
      teeth.holds("U2 on 1/2 <I, W>^2 with L_* = r^2", average, bound);
    } else {
      teeth.fails("U2 with L_2 = r in place of L_*", average, bound);
    }
  }
  const RunSettings run = settings(r * r);
  const double average = muon_average(r, start, steps, run.learning_rate, 0.3);
  const auto inexact = [&](double delta) {
    return upper_bound_inexact_msign(constants(r * r), RawMiniBatch{}, run, delta).value;
  };
  teeth.holds("U7i with directions of length 0.3, delta = 0.7", average, inexact(0.7));
  teeth.fails("U7i with directions of length 0.3, delta = 0 claimed", average, inexact(0.0));
}

/// U11 asks for eta <= 1/L; beyond 2/L the steps grow.
void too_long_for_sgd(Teeth& teeth) {
  constexpr int steps = 50;
  ProblemConstants constants = sign_constants(0.5, 1.0, 0.0);
  constants.geometry = "euclidean";
  const auto exact = [](int, double, double x) { return x; };
  for (const double rate : {1.0, 2.5}) {
    const double average = slopes(sgd_rule<double>(rate), 1.0, steps, identity, exact).average;
    const double bound = upper_sgd(constants, {.learning_rate = rate, .steps = steps}).value;
    if (rate <= 1.0) {
      teeth.holds("U11 with eta = 1/L", average, bound);
    } else {
      teeth.fails("U11 with eta = 2.5/L", average, bound);
    }
  }
}

}  // namespace

void teeth_of_upper_bounds(Teeth& teeth, std::uint64_t seed) {
  repeated_noise(teeth, seed);
  relative_smoothness_left_out(teeth);
  estimators(teeth, seed);
  matrices(teeth);
  too_long_for_sgd(teeth);
}

}  // namespace normdescent::lab
