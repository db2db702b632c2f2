// SPDX-License-Identifier: Apache-2.0
// U9: samples until the average gradient norm is epsilon, at the best settings, for SignSGD with momentum (exponent
// -4), extrapolated momentum (-3.5) and momentum variance reduction (-3).
//
// The function is a winding corridor that needs all of the class: slope 2 epsilon along x over a distance that costs
// Delta, a wall of curvature L that winds across it, and a bowl at the end that is as soft as second-order smoothness
// asks for:
//   f(x, y) = h(x) + L/2 (y - w(x))^2,   h' = 2 epsilon z/sqrt(1 + z^2), z = (x - X)/sqrt(epsilon/M)
//   w: a wave of parabolas, |w'| <= 1, |w''| <= pi/2, so M is about L
// Moving along it turns the gradient at a steady rate, which momentum lags behind by L eta/a; extrapolation removes
// what is linear in the step and lags by M eta^2/a^2; variance reduction pays L eta/sqrt(a). The noise is a random
// wave, sigma sqrt 3 triangle(nu x_i + phase): variance sigma^2, and Lipschitz in x, as S-ms asks.
//
// All three are the EMA rule with sign; they differ in the gradient they feed it:
//   momentum       g(x_k)
//   extrapolation  g(x_k + ((1 - a)/a)(x_k - x_{k-1}))
//   MVR            g(x_k) + ((1 - a)/a)(g(x_k) - g(x_{k-1})) on one sample
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/rules/corrections.hpp"
#include "normdescent/statistics/estimate.hpp"
#include "normdescent/statistics/line_fit.hpp"
#include "parallel.hpp"
#include "tuned_search.hpp"

namespace normdescent::lab {

namespace {

constexpr double kSmoothness = 1.0;  // L
constexpr double kGap = 1.0;         // Delta
constexpr double kNoise = 0.5;       // sigma of each coordinate
constexpr double kNoiseWave = 1.0;   // nu: the noise is 2 sqrt 3 sigma nu/pi Lipschitz
constexpr std::size_t kLanes = 4;    // independent trajectories side by side

struct Point {
  double x;
  double y;
};

class Corridor {
 public:
  explicit Corridor(double epsilon)
      : epsilon_(epsilon), end_(kGap / (2 * epsilon)), width_(std::sqrt(epsilon / kSmoothness)) {}

  [[nodiscard]] Point gradient(Point p) const {
    const double z = (p.x - end_) / width_;
    const double u = p.x / kHalfPeriod - 2 * std::floor(p.x / (2 * kHalfPeriod) + 0.5);  // in [-1, 1)
    const double wave = kHalfPeriod * u * (1 - std::abs(u));
    const double slope = 1 - 2 * std::abs(u);
    const double wall = kSmoothness * (p.y - wave);
    return {2 * epsilon_ * z / std::sqrt(1 + z * z) - wall * slope, wall};
  }

  static constexpr double kHalfPeriod = 4.0 / std::numbers::pi;  // |w''| = 2/kHalfPeriod = pi/2

