// SPDX-License-Identifier: Apache-2.0
// L6 and U10 on the instance of H6, whose points AdaGrad visits whatever its step size: AdaGrad (delta = 0) stays above
// L6 for as long as the theorem says, U10 holds on the same trajectories, and the samples that AdaGrad needs at U10's
// step size lie between the two bounds.
#include <algorithm>
#include <cmath>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/theory/lower_others.hpp"
#include "normdescent/theory/tuning.hpp"
#include "normdescent/theory/upper_baselines.hpp"
#include "parallel.hpp"
#include "steps_until_mean.hpp"

namespace normdescent::lab {

namespace {

// L = Delta = 1, as H6 has them.
ProblemConstants constants_of(double noise) { return {.geometry = "sign", .noise = noise}; }

/// U10 wants delta > 0 and has it under a logarithm only; H6 wants none. 1e-12 is none to 11 digits.
AdagradConstants upper_constants_of(double noise, double start_slope) {
  return {.noise_l1 = noise, .noise_max = noise, .start_gradient_max = start_slope, .delta = 1e-12};
}

TrajectoryNorms trajectory(const ScalarInstance& instance, double rate, RandomStream stream,
                           const SeparableRunOptions& options) {
  return run_separable(
      std::span(&instance, 1), [&](double unit) { return adagrad_rule<double>(rate / unit, kNoDelta); }, stream,
      options);
}

struct Setting {
  std::int64_t steps;
  double learning_rate;
  double noise;
};

std::vector<Setting> grid() {
  std::vector<Setting> out;
  for (const std::int64_t steps : {100, 1000, 10000}) {
    for (const double rate : {1e-3, 0.1, 10.0}) {
      for (const double noise : {0.0, 0.1, 1.0}) out.push_back({steps, rate, noise});
    }
  }
  return out;
}

struct Measured {
  double epsilon = 0.0;
  std::int64_t promised = 0;  // steps of the instance
  double upper = 0.0;
  Estimate smallest;
  Estimate average;
};

Measured measure(const Setting& s, std::size_t trajectories, std::uint64_t seed, std::uint64_t job) {
  Measured out;
  out.epsilon = lower_adagrad(constants_of(s.noise), static_cast<double>(s.steps)).value;
  const auto built = adagrad_instance(out.epsilon, s.noise, s.learning_rate);
  out.promised = built.steps;
  out.upper = upper_adagrad(upper_constants_of(s.noise, 2 * out.epsilon),
                            {.learning_rate = s.learning_rate, .steps = static_cast<double>(s.steps)})
                  .value;
  std::vector<double> smallest;
  std::vector<double> average;
  for (std::size_t k = 0; k < trajectories; ++k) {
    const auto run =
        trajectory(built.instance, s.learning_rate, RandomStream::of(seed, 60, job << 16U | k), {.steps = s.steps});
    smallest.push_back(run.smallest);
    average.push_back(run.average);
  }
  out.smallest = mean_and_error(smallest);
  out.average = mean_and_error(average);
  return out;
}

/// Samples until the running mean of E|f'| is at most epsilon, at the step size that U10 asks for.
struct Sandwich {
  double lower = 0.0;
  double measured = 0.0;
  double upper = 0.0;
  double learning_rate = 0.0;
};

Sandwich sandwich(double epsilon, double noise, std::uint64_t seed, std::uint64_t job) {
  const Tuning tuned = tune_adagrad(upper_constants_of(noise, 2 * epsilon), epsilon);
  Sandwich out{.lower = lower_adagrad_samples(constants_of(noise), epsilon).value,
               .upper = tuned.samples,
               .learning_rate = tuned.run.learning_rate};
  const auto built = adagrad_instance(epsilon, noise, out.learning_rate);
  // Slope 2 epsilon for about twice `steps` (the firings are half their count), as long again to halve the mean.
  const std::int64_t cap = 64 * built.steps;
  constexpr int kTrajectories = 16;
  std::vector<double> norms(static_cast<std::size_t>(cap), 0.0);
  for (std::uint64_t k = 0; k < kTrajectories; ++k) {
    trajectory(built.instance, out.learning_rate, RandomStream::of(seed, 61, job << 16U | k),
               {.steps = cap, .norms_sum = norms});
  }
  out.measured = steps_until_mean(norms, kTrajectories, epsilon);
  return out;
}

}  // namespace

ExperimentResult adagrad_lower_bound(const ExperimentOptions& options) {
  const auto trajectories = static_cast<std::size_t>(std::max(16.0, std::round(64 * options.scale)));
  const auto settings = grid();
  const auto measured = parallel_map(settings.size(), options.threads, [&](std::size_t job) {
    return measure(settings[job], trajectories, options.seed, job);
  });
  ExperimentResult out;
  out.parameters = {
      {"smoothness", 1.0}, {"initial_gap", 1.0}, {"trajectories", static_cast<std::int64_t>(trajectories)}};
  double least = std::numeric_limits<double>::infinity();
  double most = 0.0;
  double shortest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& s = settings[i];
    const auto& m = measured[i];
    out.rows.push_back({{"samples", s.steps},
                        {"learning_rate", s.learning_rate},
                        {"noise_l1", s.noise},
                        {"lower", m.epsilon},
                        {"promised_steps", m.promised},
                        {"min_norm", m.smallest.value},
                        {"min_norm_se", m.smallest.standard_error},
                        {"average_norm", m.average.value},
                        {"upper", m.upper}});
    least = std::min(least, (m.smallest.value - 3 * m.smallest.standard_error) / m.epsilon);
    most = std::max(most, (m.average.value + 3 * m.average.standard_error) / m.upper);
    shortest = std::min(shortest, static_cast<double>(m.promised) / static_cast<double>(s.steps));
  }
  out.checks.push_back(
      check_at_least("L6: E min |f'| over its bound, three standard errors down, worst of the grid", least, 1.0));
  out.checks.push_back(
      check_at_most("U10: E average |f'| over its bound, three standard errors up, worst of the grid", most, 1.0));
  out.checks.push_back(
      check_at_least("steps that the instance of H6 promises over those of L6, smallest", shortest, 1.0));

