// SPDX-License-Identifier: Apache-2.0
// Known answers of theory 9.1 (T2, T3, T4, T7, T9, T13, T14) and the claims of every instance.
#include "normdescent/lab/instances.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lab/claims.hpp"
#include "normdescent/base/philox.hpp"
#include "normdescent/lab/noise_law.hpp"
#include "normdescent/norms/norms.hpp"

namespace normdescent::lab {
namespace {

TEST(ResistingFunction, MatchesTheKnownAnswers) {  // T2
  const ResistingFunction f{.curvature = 1.0, .slope = 0.1, .spacing = 0.37, .cells = 7};
  const double table[][3] = {{-0.3, 0.03, -0.1},       {0.05, -0.00375, -0.05}, {0.2, -0.000225, 0.07},
                             {0.36, -0.001825, -0.09}, {0.5, -0.007325, 0.03},  {2.6, -0.020375, -0.09},
                             {3.0, 0.023625, 0.31}};
  for (const auto& [x, value, gradient] : table) {
    EXPECT_NEAR(f.value(x / f.unit()), value, 1e-14) << x;
    EXPECT_NEAR(f.gradient(x / f.unit()), gradient, 1e-14) << x;
  }
  EXPECT_NEAR(f.gap(), 0.024425, 1e-14);
  const ResistingFunction g{.curvature = 1.0, .slope = 0.1, .spacing = 0.05, .cells = 25};
  EXPECT_NEAR(g.value(25), -0.109375, 1e-14);
  EXPECT_NEAR(g.gap(), 0.114375, 1e-14);
}

TEST(ResistingFunction, SlopeResistsAtEveryGridPoint) {
  const ResistingFunction f{.curvature = 2.0, .slope = 0.3, .spacing = 0.7, .cells = 9};
  for (int k = 0; k <= 9; ++k) EXPECT_EQ(f.gradient(k), -0.3) << k;
  // Positions that additions of the step have rounded are still grid points.
  EXPECT_EQ(f.gradient(4 + 1e-12), -0.3);
  EXPECT_EQ(f.gradient(4 - 1e-12), -0.3);
}

TEST(ResistingFunction, GapFormulaAgreesWithBruteForce) {  // T3
  Philox random(3);
  for (int trial = 0; trial < 200; ++trial) {
    ResistingFunction f{.curvature = 0.1 + random.uniform() * 4,
                        .slope = 0.01 + random.uniform(),
                        .spacing = 0.01 + 2 * random.uniform(),
                        .cells = static_cast<std::int64_t>(random.below(12))};
    double lowest = f.value(0);
    const double end = static_cast<double>(f.cells) + 2 * f.slope / f.curvature / f.spacing + 1;
    for (double u = 0; u <= end; u += end / 20000) lowest = std::min(lowest, f.value(u));
    EXPECT_NEAR(f.gap(), -lowest, 1e-4 * (f.gap() + f.slope * f.slope / f.curvature));
    EXPECT_GE(f.gap(), -lowest - 1e-12);
    EXPECT_NEAR(f.gap(), -f.value(f.minimizer()), 1e-12);
    EXPECT_LE(f.gap(), (static_cast<double>(f.cells) + 0.5) * f.slope * f.slope / f.curvature + 1e-12);
  }
}

TEST(ResistingFunction, PublishedChoiceUsesThreeEighthsOfTheGap) {  // T3: largest at n = 1, s = 1/(2 sqrt n)
  double largest = 0.0;
  for (int n = 1; n <= 50; ++n) {
    for (double h = 0.01; h < 3; h *= 1.01) {
      const double s = 0.5 / std::sqrt(n);
      largest = std::max(largest, ResistingFunction{.curvature = 1, .slope = s, .spacing = h, .cells = n}.gap());
    }
  }
  EXPECT_LE(largest, 0.375);
  EXPECT_GT(largest, 0.375 - 1e-5);  // the grid of h misses the worst one
}

TEST(SignInstance, MatchesTheKnownAnswers) {  // T4
  const auto cells = [](const ScalarInstance& i) { return std::get<ResistingFunction>(i.function).cells; };
  const auto exact = sign_instance({.sigma = 0.0}, 0.05, 0.3);
  EXPECT_EQ(cells(exact), 25);  // a plain floor of 1/(16 0.05^2) in double gives 24
  EXPECT_EQ(exact.oracle.probability, 1.0);
  const auto noisy = sign_instance({.sigma = 0.5}, 0.05, 0.3);
  EXPECT_NEAR(noisy.oracle.probability, 0.0384615, 1e-7);
  EXPECT_EQ(cells(noisy), 25);
  const auto small = sign_instance({.sigma = 1.0}, 0.03, 0.3);
  EXPECT_NEAR(small.oracle.probability, 0.0035871, 1e-7);
  EXPECT_EQ(cells(small), 69);
  EXPECT_LE(noisy.gap, 0.375);
  const auto sharp = sign_instance({.sigma = 0.5}, 0.05, 0.3, CellCount::sharp);
  EXPECT_EQ(cells(sharp), 99);
  EXPECT_LE(sharp.gap, 1.0);
  EXPECT_THROW((void)sign_instance({}, 0.26, 0.1), std::invalid_argument);
  EXPECT_THROW((void)sign_instance({.sigma = -1}, 0.1, 0.1), std::invalid_argument);
}

TEST(RareOracle, HeavyTailMatchesTheKnownAnswer) {  // T9
  const double q = firing_probability(0.1, 1.0, 1.5);
  EXPECT_NEAR(q, 0.004, 1e-12);
  const double s = 0.1;
  const double moment = (1 - q) * std::pow(s, 1.5) + q * std::pow(s / q - s, 1.5);
  EXPECT_NEAR(moment, 0.5285, 5e-5);
}

TEST(SgdNoiseFloor, MatchesTheKnownAnswersAndNeverMoves) {  // T7
  const double table2[][3] = {
      {0.01, 0.0707107, 0.004975}, {0.1, 0.2236068, 0.047619}, {1, 0.7071068, 0.333333}, {1.9, 0.9746794, 0.487179}};
  for (const auto& [eta, epsilon, q] : table2) {
    const auto i = sgd_noise_floor({.initial_gap = 10, .sigma = 1}, eta);
    EXPECT_NEAR(i.resisted, epsilon, 1e-7);
    EXPECT_NEAR(i.oracle.probability, q, 1e-6);
    EXPECT_EQ(i.gradient(i.start), i.resisted);
    // One firing carries it to the other side, where the slope is the same.
    EXPECT_EQ(i.gradient(i.start - eta * i.resisted / i.oracle.probability), -i.resisted);
  }
  const double table15[][2] = {{0.01, 0.1077217}, {0.1, 0.2320794}, {1, 0.5}, {1.9, 0.6192812}};
  for (const auto& [eta, epsilon] : table15) {
    const auto i = sgd_noise_floor({.initial_gap = 10, .sigma = 1, .tail = 1.5}, eta);
    EXPECT_NEAR(i.resisted, epsilon, 1e-7);
    EXPECT_NEAR(i.oracle.probability, eta / 2, 1e-12);
  }
}

TEST(SgdInstance, StaysWithinItsGapAndResistsAsTheoryCounts) {
  Philox random(5);
  for (int trial = 0; trial < 300; ++trial) {
    const InstanceBudget budget{.curvature = std::exp(4 * random.uniform() - 2),
                                .initial_gap = std::exp(4 * random.uniform() - 2),
                                .sigma = trial % 3 == 0 ? 0.0 : std::exp(4 * random.uniform() - 2),
                                .tail = trial % 2 == 0 ? 2.0 : 1.3};
    const double eta = std::exp(8 * random.uniform() - 5) / budget.curvature;
    const double steps = std::floor(std::exp(9 * random.uniform())) + 1;
    const auto i = sgd_instance(budget, eta, steps);
    EXPECT_LE(i.gap, budget.initial_gap * (1 + 1e-9));
    EXPECT_NEAR(std::abs(i.gradient(i.start)), i.resisted, i.resisted * 1.01);  // drift starts at twice its epsilon
    EXPECT_GE(std::abs(i.gradient(i.start)), i.resisted * (1 - 1e-12));
  }
}

TEST(AdaGradInstance, MatchesTheKnownAnswers) {  // T14
  const auto a = adagrad_instance(0.03, 0.2, 0.5);
  EXPECT_EQ(a.points, 18);
  EXPECT_EQ(a.steps, 113);
  const auto b = adagrad_instance(0.02, 0.1, 0.5);
  EXPECT_EQ(b.points, 58);
  EXPECT_EQ(b.steps, 210);
  for (double eta = 0.001; eta < 100; eta *= 1.3) {
    EXPECT_LE(adagrad_instance(0.03, 0.2, eta).instance.gap, 0.086);
    EXPECT_LE(adagrad_instance(0.02, 0.1, eta).instance.gap, 0.086);
  }
}

std::vector<double> some_sigma() { return {0.5, 0.1, 0.0, 0.2}; }

TEST(Instances, ClaimsOfSignInstancesHold) {
  expect_claims_hold(*separable_problem(sign_instances(2.0, 1.0, some_sigma(), 2.0, 0.2, 0.1)));
  expect_claims_hold(*separable_problem(sign_instances(2.0, 1.0, some_sigma(), 1.5, 0.2, 0.1)));
  expect_claims_hold(*separable_problem({adagrad_instance(0.03, 0.2, 0.5).instance}));
}

TEST(Instances, ClaimsOfSgdInstancesHold) {
  const InstanceBudget budget{.curvature = 1.0, .initial_gap = 2.0, .sigma = 0.3};
  expect_claims_hold(
      *separable_problem({sgd_two_cycle(budget, 2.5), sgd_noise_floor(budget, 0.5), sgd_drift(budget, 0.5, 300)}));
}

TEST(Instances, ClaimsOfTheMatrixLiftHold) {
  const double sigma[] = {0.5, 0.1, 0.2};
  expect_claims_hold(*lifted_problem(sign_instances(2.0, 1.0, sigma, 2.0, 0.2, 0.1), 5, 7));
}

TEST(MatrixLift, NuclearNormAndMsignFollowTheDiagonal) {  // T13
  const MatrixLift lift(4, 6, 11);
  const double diagonal[] = {0.3, 0.0, -2.0, 0.5};
  std::vector<double> w(24), back(4), direction(24);
  lift.from_diagonal(diagonal, w);
  lift.to_diagonal(w, back);
  const MatrixView<const double> matrix{w.data(), 4, 6};
  EXPECT_NEAR(Nuclear{}.value(matrix), 2.8, 1e-14);
  Spectral{}.dual_unit(matrix, MatrixView<double>{direction.data(), 4, 6});
  std::vector<double> signs(4);
  lift.to_diagonal(direction, signs);
  const double expected[] = {1.0, 0.0, -1.0, 1.0};
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(back[static_cast<std::size_t>(i)], diagonal[i], 1e-15);
    EXPECT_NEAR(signs[static_cast<std::size_t>(i)], expected[i], 1e-14);
  }
}

// ---- teeth: a wrong statement must be caught ------------------------------------------------------------------------

class WithClaims final : public LabProblem {
 public:
  WithClaims(const LabProblem& base, Claims claims) : base_(base), claims_(std::move(claims)) {}
  [[nodiscard]] const Claims& claims() const override { return claims_; }
  void start(std::span<double> x) const override { base_.start(x); }
  bool minimizer(std::span<double> x) const override { return base_.minimizer(x); }
  [[nodiscard]] double value(std::span<const double> x) const override { return base_.value(x); }
  void gradient(std::span<const double> x, std::span<double> g) const override {
    base_.gradient(x, g);
    g[0] *= gradient_factor;
  }
  void sample(std::span<const double> x, RandomStream stream, std::uint64_t index, std::span<double> g) const override {
    base_.sample(x, stream, index, g);
    g[0] += sample_bias;
  }
  void probe_point(RandomStream stream, std::uint64_t index, std::span<double> x) const override {
    base_.probe_point(stream, index, x);
  }
  double gradient_factor = 1.0;
  double sample_bias = 0.0;

