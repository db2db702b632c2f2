// SPDX-License-Identifier: Apache-2.0
// What a step does besides its direction: forms of decay, radius, shape scale, orientation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "normdescent/linalg/decompositions.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

OptimizerSpec uniform(Recipe recipe) {
  recipe.name = "test";
  return {.name = "test", .routes = {}, .fallback = std::move(recipe)};
}

// One step from x = 8 along g > 0.
double sign_step(Recipe recipe) {
  recipe.direction = Sign{};
  recipe.learning_rate = 0.25;
  OneTensor<double> tensor({8}, {3});
  Optimizer<double>(uniform(recipe), {tensor.info}).step(tensor.list);
  return tensor.x[0];
}

TEST(DecayForm, DecidesWhatLambdaIsMultipliedBy) {
  EXPECT_EQ(sign_step({.name = {}, .decoupled_decay = 0.5, .radius = 4}), 0.875 * 8 - 1);
  EXPECT_EQ(sign_step({.name = {}, .decoupled_decay = 0.5, .decay_form = DecayForm::scaled, .radius = 4}), 0.5 * 8 - 1);
  EXPECT_EQ(sign_step({.name = {}, .decoupled_decay = 0.5, .decay_form = DecayForm::squared, .radius = 4}),
            (1 - 0.03125) * 8 - 1);
  EXPECT_EQ(sign_step({.name = {}, .decay_form = DecayForm::constrained, .radius = 4}), 0.75 * 8 - 1);
}

TEST(Constrained, IsDecoupledDecayOfOne) {
  EXPECT_EQ(sign_step({.name = {}, .decay_form = DecayForm::constrained, .radius = 3}),
            sign_step({.name = {}, .decoupled_decay = 1.0, .radius = 3}));
}

TEST(Constrained, RefusesRatesAboveOneAndADecayOfItsOwn) {
  const auto refusal = [](const Recipe& recipe) {
    try {
      validate(recipe);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal({.name = "r", .learning_rate = 1.5, .decay_form = DecayForm::constrained}),
            "recipe r: learning_rate = 1.5, must be in [0, 1]");
  EXPECT_EQ(refusal({.name = "r", .decoupled_decay = 0.5, .decay_form = DecayForm::constrained}),
            "recipe r: decoupled_decay = 0.5, must be 0 in the constrained form");
  EXPECT_EQ(refusal({.name = "r", .radius = -1}), "recipe r: radius = -1, must be in [0, inf)");
  // A schedule must not lead out either.
  OneTensor<double> tensor({8}, {3});
  Optimizer<double> optimizer(
      uniform({.name = {}, .direction = Sign{}, .learning_rate = 0.5, .decay_form = DecayForm::constrained}),
      {tensor.info});
  EXPECT_THROW(optimizer.step(tensor.list, 2.5), std::invalid_argument);
  EXPECT_EQ(tensor.x[0], 8.0);
}

double largest_entry(std::span<const double> x) {
  return std::abs(*std::max_element(x.begin(), x.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
}

// Noise drives the point against the boundary; a convex combination of two points of the ball stays in it. Tolerance:
// one rounding a step.
TEST(Constrained, NeverLeavesTheBallOfItsNorm) {
  constexpr double kRoundings = 200 * 2.3e-16;
  struct Case {
    Direction direction;
    double (*norm)(MatrixView<const double>);
  };
  const std::vector<Case> cases{
      {Sign{},
       [](MatrixView<const double> w) {
         return largest_entry({w.data, static_cast<std::size_t>(w.size())});
       }},
      {Orthogonalize{.method = "svd"}, [](MatrixView<const double> w) { return singular_values(w).front(); }},
  };
  for (const auto& [direction, norm] : cases) {
    OneTensor<double> tensor(std::vector<double>(24, 0.0), std::vector<double>(24, 0.0), {6, 4}, Role::matrix);
    const Recipe recipe{
        .name = {}, .direction = direction, .learning_rate = 0.3, .decay_form = DecayForm::constrained, .radius = 2.5};
    Optimizer<double> optimizer(uniform(recipe), {tensor.info});
    double largest = 0.0;
    for (std::uint64_t t = 0; t < 200; ++t) {
      fill_normal(std::span(tensor.g), 11, t / 20);  // the same direction for 20 steps
      optimizer.step(tensor.list);
      largest = std::max(largest, norm({tensor.x.data(), 6, 4}));
    }
    EXPECT_LE(largest, 2.5 * (1 + kRoundings)) << describe(direction);
    EXPECT_GT(largest, 2.4) << describe(direction) << ": the boundary was not reached, so nothing was tested";
  }
}

TEST(ShapeScale, FollowsTheOrientationOfTheWeight) {
  // 8 x 2 as (out, in): sqrt(8/2) = 2; as (in, out): sqrt(2/8) = 0.5.
  for (const auto& [orientation, scale] : {std::pair{Orientation::out_in, 2.0}, std::pair{Orientation::in_out, 0.5}}) {
    OneTensor<double> tensor(std::vector<double>(16, 0.0), std::vector<double>(16, -1.0), {8, 2}, Role::matrix);
    const Recipe recipe{.name = {},
                        .direction = Sign{},
                        .learning_rate = 0.5,
                        .radius = 4.0,
                        .shape_scale = ShapeScale::sqrt_out_over_in,
                        .orientation = orientation};
    Optimizer<double> optimizer(uniform(recipe), {tensor.info});
    optimizer.step(tensor.list);
    EXPECT_EQ(tensor.x, std::vector<double>(16, 2.0 * scale));
    EXPECT_EQ(optimizer.explain()[0].shape_scale, scale);
    EXPECT_EQ(optimizer.explain()[0].radius, 4.0);
  }
}

TEST(Explain, NamesTheFormOfDecay) {
  EXPECT_EQ(describe_decay({.name = {}}), "none");
  EXPECT_EQ(describe_decay({.name = {}, .decoupled_decay = 0.1}), "decoupled(0.1)");
  EXPECT_EQ(describe_decay({.name = {}, .decoupled_decay = 0.1, .decay_form = DecayForm::squared}), "squared(0.1)");
  EXPECT_EQ(describe_decay({.name = {}, .decay_form = DecayForm::constrained, .radius = 50}), "constrained(radius=50)");
}

}  // namespace
}  // namespace normdescent
