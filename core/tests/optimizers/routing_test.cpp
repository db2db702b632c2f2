// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/routing.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

bool glob(const std::string& pattern, const std::string& name) {
  return Route{.role = {}, .name_glob = pattern, .recipe = {}}.matches({.name = name, .shape = {1}});
}

TEST(Route, GlobStarTakesAnyTextAndQuestionMarkOneCharacter) {
  EXPECT_TRUE(glob("*", ""));
  EXPECT_TRUE(glob("*", "h.0.attn.weight"));
  EXPECT_TRUE(glob("h.?.attn.*", "h.3.attn.weight"));
  EXPECT_TRUE(glob("*weight", "a.weight.b.weight"));
  EXPECT_TRUE(glob("a*b*c", "abxbyc"));
  EXPECT_TRUE(glob("abc", "abc"));
  EXPECT_TRUE(glob("abc**", "abc"));
  EXPECT_FALSE(glob("h.?.attn.*", "h.10.attn.weight"));
  EXPECT_FALSE(glob("*bias", "bias.weight"));
  EXPECT_FALSE(glob("abc", "abcd"));
  EXPECT_FALSE(glob("?", ""));
  EXPECT_FALSE(glob("", "a"));
}

TEST(Route, NeedsBothRoleAndName) {
  const Route route{.role = Role::matrix, .name_glob = "h.*", .recipe = {}};
  EXPECT_TRUE(route.matches({.name = "h.0", .shape = {2, 2}, .role = Role::matrix}));
  EXPECT_FALSE(route.matches({.name = "h.0", .shape = {2}, .role = Role::vector}));
  EXPECT_FALSE(route.matches({.name = "x.0", .shape = {2, 2}, .role = Role::matrix}));
}

TEST(OptimizerSpec, FirstMatchingRouteWins) {
  const OptimizerSpec spec{.name = "test",
                           .routes = {{.role = {}, .name_glob = "a*", .recipe = {.name = "first"}},
                                      {.role = {}, .name_glob = "ab*", .recipe = {.name = "second"}}},
                           .fallback = {.name = "fallback"}};
  EXPECT_EQ(spec.recipe_for({.name = "abc", .shape = {1}}).name, "first");
  EXPECT_EQ(spec.recipe_for({.name = "b", .shape = {1}}).name, "fallback");
}

TEST(OptimizerSpec, ScalesEveryLearningRate) {
  const auto spec = muon({.learning_rate = 0.5, .fallback_rate = 0.5}).with_learning_rate_scaled(4.0);
  EXPECT_EQ(spec.routes.front().recipe.learning_rate, 2.0);
  EXPECT_EQ(spec.fallback.learning_rate, 1.0);
}

TEST(Muon, SendsEmbeddingHeadAndVectorsToAdamW) {
  for (const auto& spec : {muon(), muonlight()}) {
    for (const auto& row : Optimizer<float>(spec, small_model()).explain()) {
      const bool is_matrix = row.parameter.role == Role::matrix;
      EXPECT_EQ(row.recipe, is_matrix ? spec.name : "adamw") << row.parameter.name;
      EXPECT_EQ(row.state_buffers, is_matrix ? 1 : 2) << row.parameter.name;
    }
  }
}

TEST(Explain, SaysWhatHappensToEachParameter) {
  const Optimizer<float> optimizer(
      muonlight({.learning_rate = 0.02, .beta = 0.9, .decoupled_decay = 0.1, .fallback_rate = 0.5}), small_model());
  const auto rows = optimizer.explain();
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0].parameter.name, "embedding");
  EXPECT_EQ(rows[0].estimator, "ema(beta=0.9)");
  EXPECT_EQ(rows[0].direction, "adam(beta2=0.99, epsilon=1e-08)");
  EXPECT_EQ(rows[0].learning_rate, 0.01);
  EXPECT_EQ(rows[0].decoupled_decay, 0.0);
  EXPECT_EQ(rows[0].shape_scale, 1.0);
  EXPECT_EQ(rows[1].estimator, "heavy-ball(beta=0.9, nesterov)");
  EXPECT_EQ(rows[1].direction, "msign(halley, 2 steps)");
  EXPECT_EQ(rows[1].learning_rate, 0.02);
  EXPECT_EQ(rows[1].decoupled_decay, 0.1);
  EXPECT_EQ(rows[1].shape_scale, 0.2 * std::sqrt(6.0));
  EXPECT_EQ(rows[3].shape_scale, 0.2 * std::sqrt(8.0)) << "a convolution is the matrix (out, in * kh * kw)";
}

