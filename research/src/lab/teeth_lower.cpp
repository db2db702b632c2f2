// SPDX-License-Identifier: Apache-2.0
// Teeth of lower bounds and of bounds as their papers print them: L5, L6, L7, L10, U8, U10.
#include <algorithm>
#include <cmath>
#include <vector>

#include "elementwise.hpp"
#include "normdescent/lab/instances.hpp"
#include "normdescent/lab/problems.hpp"
#include "normdescent/lab/separable_run.hpp"
#include "normdescent/theory/lower_others.hpp"
#include "normdescent/theory/tuning.hpp"
#include "normdescent/theory/upper_baselines.hpp"
#include "normdescent/theory/upper_published.hpp"
#include "teeth.hpp"

namespace normdescent::lab {

namespace {

/// The gradient of x^2/2 with noise `size` z_t.
auto noisy(const std::vector<float>& z, double size) {
  return [&z, size](int t, double, double x) { return x + size * static_cast<double>(z[static_cast<std::size_t>(t)]); };
}

/// L5: the instance knows every query of gradient descent in advance. Steps of random length are no longer
/// deterministic, and leave the points where it resists.
void randomized_queries(Teeth& teeth, std::uint64_t seed) {
  constexpr double epsilon = 0.05;
  constexpr double rate = 1.0;  // 1/L
  // Slope -epsilon at L Delta/epsilon^2 = 400 points (theory 5.2, the sharp choice).
  const ResistingFunction f{.curvature = 1.0, .slope = epsilon, .spacing = rate * epsilon, .cells = 399};
  const auto gradients_until_small = [&](auto&& factor) {
    double u = 0.0;
    double count = 1;
    for (; std::abs(f.gradient(u)) >= epsilon; ++count) sgd_rule<double>(rate * factor() / f.unit())(u, f.gradient(u));
    return count;
  };
  WordReader random(RandomStream::of(seed, 55, 0));
  const double bound = lower_deterministic_steps(sign_constants(1.0, 1.0, 0.0), epsilon).value;
  teeth.holds("L5 for gradient descent: bound over gradients until |f'| < epsilon", bound,
              gradients_until_small([] { return 1.0; }));
  teeth.fails("L5 for steps of random length", bound, gradients_until_small([&] { return 0.5 + random.uniform(); }));
}

/// L6 is about AdaGrad with delta = 0, whose k-th step is eta/sqrt(k) long; a large delta shortens the first ones.
void adagrad_off_its_grid(Teeth& teeth) {
  constexpr double rate = 1.0;
  constexpr std::int64_t steps = 100;
  const double epsilon = lower_adagrad(sign_constants(1.0, 1.0, 0.0), steps).value;
  const auto built = adagrad_instance(epsilon, 0.0, rate);
  const auto smallest = [&](double delta) {
    return run_separable(std::span(&built.instance, 1),
                         [&](double unit) { return adagrad_rule<double>(rate / unit, delta); }, {}, {.steps = steps})
        .smallest;
  };
  teeth.holds("L6 with delta = 0: bound over min |f'|", epsilon, smallest(kNoDelta));
  teeth.fails("L6 with delta = 0.1", epsilon, smallest(0.1));
}

/// L7: E||n||_1^2 <= S^2 lets the noise hit one coordinate of d at a time, so that sqrt(d) S is the sum of the
/// sigma_i. Where that sum is S itself (N1), U4 holds and has no d.
void structured_noise(Teeth& teeth, std::uint64_t seed) {
  constexpr std::size_t d = 4096;
  constexpr std::int64_t steps = 143;  // about sqrt(5 d): the end of the bound's flat part at S = 1
  const double bound = lower_sign_momentum_unstructured(sign_constants(1.0, 1.0, 1.0), d, steps).value;
  const double slope = 2 * bound / d;
  // A sample is y_j/q e_j with probability q for every j, else 0: E||n||_1^2 <= (d s)^2 (1/(d q) + 3) = 1.
  const double q = 1 / (d * (1 / std::pow(d * slope, 2) - 3));
  const ResistingFunction f{
      .curvature = 1.0 / d, .slope = slope, .spacing = 1.0, .cells = guarded_floor(1 / (16 * bound * bound))};
  WordReader random(RandomStream::of(seed, 56, 0));
  std::vector<double> u(d, 0.0);
  double norm = d * slope;
  double smallest = norm;
  for (std::int64_t t = 0; t < steps; ++t) {
    const double place = random.uniform() / q;  // below d: the coordinate of the sample
    if (place >= d) continue;
    double& moved = u[static_cast<std::size_t>(place)];
    const double before = f.gradient(moved);
    signsgd_rule<double>(1.0)(moved, before / q);
    norm += std::abs(f.gradient(moved)) - std::abs(before);
    smallest = std::min(smallest, norm);
  }
  teeth.holds("L7 with noise on one random coordinate at a time: bound over min ||grad f||_1", bound, smallest);

  const auto constants = sign_constants(1.0, 1.0, 10.0);
  constexpr int long_run = 4'000'000;
  const Tuning tuned = tune_momentum_for_horizon(constants, long_run);
  const double a = std::get<ExponentialAverage>(tuned.estimator).averaging;
  const auto z = normals(seed, 57, long_run);
  const double average =
      slopes(signum_rule<double>(tuned.run.learning_rate, 1 - a), std::sqrt(2.0), long_run, identity, noisy(z, 10.0))
          .average;
  const double unstructured = lower_sign_momentum_unstructured(constants, 1e15, long_run).value;
  teeth.fails("L7 where the noise is structured, d = 1e15: bound over the average on x^2/2", unstructured, average);
  teeth.fails("L7 where the noise is structured, d = 1e15: bound over U4", unstructured, tuned.bound.value);
}

/// L10: a chain shows one coordinate at a time to methods that move only where a sample was not zero. A step along
/// (1, ..., 1) needs no sample.
void steps_into_unseen_coordinates(Teeth& teeth, std::uint64_t seed) {
  constexpr int length = 10;
  constexpr double probability = 0.05;
  const auto problem = zero_chain_problem({.length = length, .probability = probability});
  // epsilon = 1/2 makes the chain of L10 exactly this one (theory 5.8, lambda = 1).
  ProblemConstants constants = sign_constants(12.0 * length, 152.0, 23 * std::sqrt((1 - probability) / probability));
  constants.geometry = "euclidean";
  const double bound = lower_zero_respecting_samples(constants, 0.5).value;
  const auto rule = sgd_rule<double>(0.01);
  const auto samples_until_small = [&](double jump) {
    std::vector<double> x(length, jump);
    std::vector<double> g(length);
    for (std::uint64_t t = 0; t < 1'000'000; ++t) {
      problem->gradient(x, g);
      double square = 0.0;
      for (const double v : g) square += v * v;
      if (square <= 0.25) return static_cast<double>(t + 1);
      problem->sample(x, RandomStream::of(seed, 58, 0), t, g);
      for (std::size_t i = 0; i < x.size(); ++i) rule(x[i], g[i]);
    }
    return std::numeric_limits<double>::infinity();
  };
  teeth.holds("L10 for SGD on its chain: bound over samples until ||grad f||_2 <= epsilon", bound,
              samples_until_small(0.0));
  teeth.fails("L10 after one step into coordinates that no sample has shown", bound, samples_until_small(10.0));
}

/// U8, U10: noise of a step must be independent of the steps before. Repeated for ever it is a wrong gradient, of
/// which x = -1 is a stationary point.
void published_forms(Teeth& teeth, std::uint64_t seed) {
  constexpr double a = 1e-3;
  constexpr double rate = 1e-5;
  constexpr int steps = 400'000;
  const RunSettings run{.learning_rate = rate, .steps = steps};
  const NormEquivalenceConstants constants{.initial_gap = 0.5, .smoothness = 1.0, .noise = 1.0};
  const auto z = normals(seed, 59, 4'000'000);
  const auto independent = [&](const auto& rule, int count, double noise) {
    return slopes(rule, -1.0, count, identity, noisy(z, noise));
  };
  const auto repeated = [](const auto& rule, int count) {
    return slopes(rule, -1.0, count, identity, [](int, double, double x) { return x + 1.0; });
  };
  const auto signum = signum_rule<double>(rate, 1 - a);
  const double u8_kovalev = kovalev2025_theorem2(constants, a, run).value;
  teeth.holds("U8, Kovalev Theorem 2, with independent noise", independent(signum, steps, 1.0).smallest, u8_kovalev);
  teeth.fails("U8, Kovalev Theorem 2, with the same noise in every step", repeated(signum, steps).smallest, u8_kovalev);
  const double u8_xie = xie2025_theorem45(constants, a, run).value;
  teeth.holds("U8, Xie et al. Theorem 4.5, with independent noise", independent(signum, steps, 1.0).average, u8_xie);
  teeth.fails("U8, Xie et al. Theorem 4.5, with the same noise in every step", repeated(signum, steps).average, u8_xie);
  const auto lion = lion_rule<double>(rate, 1 - std::sqrt(a), 1 - a);
  const double u8_lion = lionmuon2026_theorem1(constants, 1 - std::sqrt(a), 1 - a, 1.0, run).value;
  teeth.holds("U8, LionMuon Theorem 1, with independent noise", independent(lion, steps, 1.0).smallest, u8_lion);
  teeth.fails("U8, LionMuon Theorem 1, with the same noise in every step", repeated(lion, steps).smallest, u8_lion);
  constexpr int growing = 100;  // steps and batch: 1e4 samples
  const auto sign = signsgd_rule<double>(0.1);
  const double u8_bernstein = bernstein2018_theorem1(0.5, 1.0, 1.0, growing * growing).value;
  teeth.holds("U8, Bernstein et al. Theorem 1, with independent samples",
              independent(sign, growing, 1.0 / std::sqrt(growing)).average, u8_bernstein);
  teeth.fails("U8, Bernstein et al. Theorem 1, with the same sample always", repeated(sign, growing).average,
              u8_bernstein);

  constexpr int adagrad_steps = 4'000'000;
  constexpr double delta = 0.1;
  const RunSettings adagrad_run{.learning_rate = 0.1, .steps = adagrad_steps};
  const double u10 =
      upper_adagrad({.initial_gap = 0.5, .noise_l1 = 1.0, .noise_max = 1.0, .delta = delta}, adagrad_run).value;
  const auto adagrad = adagrad_rule<double>(adagrad_run.learning_rate, delta);
  teeth.holds("U10 with independent noise", independent(adagrad, adagrad_steps, 1.0).average, u10);
  teeth.fails("U10 with the same noise in every step", repeated(adagrad, adagrad_steps).average, u10);
}

}  // namespace

void teeth_of_other_bounds(Teeth& teeth, std::uint64_t seed) {
  randomized_queries(teeth, seed);
  adagrad_off_its_grid(teeth);
  structured_noise(teeth, seed);
  steps_into_unseen_coordinates(teeth, seed);
  published_forms(teeth, seed);
}

}  // namespace normdescent::lab
