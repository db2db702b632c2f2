// SPDX-License-Identifier: Apache-2.0
// What every optimizer of the catalog promises. A new name is in this table as soon as it is in the catalog.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

std::vector<std::string> catalog_names() {
  std::vector<std::string> names;
  for (const auto& info : optimizer_catalog()) names.push_back(info.name);
  return names;
}

// A spec for directions without a name of their own.
OptimizerSpec with_direction(const Direction& direction) {
  return {.name = "test",
          .routes = {},
          .fallback = {.name = "test", .estimator = Ema{.beta = 0.9}, .direction = direction, .learning_rate = 0.01}};
}

std::vector<OptimizerSpec> all_specs() {
  std::vector<OptimizerSpec> specs;
  for (const auto& name : catalog_names()) specs.push_back(make_optimizer(name));
  specs.push_back(normalized_sgd({.beta = 0.9, .scope = Scope::per_tensor}));
  specs.push_back(with_direction(RowNormalize{}));
  specs.push_back(with_direction(ColumnNormalize{}));
  specs.push_back(with_direction(AdaGradScale{}));
  specs.push_back(with_direction(AdaGradNorm{.scope = Scope::per_tensor}));
  specs.push_back(signum({.average = {.start = Start::first_gradient, .correction = CorrectionKind::mars},
                          .common = {.clip_norm = 1.0, .clip_tensor_norm = 0.5}}));
  specs.push_back(shampoo({.preconditioner = {.beta2 = 1.0, .interval = 2, .block_size = 4, .graft = Graft::sgd}}));
  specs.push_back(sgd({.beta = 0.9, .nesterov = true, .decoupled_decay = 0.1}));
  return specs;
}

void for_each_recipe(OptimizerSpec& spec, const auto& change) {
  for (auto& route : spec.routes) change(route.recipe);
  change(spec.fallback);
}

template <class T>
struct Model {
  ParameterBuffer<T> buffer{small_model()};
  Optimizer<T> optimizer;

  explicit Model(const OptimizerSpec& spec) : optimizer(spec, small_model()) { fill_normal(buffer.values(), 3, 9999); }
  void run(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t t = first; t < last; ++t) {
      fill_normal(buffer.gradients(), 3, t);
      EXPECT_TRUE(optimizer.step(buffer.parameters()).finite);
    }
  }
};

template <class T>
class EveryOptimizer : public testing::Test {};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(EveryOptimizer, Numbers);

TYPED_TEST(EveryOptimizer, RunsTwiceWithTheSameBits) {
  for (const auto& spec : all_specs()) {
    Model<TypeParam> a(spec);
    Model<TypeParam> b(spec);
    a.run(0, 5);
    b.run(0, 5);
    EXPECT_EQ(copy(a.buffer.values()), copy(b.buffer.values())) << spec.name;
    EXPECT_EQ(a.optimizer.state(), b.optimizer.state()) << spec.name;
    EXPECT_EQ(a.optimizer.steps_done(), 5);
  }
}

TYPED_TEST(EveryOptimizer, NeverWritesAGradient) {
  for (const auto& spec : all_specs()) {
    Model<TypeParam> model(spec);
    model.run(0, 1);
    const auto before = copy(model.buffer.gradients());
    model.optimizer.step(model.buffer.parameters());
    EXPECT_EQ(copy(model.buffer.gradients()), before) << spec.name;
  }
}

TYPED_TEST(EveryOptimizer, StaysFiniteAndInPlaceWithoutGradientAndDecay) {
  for (const auto& spec : all_specs()) {
    OptimizerSpec plain = spec;
    for_each_recipe(plain, [](Recipe& recipe) {
      recipe.decoupled_decay = 0.0;
      recipe.decay_form = DecayForm::decoupled;
    });
    Model<TypeParam> model(plain);
    const auto before = copy(model.buffer.values());
    for (int t = 0; t < 3; ++t) EXPECT_TRUE(model.optimizer.step(model.buffer.parameters()).finite);
    EXPECT_EQ(copy(model.buffer.values()), before) << spec.name;
  }
}

