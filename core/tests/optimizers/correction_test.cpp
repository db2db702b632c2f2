// SPDX-License-Identifier: Apache-2.0
// Extrapolation and variance reduction: what they are exact for, their textbook loops, the closure.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "coupled_quadratic.hpp"
#include "normdescent/rules/sign.hpp"

namespace normdescent {
namespace {

// The direction is applied to the average; the average is compared with the gradient at the point it belongs to.
double distance_to_gradient(const Correction& correction, const Direction& direction, double noise = 0.0) {
  Trained run(uniform({.name = {},
                       .correction = correction,
                       .estimator = Ema{.beta = 0.9, .start = Start::first_gradient},
                       .direction = direction,
                       .learning_rate = 0.01}),
              {.noise = noise});
  double worst = 0.0;
  for (std::uint64_t t = 0; t < 30; ++t) {
    const auto x = copy(run.buffer.values());
    std::vector<double> exact(x.size());
    Quadratic{}.gradient<double>(x, exact, 0);
    run.run(t, t + 1);
    const auto m = run.momentum();
    for (std::size_t i = 0; i < m.size(); ++i) worst = std::max(worst, std::abs(m[i] - exact[i]));
  }
  return worst;
}

const std::vector<Direction> kDirections{Sign{},     Normalize{},    RowNormalize{}, ColumnNormalize{},
                                         Identity{}, AdaGradScale{}, AdaGradNorm{}};

// Without noise the average is the gradient. Tolerance: 30 averages, each with roundings of the terms' size (10) times
// the ratio (9).
TEST(Extrapolation, IsExactOnQuadraticsForAnyDirection) {
  for (const auto& direction : kDirections) {
    EXPECT_LT(distance_to_gradient(Extrapolation{}, direction), 1e-12) << describe(direction);
    EXPECT_GT(distance_to_gradient(Uncorrected{}, direction), 1e-3) << describe(direction) << ": momentum must lag";
  }
}

TEST(VarianceReduction, WithoutNoiseIsTheGradientForAnyDirection) {
  for (const auto& direction : kDirections) {
    EXPECT_LT(distance_to_gradient(VarianceReduction{}, direction), 1e-12) << describe(direction);
    EXPECT_GT(distance_to_gradient(VarianceReduction{.gamma = 0.0}, direction), 1e-3) << describe(direction);
  }
  // With gamma = 1 two different batches bring the last one's noise back in full, 0.1 here; one batch at two points
  // does not.
  const VarianceReduction by_batch{.reference = GradientReference::previous_batch};
  EXPECT_LT(distance_to_gradient(by_batch, Sign{}), 1e-12);
  EXPECT_GT(distance_to_gradient(by_batch, Sign{}, 0.1), distance_to_gradient(VarianceReduction{}, Sign{}, 0.1));
}

// Two parameters with different betas: every point is a point of all parameters.
TEST(Extrapolation, GivesEachRecipeItsOwnPoint) {
  const auto recipe = [](double beta) {
    return Recipe{.name = "beta",
                  .correction = Extrapolation{},
                  .estimator = Ema{.beta = beta, .start = Start::first_gradient},
                  .direction = Sign{},
                  .learning_rate = 0.01};
  };
  const OptimizerSpec spec{.name = "test",
                           .routes = {{.role = Role::matrix, .name_glob = "*", .recipe = recipe(0.9)}},
                           .fallback = recipe(0.5)};
  Trained run(spec);
  for (std::uint64_t t = 0; t < 10; ++t) {
    const auto x = copy(run.buffer.values());
    std::vector<double> exact(x.size());
    Quadratic{}.gradient<double>(x, exact, 0);
    run.run(t, t + 1);
    const auto m = run.momentum();
    for (std::size_t i = 0; i < m.size(); ++i) EXPECT_NEAR(m[i], exact[i], 1e-12);
  }
}

// Reference twins, written out for one tensor and Sign.
std::vector<double> textbook(const Correction& correction, double beta, int steps) {
  const Quadratic problem{.noise = 0.5};
  const double rate = 0.03;
  const double r = beta / (1 - beta);
  std::vector<double> x(7);
  fill_normal(std::span(x), 3, 1);
  std::vector<double> m(7, 0.0), old_x, old_g, g(7), c(7), at(7), g_there(7);
  for (int t = 0; t < steps; ++t) {
    const auto batch = static_cast<std::uint64_t>(t);
    problem.gradient<double>(x, g, batch);
    c = g;
    if (t > 0 && std::holds_alternative<Extrapolation>(correction)) {
      for (std::size_t i = 0; i < x.size(); ++i) at[i] = x[i] + r * (x[i] - old_x[i]);
      problem.gradient<double>(at, c, batch);
    } else if (const auto* v = std::get_if<VarianceReduction>(&correction); v != nullptr && t > 0) {
      problem.gradient<double>(old_x, g_there, batch);
      const auto& before = v->reference == GradientReference::previous_point ? g_there : old_g;
      for (std::size_t i = 0; i < x.size(); ++i) c[i] = g[i] + v->gamma * r * (g[i] - before[i]);
    }
    old_x = x;
    old_g = g;
    for (std::size_t i = 0; i < x.size(); ++i) {
      m[i] = beta * m[i] + (1 - beta) * c[i];
      x[i] -= rate * rules::sign(m[i]);
    }
  }
  return x;
}

TEST(Corrections, AgreeWithTheirTextbookLoops) {
  const std::vector<Correction> corrections{
      Extrapolation{}, VarianceReduction{},
      VarianceReduction{.reference = GradientReference::previous_batch, .gamma = 0.025}};
  const auto plain = textbook(Uncorrected{}, 0.9, 40);
  for (const auto& correction : corrections) {
    ParameterBuffer<double> buffer({{.name = "w", .shape = {7}}});
    fill_normal(buffer.values(), 3, 1);
    const Recipe recipe{.name = {},
                        .correction = correction,
                        .estimator = Ema{.beta = 0.9},
                        .direction = Sign{},
                        .learning_rate = 0.03};
    Optimizer<double> optimizer(uniform(recipe), {buffer.parameters()[0].info});
    const Quadratic problem{.noise = 0.5};
    for (std::uint64_t t = 0; t < 40; ++t) {
      optimizer.step(buffer.parameters(), [&] { problem.gradient<double>(buffer.values(), buffer.gradients(), t); });
    }
    const auto expected = textbook(correction, 0.9, 40);
    EXPECT_EQ(copy(buffer.values()), expected) << describe(correction);
    EXPECT_NE(expected, plain) << describe(correction) << ": the test must tell";
  }
}

TEST(ExactCorrection, ByHand) {
  // f' = x, x = 8, beta = 1/2 so r = 1, rate 1 with m itself as step: m = 4, x = 4. Extrapolated: x + (4 - 8) = 0,
  // m = 2 + 0, x = 2. Variance reduction: c = 4 + (4 - 8) = 0, the same. Plain: m = 2 + 2 = 4, x = 0.
  const auto second = [](const Correction& correction) {
    OneTensor<double> tensor({8}, {0});
    Optimizer<double> optimizer(
        uniform({.name = {}, .correction = correction, .estimator = Ema{.beta = 0.5}, .learning_rate = 1}),
        {tensor.info});
    for (int t = 0; t < 2; ++t) optimizer.step(tensor.list, [&] { tensor.g[0] = tensor.x[0]; });
    return tensor.x[0];
  };
  EXPECT_EQ(second(Extrapolation{}), 2.0);
  EXPECT_EQ(second(VarianceReduction{}), 2.0);
  EXPECT_EQ(second(VarianceReduction{.reference = GradientReference::previous_batch}), 2.0);
  EXPECT_EQ(second(VarianceReduction{.gamma = 0.5}), 1.0);
  EXPECT_EQ(second(Uncorrected{}), 0.0);
}

TEST(Closure, SeesEveryPointOnceAndTheValuesComeBackBitForBit) {
  struct Case {
    Correction correction;
    std::vector<double> points;  // of the second step, from x = 7 with x_old = 8
  };
  for (const auto& [correction, points] :
       {Case{Uncorrected{}, {7}}, Case{Extrapolation{}, {6}}, Case{VarianceReduction{}, {8, 7}},
        Case{VarianceReduction{.reference = GradientReference::previous_batch}, {7}}}) {
    OneTensor<double> tensor({8}, {1});
    Optimizer<double> optimizer(uniform({.name = {},
                                         .correction = correction,
                                         .estimator = Ema{.beta = 0.5},
                                         .direction = Sign{},
                                         .learning_rate = 1}),
                                {tensor.info});
    optimizer.step(tensor.list, [&] { tensor.g[0] = 1; });
    std::vector<double> seen;
    EXPECT_THROW(optimizer.step(tensor.list,
                                [&, count = points.size()] {
                                  seen.push_back(tensor.x[0]);
                                  if (seen.size() == count) throw std::runtime_error("no gradient today");
                                }),
                 std::runtime_error);
    EXPECT_EQ(seen, points) << describe(correction);
    EXPECT_EQ(tensor.x[0], 7.0) << describe(correction);
    EXPECT_EQ(optimizer.steps_done(), 1);
  }
}

TEST(Closure, IsAskedForByName) {
  for (const auto kind : {CorrectionKind::extrapolation, CorrectionKind::variance_reduction}) {
    const auto spec = signum({.average = {.correction = kind}});
    OneTensor<float> tensor({1}, {1});
    Optimizer<float> optimizer(spec, {tensor.info});
    EXPECT_TRUE(optimizer.needs_closure());
    try {
      optimizer.step(tensor.list);
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("recipe signum has " + describe(spec.fallback.correction)), std::string::npos) << text;
      EXPECT_NE(text.find("compute_gradients"), std::string::npos) << text;
    }
    EXPECT_EQ(tensor.x[0], 1.0F);
  }
  EXPECT_FALSE(Optimizer<float>(mars_lion(), small_model()).needs_closure());
}

TEST(Closure, OfAnOptimizerThatNeedsNoneGivesThePlainStep) {
  for (const auto& info : optimizer_catalog()) {
    Trained with(make_optimizer(info.name));
    Trained without(make_optimizer(info.name));
    with.run(0, 3);
    for (std::uint64_t t = 0; t < 3; ++t) {
      without.compute(t);
      without.optimizer.step(without.buffer.parameters());
    }
    EXPECT_EQ(copy(with.buffer.values()), copy(without.buffer.values())) << info.name;
  }
}

TEST(Corrections, ContinueWithTheSameBits) {
  for (const auto kind : {CorrectionKind::extrapolation, CorrectionKind::variance_reduction, CorrectionKind::mars}) {
    const auto spec = muon(
        {.average = {.start = Start::first_gradient, .correction = kind, .gamma = 0.5}, .common = {.clip_norm = 3}});
    Trained whole(spec, {.noise = 0.3});
    Trained halves(spec, {.noise = 0.3});
    whole.run(0, 8);
    halves.run(0, 3);
    Optimizer<double> second(spec, small_model());
    second.load_state(halves.optimizer.state());
    halves.optimizer = std::move(second);
    halves.run(3, 8);
    EXPECT_EQ(copy(whole.buffer.values()), copy(halves.buffer.values()));
    EXPECT_EQ(whole.optimizer.state(), halves.optimizer.state());
  }
}

TEST(Corrections, LeaveNoTraceOfAStepThatIsNotFinite) {
  for (const auto kind : {CorrectionKind::extrapolation, CorrectionKind::variance_reduction, CorrectionKind::mars}) {
    Trained run(signum({.average = {.correction = kind}}));
    run.run(0, 2);
    const auto values = copy(run.buffer.values());
    const auto state = run.optimizer.state();
    const auto report = run.optimizer.step(run.buffer.parameters(), [&] {
      run.compute(2);
      run.buffer.gradients()[50] = std::nan("");
    });
    EXPECT_FALSE(report.finite);
    EXPECT_EQ(report.first_nonfinite_parameter, "layer.weight");
    EXPECT_FALSE(report.stopped);
    EXPECT_EQ(copy(run.buffer.values()), values);
    EXPECT_EQ(run.optimizer.state(), state);
  }
}

TEST(Corrections, RefuseEstimatorsTheyDoNotBelongTo) {
  const auto refusal = [](const Recipe& recipe) {
    try {
      validate(recipe);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal({.name = "r", .correction = Extrapolation{}}),
            "recipe r: estimator = raw, must be ema or heavy-ball after extrapolation");
  EXPECT_EQ(refusal({.name = "r", .correction = VarianceReduction{}, .estimator = DoubleEma{}}),
            "recipe r: estimator = double-ema(beta1=0.9, beta2=0.99), must be ema or heavy-ball after "
            "variance-reduction(previous-point, gamma=1)");
  EXPECT_EQ(refusal({.name = "r", .correction = VarianceReduction{.gamma = -1}, .estimator = Ema{}}),
            "recipe r: gamma = -1, must be in [0, inf)");
  EXPECT_EQ(refusal({.name = "r", .l2_penalty = -1, .clip_norm = -2}),
            "recipe r: l2_penalty = -1, must be in [0, inf); clip_norm = -2, must be in [0, inf)");
  EXPECT_NE(refusal({.name = "r", .estimator = Ema{.start = Start::first_gradient}, .direction = AdamScale{}})
                .find("started at zero, under adam"),
            std::string::npos);
}

}  // namespace
}  // namespace normdescent
