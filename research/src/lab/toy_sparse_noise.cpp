// SPDX-License-Identifier: Apache-2.0
// P2: f = 1/2 ||x||^2, d = 100, noise N(0, 100^2) on coordinate 0 only (density 1/d), x_0 ~ N(0, I). The published
// protocol has 42 trajectories; twelve times as many make the levels sharp enough to test.
//
// Legend   m = E x_0^2 of the noisy coordinate   eta step size   sigma noise   c = sqrt(2/pi)/sigma
//   SGD      m <- (1 - eta)^2 m + eta^2 sigma^2 ; quiet coordinates shrink by (1 - eta)
//   SignSGD  E sign(x + sigma z) = c x up to (x/sigma)^2/6, so m <- (1 - 2 c eta) m + eta^2, towards eta/(2 c); quiet
//            coordinates walk to 0 and end in two-cycles of mean square eta^2/3
#include <cmath>
#include <numbers>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/lab/quadratic.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/statistics/quantile.hpp"
#include "parallel.hpp"

namespace normdescent::lab {

namespace {

constexpr std::size_t kDimension = 100;
constexpr double kNoise = 100.0;
constexpr std::int64_t kSteps = 3000;
constexpr std::int64_t kWindow = 1000;  // the level is the mean of f over the last kWindow steps
constexpr double kSgdRate = 1e-3;
constexpr double kSignRate = 1e-2;

/// Mean of E f(x_t) over the window, by iterating the moments from E x_0^2 = 1.
template <class Noisy, class Quiet>
double expected_level(const Noisy& noisy, const Quiet& quiet) {
  double m = 1.0;
  double sum = 0.0;
  for (std::int64_t t = 0; t < kSteps; ++t) {
    if (t >= kSteps - kWindow) sum += 0.5 * (m + (kDimension - 1) * quiet(static_cast<double>(t)));
    m = noisy(m);
  }
  return sum / kWindow;
}

using Curve = std::vector<double>;

template <class Rule>
Curve descend(const ExperimentOptions& options, std::size_t trajectory, std::uint64_t purpose, const Rule& rule) {
  const AlignedVector<float> curvature(kDimension, 1.0F);
  AlignedVector<float> noise(kDimension, 0.0F);
  noise[0] = static_cast<float>(kNoise);
  AlignedVector<float> start(kDimension);
  fill_normal(RandomStream::of(options.seed, 2, trajectory), 0, start);
  QuadraticRun run(curvature, noise, start, RandomStream::of(options.seed, purpose, trajectory));
  Curve curve;
  for (std::int64_t t = 0; t < kSteps; ++t) curve.push_back(run.step(rule));
  return curve;
}

Series band(std::string name, std::span<const Curve> curves) {
  Series series{.name = std::move(name), .x = {}, .y = {}, .low = {}, .high = {}};
  for (std::size_t t = 0; t < static_cast<std::size_t>(kSteps); t += 20) {
    std::vector<double> values;
    for (const auto& curve : curves) values.push_back(curve[t]);
    series.x.push_back(static_cast<double>(t));
    series.y.push_back(mean_and_error(values).value);
    series.low.push_back(quantile(values, 0.1));
    series.high.push_back(quantile(values, 0.9));
  }
  return series;
}

Estimate level_of(std::span<const Curve> curves) {
  std::vector<double> levels;
  for (const auto& curve : curves) levels.push_back(mean_and_error(std::span(curve).last(kWindow)).value);
  return mean_and_error(levels);
}

}  // namespace

ExperimentResult toy_sparse_noise(const ExperimentOptions& options) {
  const auto trajectories = static_cast<std::size_t>(std::max(4.0, std::round(504 * options.scale)));
  const auto curves = parallel_map(2 * trajectories, options.threads, [&](std::size_t job) {
    return job < trajectories ? descend(options, job, 3, sgd_rule<float>(kSgdRate))
                              : descend(options, job - trajectories, 4, signsgd_rule<float>(kSignRate));
  });
  const std::span sgd(curves.data(), trajectories);
  const std::span sign(curves.data() + trajectories, trajectories);

  const double keep = (1 - kSgdRate) * (1 - kSgdRate);
  const double sgd_level = expected_level([&](double m) { return keep * m + kSgdRate * kSgdRate * kNoise * kNoise; },
                                          [&](double t) { return std::pow(keep, t); });
  const double c = std::sqrt(2.0 / std::numbers::pi) / kNoise;
  const double sign_level =
      expected_level([&](double m) { return (1 - 2 * c * kSignRate) * m + kSignRate * kSignRate; },
                     [](double) { return kSignRate * kSignRate / 3.0; });
  const Estimate sgd_measured = level_of(sgd);
  const Estimate sign_measured = level_of(sign);

  ExperimentResult out;
  out.parameters = {{"dimension", std::int64_t{kDimension}},
                    {"noise", kNoise},
                    {"noise_density", 1.0 / kDimension},
                    {"steps", kSteps},
                    {"trajectories", static_cast<std::int64_t>(trajectories)}};
  const auto row = [](const char* method, double rate, const Estimate& measured, double expected, double limit) {
    return Row{{"method", std::string(method)},       {"learning_rate", rate}, {"level", measured.value},
               {"level_se", measured.standard_error}, {"expected", expected},  {"expected_forever", limit}};
  };
  const double sgd_limit = 0.5 * kSgdRate * kNoise * kNoise / (2 - kSgdRate);
  const double sign_limit = 0.5 * (kSignRate / (2 * c) + (kDimension - 1) * kSignRate * kSignRate / 3.0);
  out.rows.push_back(row("sgd", kSgdRate, sgd_measured, sgd_level, sgd_limit));
  out.rows.push_back(row("signsgd", kSignRate, sign_measured, sign_level, sign_limit));

  // Four standard errors: a false alarm once in 15,000 (a few more for few trajectories, whose error is itself
  // uncertain).
  out.checks.push_back(
      check_near("SGD level over the last 1000 steps", sgd_measured.value, sgd_level, 4 * sgd_measured.standard_error));
  out.checks.push_back(check_near("SignSGD level over the last 1000 steps", sign_measured.value, sign_level,
                                  4 * sign_measured.standard_error));
  const double ratio = sgd_measured.value / sign_measured.value;
  const double ratio_error = ratio * std::hypot(sgd_measured.standard_error / sgd_measured.value,
                                                sign_measured.standard_error / sign_measured.value);
  out.checks.push_back(
      check_at_least("SGD level over SignSGD level, two standard errors down", ratio - 2 * ratio_error, 1.0));
  out.charts.push_back({.title = "Noise on one coordinate of 100: mean and 10-90 % of trajectories",
                        .x_label = "step",
                        .y_label = "f",
                        .log_x = false,
                        .log_y = true,
                        .series = {band("SGD 1e-3", sgd), band("SignSGD 1e-2", sign)}});
  return out;
}

}  // namespace normdescent::lab