  constexpr std::array kTargets{0.007, 0.01, 0.014, 0.02, 0.028};
  constexpr std::array kNoises{0.0, 0.2};
  const auto between = parallel_map(kTargets.size() * kNoises.size(), options.threads, [&](std::size_t job) {
    return sandwich(kTargets[job / kNoises.size()], kNoises[job % kNoises.size()], options.seed, job);
  });
  double below = std::numeric_limits<double>::infinity();
  double above = 0.0;
  Series lower{.name = "lower bound", .x = {}, .y = {}, .low = {}, .high = {}};
  Series middle = lower;
  Series upper = lower;
  middle.name = "measured";
  upper.name = "upper bound";
  for (std::size_t job = 0; job < between.size(); ++job) {
    const double epsilon = kTargets[job / kNoises.size()];
    const double noise = kNoises[job % kNoises.size()];
    const auto& b = between[job];
    out.rows.push_back({{"target", epsilon},
                        {"noise_l1", noise},
                        {"learning_rate", b.learning_rate},
                        {"lower_samples", b.lower},
                        {"measured_samples", b.measured},
                        {"upper_samples", b.upper}});
    below = std::min(below, b.measured / b.lower);
    above = std::max(above, b.measured / b.upper);
    if (noise == 0.0) continue;
    for (auto [series, samples] : {std::pair{&lower, b.lower}, {&middle, b.measured}, {&upper, b.upper}}) {
      series->x.push_back(epsilon);
      series->y.push_back(samples);
    }
  }
  out.checks.push_back(check_at_least("samples to epsilon over the lower bound, smallest", below, 1.0));
  out.checks.push_back(check_at_most("samples to epsilon over the upper bound, largest", above, 1.0));
  out.charts.push_back({.title = "AdaGrad: samples until the average |f'| is epsilon (noise 0.2)",
                        .x_label = "epsilon",
                        .y_label = "samples",
                        .log_x = true,
                        .log_y = true,
                        .series = {lower, middle, upper}});
  return out;
}

}  // namespace normdescent::lab