TEST(Explain, DescribesEveryPart) {
  EXPECT_EQ(describe(Estimator(Raw{})), "raw");
  EXPECT_EQ(describe(Estimator(Ema{.beta = 0.95, .nesterov = true})), "ema(beta=0.95, nesterov)");
  EXPECT_EQ(describe(Estimator(DoubleEma{})), "double-ema(beta1=0.9, beta2=0.99)");
  EXPECT_EQ(describe(Direction(Identity{})), "identity");
  EXPECT_EQ(describe(Direction(Sign{})), "sign");
  EXPECT_EQ(describe(Direction(Normalize{.scope = Scope::per_tensor})), "normalize(per-tensor)");
  EXPECT_EQ(describe(Direction(RowNormalize{})), "row-normalize");
  EXPECT_EQ(describe(Direction(Orthogonalize{.method = "svd"})), "msign(svd)");
}

TEST(ShapeScale, FollowsEachConvention) {
  EXPECT_EQ(shape_scale(ShapeScale::none, 768, 3072), 1.0);
  EXPECT_EQ(shape_scale(ShapeScale::sqrt_max_one, 3072, 768), 2.0);
  EXPECT_EQ(shape_scale(ShapeScale::sqrt_max_one, 768, 3072), 1.0);
  EXPECT_EQ(shape_scale(ShapeScale::match_adamw_rms, 768, 2500), 10.0);
  EXPECT_EQ(shape_scale(ShapeScale::sqrt_out_over_in, 768, 3072), 0.5);
  EXPECT_EQ(shape_scale(ShapeScale::sqrt_max, 100, 2500), 50.0);
  EXPECT_EQ(shape_scale(ShapeScale::one_over_in, 7, 4), 0.25);
  EXPECT_EQ(shape_scale(ShapeScale::sqrt_out, 9, 4), 3.0);
  EXPECT_EQ(shape_scale(ShapeScale::one_over_sqrt_in, 9, 4), 0.5);
}

void expect_refused(const OptimizerSpec& spec, const std::vector<ParameterInfo>& parameters, const std::string& text) {
  try {
    const Optimizer<float> optimizer(spec, parameters);
    ADD_FAILURE() << "accepted; expected: " << text;
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

TEST(Optimizer, RefusesMsignOfAVectorByName) {
  OptimizerSpec spec = muon();
  spec.routes.front().role.reset();
  expect_refused(spec, small_model(), "parameter layer.bias: 1 dimensions, must be at least 2 for msign");
}

TEST(Optimizer, RefusesParametersThatItCouldNotTellApart) {
  expect_refused(signsgd(), {{.name = "a", .shape = {2}}, {.name = "a", .shape = {3}}}, "parameter a");
}

TEST(Optimizer, RefusesRecipesOutsideTheirDomains) {
  const auto refuse = [](const Recipe& recipe, const std::string& text) {
    expect_refused({.name = "test", .routes = {}, .fallback = recipe}, small_model(), text);
  };
  refuse({.name = "r", .learning_rate = -1.0}, "recipe r: learning_rate = -1, must be in [0, inf)");
  refuse({.name = "r", .learning_rate = std::nan("")}, "learning_rate = nan");
  refuse({.name = "r", .decoupled_decay = -0.1}, "decoupled_decay = -0.1");
  refuse({.name = "r", .estimator = Ema{.beta = 1.0}}, "beta = 1, must be in [0, 1)");
  refuse({.name = "r", .estimator = HeavyBall{.beta = -0.5}}, "beta = -0.5");
  refuse({.name = "r", .estimator = DoubleEma{.beta1 = 1.5, .beta2 = 2.5}}, "beta1 = 1.5, must be in [0, 1); beta2");
  refuse({.name = "r", .estimator = Ema{}, .direction = AdamScale{.beta2 = 1.0}}, "beta2 = 1");
  refuse({.name = "r", .estimator = Ema{}, .direction = AdamScale{.epsilon = 0.0}}, "epsilon = 0, must be in (0, inf)");
  refuse({.name = "r", .estimator = Raw{}, .direction = AdamScale{}}, "estimator = raw, must be ema");
  refuse({.name = "r", .direction = Orthogonalize{.method = "jordon"}}, "method = jordon, must be one of");
  refuse({.name = "r", .direction = Orthogonalize{.steps = -1}}, "steps = -1");
}

}  // namespace
}  // namespace normdescent