 private:
  const LabProblem& base_;
  Claims claims_;
};

bool all_pass(const LabProblem& problem) {
  const auto checks = self_check(problem);
  return std::all_of(checks.begin(), checks.end(), [](const Check& c) { return c.passed; });
}

TEST(SelfCheck, CatchesEachWrongStatement) {
  const auto base = separable_problem(sign_instances(2.0, 1.0, some_sigma(), 2.0, 0.2, 0.1));
  const Claims right = base->claims();
  ASSERT_TRUE(all_pass(WithClaims(*base, right)));
  const auto caught = [&](auto&& change) {
    Claims wrong = right;
    change(wrong);
    return !all_pass(WithClaims(*base, wrong));
  };
  EXPECT_TRUE(caught([](Claims& c) { c.start_value += 0.01; }));
  EXPECT_TRUE(caught([](Claims& c) { c.infimum += 0.001; }));
  EXPECT_TRUE(caught([](Claims& c) { c.infimum -= 0.001; }));
  EXPECT_TRUE(caught([](Claims& c) { *c.smoothness.euclidean *= 0.9; }));
  EXPECT_TRUE(caught([](Claims& c) { *c.smoothness.euclidean *= 1.1; }));
  EXPECT_TRUE(caught([](Claims& c) { *c.smoothness.sign *= 0.9; }));
  EXPECT_TRUE(caught([](Claims& c) { *c.smoothness.sign *= 1.1; }));
  EXPECT_TRUE(caught([](Claims& c) { c.noise.sigma[0] *= 0.8; }));
  WithClaims scaled(*base, right);
  scaled.gradient_factor = 1.01;
  EXPECT_FALSE(all_pass(scaled));
  WithClaims biased(*base, right);
  biased.sample_bias = 0.1;
  EXPECT_FALSE(all_pass(biased));
}

}  // namespace
}  // namespace normdescent::lab