TYPED_TEST(EveryOptimizer, DecaysByExactlyOneMinusRateTimesDecayWithoutGradient) {
  for (const auto& spec : all_specs()) {
    OptimizerSpec decayed = spec;
    for_each_recipe(decayed, [](Recipe& recipe) {
      if (recipe.decay_form != DecayForm::constrained) recipe.decoupled_decay = 0.25;
    });
    Model<TypeParam> model(decayed);
    auto expected = copy(model.buffer.values());
    std::size_t k = 0;
    for (const auto& row : model.optimizer.explain()) {
      for (Index i = 0; i < row.parameter.size(); ++i) {
        const double decay = row.decay.starts_with("constrained") ? 1.0 : row.decoupled_decay;
        // LionMuon's first step is a sign step.
        const double rate = row.learning_rate * (row.recipe == "lionmuon" ? 0.2 : 1.0);
        expected[k] = static_cast<TypeParam>(1.0 - 0.5 * rate * decay) * expected[k];
        ++k;
      }
    }
    model.optimizer.step(model.buffer.parameters(), 0.5);
    EXPECT_EQ(copy(model.buffer.values()), expected) << spec.name;
  }
}

TYPED_TEST(EveryOptimizer, ChangesNothingWhenAnyGradientIsNotFinite) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const auto& spec : all_specs()) {
    for (const TypeParam bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
      Model<TypeParam> model(spec);
      model.run(0, 2);
      const auto values = copy(model.buffer.values());
      const auto state = model.optimizer.state();
      model.buffer.parameters()[4].gradient[0] = bad;
      model.buffer.parameters()[2].gradient[5] = bad;
      const auto report = model.optimizer.step(model.buffer.parameters());
      EXPECT_FALSE(report.finite);
      EXPECT_EQ(report.first_nonfinite_parameter, "layer.bias");
      EXPECT_EQ(copy(model.buffer.values()), values) << spec.name;
      EXPECT_EQ(model.optimizer.state(), state) << spec.name;
      EXPECT_EQ(model.optimizer.steps_done(), 2);
    }
  }
}

TYPED_TEST(EveryOptimizer, SkipsATensorWithoutGradient) {
  for (const auto& spec : all_specs()) {
    Model<TypeParam> model(spec);
    model.run(0, 2);
    auto parameters = std::vector(model.buffer.parameters().begin(), model.buffer.parameters().end());
    parameters[1].gradient = {};
    parameters[2].gradient = {};
    const auto values = copy(parameters[1].value);
    const auto others = copy(parameters[0].value);
    const auto state = model.optimizer.state();
    EXPECT_TRUE(model.optimizer.step(parameters).finite);
    EXPECT_EQ(copy(parameters[1].value), values) << spec.name;
    EXPECT_NE(copy(parameters[0].value), others) << spec.name;
    const auto after = model.optimizer.state();
    for (const auto& [name, tensor] : state.tensors) {
      if (name.starts_with("layer.")) {
        EXPECT_EQ(after.tensors.at(name), tensor) << spec.name << " " << name;
      }
    }
  }
}

TYPED_TEST(EveryOptimizer, RefusesTensorsOfOtherSizesByName) {
  Model<TypeParam> model(make_optimizer("signum"));
  auto parameters = std::vector(model.buffer.parameters().begin(), model.buffer.parameters().end());
  parameters[1].value = parameters[1].value.first(5);
  try {
    model.optimizer.step(parameters);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("layer.weight"), std::string::npos) << error.what();
  }
  EXPECT_THROW(model.optimizer.step(std::span(parameters).first(2)), std::invalid_argument);
  for (const double scale : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW(model.optimizer.step(model.buffer.parameters(), scale), std::invalid_argument);
  }
}

TYPED_TEST(EveryOptimizer, ReachesTheNeighbourhoodOfAQuadraticsOptimum) {
  // f(x) = 1/2 sum h_i (x_i - 1)^2, h_i in [0.5, 2], cosine schedule to 0.
  for (const auto& spec : all_specs()) {
    OptimizerSpec tuned = spec;
    for_each_recipe(tuned, [&](Recipe& recipe) {
      // AdaGrad's steps shrink like 1/sqrt(t), or 1/sqrt(d t), on their own, ASGO's with what V remembers; most of
      // LionMuon's are a fifth of the rate.
      const bool is_adagrad = std::holds_alternative<AdaGradScale>(recipe.direction);
      const bool is_adagrad_norm = std::holds_alternative<AdaGradNorm>(recipe.direction);
      recipe.learning_rate = is_adagrad                                       ? 2.0
                             : is_adagrad_norm                                ? 8.0
                             : spec.name == "lionmuon" || spec.name == "asgo" ? 0.5
                                                                              : 0.1;
      recipe.decoupled_decay = 0.0;
      // A constrained step ends at the optimum of its ball, which is another; step_forms_test is about it.
      recipe.decay_form = DecayForm::decoupled;
    });
    Model<TypeParam> model(tuned);
    const auto x = model.buffer.values();
    const auto g = model.buffer.gradients();
    constexpr int steps = 400;
    for (int t = 0; t < steps; ++t) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        g[i] = static_cast<TypeParam>(0.5 + 1.5 * static_cast<double>(i % 7) / 6.0) * (x[i] - TypeParam(1));
      }
      const double p = static_cast<double>(t) / steps;
      model.optimizer.step(model.buffer.parameters(), 0.5 * (1.0 + std::cos(3.141592653589793 * p)));
    }
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], 1.0, 0.02) << spec.name << " entry " << i;
  }
}