 private:
  double epsilon_;
  double end_;
  double width_;
};

/// Triangle wave of period 2 pi in [-1, 1]: uniform phase gives a uniform value.
double triangle(double phase) {
  const double turns = phase / (2 * std::numbers::pi);
  return 4 * std::abs(turns - std::floor(turns + 0.5)) - 1;
}

Point sample(const Corridor& corridor, Point p, double phase_x, double phase_y) {
  const Point g = corridor.gradient(p);
  const double size = kNoise * std::numbers::sqrt3;
  return {g.x + size * triangle(kNoiseWave * p.x + phase_x), g.y + size * triangle(kNoiseWave * p.y + phase_y)};
}

enum class Estimate { momentum, extrapolation, variance_reduction };

/// First t at which the average l1 norm over lanes and time is at most epsilon. The estimate starts at the exact
/// gradient (theory: a large first batch), so that only the rate of the run counts.
template <Estimate estimate>
double samples_to_target(double epsilon, double rate, double a, RandomStream stream, double cap) {
  const Corridor corridor(epsilon);
  const auto rule = signum_rule<double>(rate, 1 - a);
  const double ahead = (1 - a) / a;
  struct Lane {
    Point now{0, 0}, before{0, 0}, state{0, 0};
  };
  std::array<Lane, kLanes> lanes;
  for (auto& l : lanes) l.state = corridor.gradient(l.now);
  WordReader reader(stream);
  double sum = 0.0;
  for (double t = 0; t < cap; ++t) {
    for (auto& l : lanes) {
      const Point exact = corridor.gradient(l.now);
      sum += std::abs(exact.x) + std::abs(exact.y);
      const double phase_x = 2 * std::numbers::pi * reader.uniform();
      const double phase_y = 2 * std::numbers::pi * reader.uniform();
      Point g;
      if constexpr (estimate == Estimate::extrapolation) {
        g = sample(corridor,
                   {rules::extrapolate(l.now.x, l.before.x, ahead), rules::extrapolate(l.now.y, l.before.y, ahead)},
                   phase_x, phase_y);
      } else {
        g = sample(corridor, l.now, phase_x, phase_y);
      }
      if constexpr (estimate == Estimate::variance_reduction) {
        const Point old = sample(corridor, l.before, phase_x, phase_y);
        g = {rules::extrapolate(g.x, old.x, ahead), rules::extrapolate(g.y, old.y, ahead)};
      }
      l.before = l.now;
      rule(l.now.x, g.x, l.state.x);
      rule(l.now.y, g.y, l.state.y);
    }
    if (sum <= epsilon * kLanes * (t + 1)) return t + 1;
  }
  return std::numeric_limits<double>::infinity();
}

struct Method {
  Estimate estimate;
  const char* name;
  double exponent;
};
constexpr std::array kMethods{Method{Estimate::momentum, "momentum", -4.0},
                              Method{Estimate::extrapolation, "extrapolation", -3.5},
                              Method{Estimate::variance_reduction, "variance reduction", -3.0}};

TunedSamples tuned(Estimate estimate, double epsilon, RandomStream stream) {
  const double a = std::pow(epsilon / kNoise, 2) / 4;
  const auto samples = [&](double rate, double averaging, double cap) {
    switch (estimate) {
      case Estimate::momentum: return samples_to_target<Estimate::momentum>(epsilon, rate, averaging, stream, cap);
      case Estimate::extrapolation:
        return samples_to_target<Estimate::extrapolation>(epsilon, rate, averaging, stream, cap);
      case Estimate::variance_reduction: break;
    }
    return samples_to_target<Estimate::variance_reduction>(epsilon, rate, averaging, stream, cap);
  };
  const double rate = estimate == Estimate::momentum        ? epsilon * a / 2
                      : estimate == Estimate::extrapolation ? std::sqrt(epsilon) * a / 2
                                                            : epsilon * std::sqrt(a) / 2;
  return tune_by_climbing(samples, rate, a, true, 30 / (epsilon * rate));
}

}  // namespace

ExperimentResult estimator_rates(const ExperimentOptions& options, std::size_t compared) {
  // Corridors of 2, 3, ... whole windings, so that all end in the same way: epsilon = Delta/(2 windings period).
  const int most = std::max(4, static_cast<int>(std::lround(6 * std::pow(options.scale, 0.25))));
  struct Job {
    std::size_t method;
    double epsilon;
  };
  std::vector<Job> jobs;
  for (int windings = most; windings >= 2; --windings) {  // the longest first
    for (const std::size_t method : {std::size_t{0}, compared}) {
      jobs.push_back({method, kGap / (4 * Corridor::kHalfPeriod * windings)});
    }
  }
  const auto results = parallel_map(jobs.size(), options.threads, [&](std::size_t j) {
    return tuned(kMethods[jobs[j].method].estimate, jobs[j].epsilon, RandomStream::of(options.seed, 31, j));
  });
  ExperimentResult out;
  out.parameters = {
      {"smoothness", kSmoothness}, {"initial_gap", kGap}, {"noise", kNoise}, {"trajectories", std::int64_t{kLanes}}};
  Chart chart{.title = "Samples to average ||grad f||_1 = epsilon at the best settings",
              .x_label = "epsilon",
              .y_label = "samples",
              .log_x = true,
              .log_y = true,
              .series = {}};
  for (const std::size_t method : {std::size_t{0}, compared}) {
    std::vector<double> x;
    std::vector<double> y;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      if (jobs[j].method != method) continue;
      x.push_back(jobs[j].epsilon);
      y.push_back(results[j].samples);
      out.rows.push_back({{"estimator", std::string(kMethods[method].name)},
                          {"target", jobs[j].epsilon},
                          {"samples", results[j].samples},
                          {"learning_rate", results[j].learning_rate},
                          {"averaging", results[j].averaging},
                          {"evaluations", std::int64_t{results[j].evaluations}}});
    }
    const LineFit fit = fit_power(x, y);
    const double theory = kMethods[method].exponent;
    out.rows.push_back({{"estimator", std::string(kMethods[method].name)},
                        {"slope", fit.slope},
                        {"slope_low", fit.slope_low},
                        {"slope_high", fit.slope_high},
                        {"slope_theory", theory}});
    out.checks.push_back(check_near(std::string(kMethods[method].name) + ": exponent of samples in epsilon", fit.slope,
                                    theory, 0.06 * -theory));
    chart.series.push_back({.name = kMethods[method].name, .x = x, .y = y, .low = {}, .high = {}});
  }
  out.charts.push_back(std::move(chart));
  return out;
}

ExperimentResult extrapolation_rate(const ExperimentOptions& options) { return estimator_rates(options, 1); }
ExperimentResult variance_reduction_rate(const ExperimentOptions& options) { return estimator_rates(options, 2); }

}  // namespace normdescent::lab
