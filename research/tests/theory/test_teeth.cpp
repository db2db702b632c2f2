// SPDX-License-Identifier: Apache-2.0
// Bounds with an assumption broken: they must fail, else they were never tested. (Teeth that need long simulations are
// in the lab.)
#include <gtest/gtest.h>

#include <cmath>

#include "normdescent/theory/lower_sgd.hpp"
#include "normdescent/theory/tuning.hpp"
#include "normdescent/theory/upper.hpp"
#include "normdescent/theory/upper_baselines.hpp"
#include "theory/support.hpp"

namespace normdescent {
namespace {

// SignSGD on f = (1^T x)^2/2 in d dimensions, which sees x only through s = 1^T x: grad = s 1, ||grad||_1 = d |s|.
double average_gradient_of_coupled_quadratic(double d, double start, const RunSettings& run) {
  double s = start;
  double sum = 0.0;
  for (int t = 0; t < static_cast<int>(run.steps); ++t) {
    sum += d * std::abs(s);
    s -= run.learning_rate * d * static_cast<double>((s > 0.0) - (s < 0.0));
  }
  return sum / run.steps;
}

TEST(Teeth, MinibatchBoundIsNearlyAttainedAndFailsWithTheEuclideanConstant) {
  const double d = 100.0;
  const double start = 7.3;
  ProblemConstants constants{.initial_gap = start * start / 2, .smoothness = d * d, .noise = 0.0};
  const Tuning right = tune_minibatch_for_horizon(constants, 2000);
  const double average = average_gradient_of_coupled_quadratic(d, start, right.run);
  EXPECT_NEAR(right.bound.value, 16.323, 5e-4);
  EXPECT_NEAR(average, 16.321, 5e-4);

  constants.smoothness = d;  // L_2 = d instead of L_inf = d^2
  const Tuning wrong = tune_minibatch_for_horizon(constants, 2000);
  const double wrong_average = average_gradient_of_coupled_quadratic(d, start, wrong.run);
  EXPECT_NEAR(wrong.bound.value, 1.632, 5e-4);
  EXPECT_NEAR(wrong_average, 82.4, 0.05);
  EXPECT_GT(wrong_average, 50 * wrong.bound.value);
}

TEST(Teeth, HeavyTailedMeansObeyTheirOwnExponentAndNotTheSquareRoot) {
  // Symmetrized Lomax, tail 1.25, judged at p = 1.2: E|X|^p = Gamma(p+1) Gamma(tail-p)/Gamma(tail).
  const double tail = 1.25;
  const double p = 1.2;
  const double scale = std::pow(std::tgamma(p + 1) * std::tgamma(tail - p) / std::tgamma(tail), 1 / p);
  constexpr int kBatch = 2000;
  constexpr int kRepetitions = 1000;
  Philox random(5);
  double mean_size = 0.0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    double sum = 0.0;
    for (int k = 0; k < kBatch; ++k) {
      const double size = std::pow(random.uniform(), -1 / tail) - 1;
      sum += random.uniform() < 0.5 ? size : -size;
    }
    mean_size += std::abs(sum / kBatch) / kRepetitions;
  }
  const ProblemConstants honest{.noise = scale, .tail = p};
  const ProblemConstants pretended{.noise = scale, .tail = 2.0};
  EXPECT_NEAR(averaging_constant(p) * batch_noise(honest, kBatch), 6.2, 0.06);
  EXPECT_LE(mean_size, averaging_constant(p) * batch_noise(honest, kBatch));
  EXPECT_GT(mean_size, 2 * batch_noise(pretended, kBatch));
}

TEST(Teeth, AdagradFailsWithoutTheCurrentGradientInItsSum) {
  const AdagradConstants constants{.initial_gap = 0.5, .start_gradient_max = 1.0, .delta = 1e-6};  // f = x^2/2, x_0 = 1
  const RunSettings run{.learning_rate = 0.5, .steps = 1000};
  const auto average = [&](bool current_included) {
    double x = 1.0;
    double squares = 0.0;
    double sum = 0.0;
    for (int t = 0; t < 1000; ++t) {
      const double g = x;
      sum += std::abs(g);
      const double before = squares;
      squares += g * g;
      x -= run.learning_rate * g / (std::sqrt(current_included ? squares : before) + constants.delta);
    }
    return sum / 1000;
  };
  const double bound = upper_adagrad(constants, run).value;
  EXPECT_LE(average(true), bound);
  EXPECT_GT(average(false), 10 * bound);
}

TEST(Teeth, EvenCurvatureLosesTheFactorDOfTheDeterministicTerm) {
  // Two-way mix L/2 (sigma_i^2/||sigma||_2^2 + 1/d) is what dense sigma gives: L_max = L/d. The three-way mix keeps
  // L_max >= L/3.
  const double d = 100.0;
  const SeparableConstants two_way{.initial_gap = 1.0, .coordinates = {{d, 1.0 / d, 0.0}}};
  const SeparableConstants three_way{.initial_gap = 1.0,
                                     .coordinates = {{1.0, 1.0 / 3 + 2 / (3 * d), 0.0}, {d - 1, 2 / (3 * d), 0.0}}};
  const double steps = 1e9;
  const double ratio = lower_sgd_closed_form(three_way, steps).value / lower_sgd_closed_form(two_way, steps).value;
  EXPECT_NEAR(ratio, std::sqrt(d * (1.0 / 3 + 2 / (3 * d))), 1e-9);
  // The numeric bound, which has no L_max in it, sees the same loss.
  EXPECT_GT(lower_sgd_numeric(three_way, steps).value, 4 * lower_sgd_numeric(two_way, steps).value);
}

}  // namespace
}  // namespace normdescent
