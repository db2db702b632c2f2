// SPDX-License-Identifier: Apache-2.0
// L1 and U1 on the instances of H2/H3: SignSGD stays above epsilon_N for as long as the theorem says, whatever its
// step, batch, noise and dimension; U1 holds on the same trajectories; and the samples that tuned SignSGD needs lie
// between the two bounds.
#include <algorithm>
#include <cmath>

#include "elementwise.hpp"
#include "experiments.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/statistics/distributions.hpp"
#include "normdescent/statistics/mean_and_error.hpp"
#include "normdescent/theory/lower_sign.hpp"
#include "normdescent/theory/tuning.hpp"
#include "normdescent/theory/upper.hpp"
#include "parallel.hpp"
#include "steps_until_mean.hpp"

namespace normdescent::lab {

namespace {

constexpr double kSmoothness = 2.0;  // L_inf
constexpr double kGap = 1.0;         // Delta

ProblemConstants constants_of(double noise) {
  return {.geometry = "sign",
          .initial_gap = kGap,
          .smoothness = kSmoothness,
          .noise = noise,
          .tail = 2.0,
          .smoothness_kind = SmoothnessKind::lipschitz_gradient};
}

/// d noise scales that fall like 1/(i+1) and sum to `total`.
std::vector<double> falling_noise(std::size_t d, double total) {
  std::vector<double> sigma(d);
  double sum = 0.0;
  for (std::size_t i = 0; i < d; ++i) sum += sigma[i] = 1.0 / static_cast<double>(i + 1);
  for (double& s : sigma) s *= total / sum;
  return sigma;
}

struct Setting {
  std::int64_t samples;
  std::int64_t batch;
  double learning_rate;
  double noise;
  std::size_t dimension;
};

std::vector<Setting> grid() {
  std::vector<Setting> out;
  for (const std::int64_t samples : {400, 10000}) {
    for (const std::int64_t batch : {1, 8}) {
      for (const double rate : {1e-4, 0.1, 30.0}) {
        for (const double noise : {0.0, 0.5, 4.0}) {
          for (const std::size_t d : {1U, 4U, 16U}) {
            if (noise == 0.0 && d > 1) continue;  // without noise one coordinate carries the instance
            out.push_back({samples, batch, rate, noise, d});
          }
        }
      }
    }
  }
  return out;
}

const auto sign_rule = [](double learning_rate) {
  return [learning_rate](double unit) { return signsgd_rule<double>(learning_rate / unit); };
};

struct Measured {
  double epsilon = 0.0;
  double upper = 0.0;
  Estimate smallest;
  Estimate average;
  double escapes = 0.0;  // coordinates that left the resisting stretch
  double escapes_expected = 0.0;
};

Measured measure(const Setting& s, std::size_t trajectories, std::uint64_t seed, std::uint64_t job) {
  const auto constants = constants_of(s.noise);
  Measured out;
  out.epsilon = lower_sign(constants, static_cast<double>(s.samples)).value;
  const auto sigma = falling_noise(s.dimension, s.noise);
  const auto instances = sign_instances(kSmoothness, kGap, sigma, 2.0, out.epsilon, s.learning_rate);
  const std::int64_t steps = s.samples / s.batch;
  out.upper = upper_bound(constants, RawMiniBatch{},
                          {.learning_rate = s.learning_rate,
                           .steps = static_cast<double>(steps),
                           .batch = static_cast<double>(s.batch)})
                  .value;
  std::vector<double> smallest;
  std::vector<double> average;
  for (std::size_t k = 0; k < trajectories; ++k) {
    const auto run = run_separable(instances, sign_rule(s.learning_rate), RandomStream::of(seed, 10, job << 16U | k),
                                   {.steps = steps, .batch = s.batch});
    smallest.push_back(run.smallest);
    average.push_back(run.average);
    for (std::size_t i = 0; i < instances.size(); ++i) {
      out.escapes += run.farthest[i] > static_cast<double>(std::get<ResistingFunction>(instances[i].function).cells);
    }
  }
  for (const auto& i : instances) {
    const double moves = -std::expm1(static_cast<double>(s.batch) * std::log1p(-i.oracle.probability));
    out.escapes_expected +=
        static_cast<double>(trajectories) *
        binomial_tail(steps, i.oracle.probability >= 1 ? 1.0 : moves, std::get<ResistingFunction>(i.function).cells);
  }
  out.smallest = mean_and_error(smallest);
  out.average = mean_and_error(average);
  return out;
}

/// Samples until the running mean of E||grad f||_1 is at most epsilon, for SignSGD tuned by U1 on its own instance.
struct Sandwich {
  double epsilon = 0.0;
  double noise = 0.0;
  double lower = 0.0;
  double measured = 0.0;
  double upper = 0.0;
};

Sandwich sandwich(double epsilon, double noise, std::uint64_t seed, std::uint64_t job) {
  const auto constants = constants_of(noise);
  const Tuning tuned = tune_minibatch(constants, epsilon);
  const auto steps = static_cast<std::int64_t>(tuned.run.steps);
  const auto instances =
      sign_instances(kSmoothness, kGap, falling_noise(4, noise), 2.0, epsilon, tuned.run.learning_rate);
  constexpr int kTrajectories = 4;
  std::vector<double> norms(static_cast<std::size_t>(steps), 0.0);
  for (int k = 0; k < kTrajectories; ++k) {
    run_separable(instances, sign_rule(tuned.run.learning_rate),
                  RandomStream::of(seed, 11, job << 16U | static_cast<std::uint64_t>(k)),
                  {.steps = steps, .batch = static_cast<std::int64_t>(tuned.run.batch), .norms_sum = norms});
  }
  const double measured = steps_until_mean(norms, kTrajectories, epsilon) * tuned.run.batch;
  return {epsilon, noise, lower_sign_samples(constants, epsilon).value, measured, tuned.samples};
}

}  // namespace

ExperimentResult signsgd_lower_bound(const ExperimentOptions& options) {
  const auto trajectories = static_cast<std::size_t>(std::max(32.0, std::round(64 * options.scale)));
  const auto settings = grid();
  const auto measured = parallel_map(settings.size(), options.threads, [&](std::size_t job) {
    return measure(settings[job], trajectories, options.seed, job);
  });
  ExperimentResult out;
  out.parameters = {
      {"smoothness", kSmoothness}, {"initial_gap", kGap}, {"trajectories", static_cast<std::int64_t>(trajectories)}};
  double least = std::numeric_limits<double>::infinity();
  double most = 0.0;
  double escapes = 0.0;
  double expected = 0.0;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& s = settings[i];
    const auto& m = measured[i];
    out.rows.push_back({{"samples", s.samples},
                        {"batch", s.batch},
                        {"learning_rate", s.learning_rate},
                        {"noise_l1", s.noise},
                        {"dimension", static_cast<std::int64_t>(s.dimension)},
                        {"lower", m.epsilon},
                        {"min_norm", m.smallest.value},
                        {"min_norm_se", m.smallest.standard_error},
                        {"average_norm", m.average.value},
                        {"upper", m.upper},
                        {"escapes", m.escapes},
                        {"escapes_expected", m.escapes_expected}});
    least = std::min(least, (m.smallest.value - 3 * m.smallest.standard_error) / m.epsilon);
    most = std::max(most, (m.average.value + 3 * m.average.standard_error) / m.upper);
    escapes += m.escapes;
    expected += m.escapes_expected;
  }
  out.checks.push_back(
      check_at_least("L1: E min norm over its bound, three standard errors down, worst of the grid", least, 1.0));
  out.checks.push_back(
      check_at_most("U1: E average norm over its bound, three standard errors up, worst of the grid", most, 1.0));
  out.checks.push_back(check_near("escapes from the resisting stretch: as many as the binomial tail says", escapes,
                                  expected, 5 * std::sqrt(expected) + 1));
  struct Target {
    double epsilon, noise;
  };
  std::vector<Target> targets;
  for (const double epsilon : {0.07, 0.1, 0.14, 0.2, 0.28}) {
    for (const double noise : {0.0, 0.5}) targets.push_back({epsilon, noise});
  }
  const auto between = parallel_map(targets.size(), options.threads, [&](std::size_t job) {
    return sandwich(targets[job].epsilon, targets[job].noise, options.seed, job);
  });
  double below = std::numeric_limits<double>::infinity();
  double above = 0.0;
  Series lower{.name = "lower bound", .x = {}, .y = {}, .low = {}, .high = {}};
  Series middle = lower;
  Series upper = lower;
  middle.name = "measured";
  upper.name = "upper bound";
  for (const auto& b : between) {
    out.rows.push_back({{"target", b.epsilon},
                        {"noise_l1", b.noise},
                        {"lower_samples", b.lower},
                        {"measured_samples", b.measured},
                        {"upper_samples", b.upper}});
    below = std::min(below, b.measured / b.lower);
    above = std::max(above, b.measured / b.upper);
    if (b.noise == 0.0) continue;
    lower.x.push_back(b.epsilon);
    lower.y.push_back(b.lower);
    middle.x.push_back(b.epsilon);
    middle.y.push_back(b.measured);
    upper.x.push_back(b.epsilon);
    upper.y.push_back(b.upper);
  }
  out.checks.push_back(check_at_least("samples to epsilon over the lower bound, smallest", below, 1.0));
  out.checks.push_back(check_at_most("samples to epsilon over the upper bound, largest", above, 1.0));
  out.charts.push_back({.title = "Samples until the average l1 norm is epsilon (noise 0.5)",
                        .x_label = "epsilon",
                        .y_label = "samples",
                        .log_x = true,
                        .log_y = true,
                        .series = {lower, middle, upper}});
  return out;
}

}  // namespace normdescent::lab