TYPED_TEST(EveryOptimizer, DoesNotDependOnThreads) {
  // Tensors of several pieces, so that three threads really share them.
  const std::vector<ParameterInfo> infos{{.name = "a", .shape = {50001}},
                                         {.name = "b", .shape = {13}},
                                         {.name = "c", .shape = {150, 301}, .role = Role::embedding}};
  for (const auto& spec : all_specs()) {
    std::vector<std::vector<TypeParam>> ends;
    for (const int threads : {1, 2, 3}) {
      const int before = omp_get_max_threads();
      omp_set_num_threads(threads);
      ParameterBuffer<TypeParam> buffer(infos);
      Optimizer<TypeParam> optimizer(spec, infos);
      fill_normal(buffer.gradients(), 3);
      for (int t = 0; t < 2; ++t) optimizer.step(buffer.parameters());
      omp_set_num_threads(before);
      ends.push_back(copy(buffer.values()));
    }
    EXPECT_EQ(ends[0], ends[1]) << spec.name;
    EXPECT_EQ(ends[0], ends[2]) << spec.name;
  }
}

TEST(Normalize, TinyAndHugeGradientsStillMoveByTheRate) {
  for (const Scope scope : {Scope::global, Scope::per_tensor}) {
    for (const float size : {1e-44F, 1e-30F, 1e30F}) {
      OneTensor<float> tensor({0, 0, 0, 0}, std::vector<float>(4, size));
      Optimizer<float> optimizer(normalized_sgd({.learning_rate = 1.0, .scope = scope}), {tensor.info});
      optimizer.step(tensor.list);
      for (const float x : tensor.x) EXPECT_NEAR(x, -0.5F, 1e-6F) << size;
    }
  }
}

TEST(Normalize, ScopeDecidesWhatHasNormOne) {
  for (const Scope scope : {Scope::global, Scope::per_tensor}) {
    ParameterBuffer<double> buffer({{.name = "a", .shape = {1}}, {.name = "b", .shape = {1}}});
    buffer.gradients()[0] = 3;
    buffer.gradients()[1] = -4;
    Optimizer<double> optimizer(normalized_sgd({.learning_rate = 1.0, .scope = scope}),
                                {buffer.parameters()[0].info, buffer.parameters()[1].info});
    optimizer.step(buffer.parameters());
    EXPECT_NEAR(buffer.values()[0], scope == Scope::global ? -0.6 : -1.0, 1e-15);
    EXPECT_NEAR(buffer.values()[1], scope == Scope::global ? 0.8 : 1.0, 1e-15);
  }
}

TEST(AdamW, CorrectsTheBiasByThisParametersOwnSteps) {
  // "b" gets its first gradient in the third step: its step must be a first step.
  ParameterBuffer<double> buffer({{.name = "a", .shape = {1}}, {.name = "b", .shape = {1}}});
  auto parameters = std::vector(buffer.parameters().begin(), buffer.parameters().end());
  Optimizer<double> optimizer(adamw({.learning_rate = 0.5, .epsilon = 1e-12}),
                              {parameters[0].info, parameters[1].info});
  buffer.gradients()[0] = buffer.gradients()[1] = 3.0;
  const auto gradient = parameters[1].gradient;
  parameters[1].gradient = {};
  optimizer.step(parameters);
  optimizer.step(parameters);
  EXPECT_EQ(parameters[1].value[0], 0.0);
  parameters[1].gradient = gradient;
  optimizer.step(parameters);
  EXPECT_NEAR(parameters[1].value[0], -0.5, 1e-10);
}

}  // namespace
}  // namespace normdescent
