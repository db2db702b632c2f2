// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/catalog.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>
#include <variant>

#include "normdescent/optimizers/optimizer.hpp"
#include "optimizers/conformance_table.hpp"

namespace normdescent {
namespace {

std::string refusal(const std::function<void()>& build) {
  try {
    build();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

std::string text_refusal(const std::string& name, const std::map<std::string, std::string>& options) {
  return refusal([&] { (void)make_optimizer(name, options); });
}

TEST(Catalog, NamesAreThoseOfTheTableInItsOrder) {
  std::vector<std::string> names;
  for (const auto& info : optimizer_catalog()) names.push_back(info.name);
  std::vector<std::string> rows;
  for (const auto& row : conformance::table()) {
    if (row.options.empty()) rows.push_back(row.optimizer);
  }
  EXPECT_EQ(names, rows);
}

TEST(Catalog, EveryNameBuildsItselfFromItsPrintedDefaults) {
  for (const auto& info : optimizer_catalog()) {
    std::map<std::string, std::string> printed;
    for (const auto& option : info.options) {
      printed[option.name] = option.default_value;
      EXPECT_FALSE(option.meaning.empty());
    }
    const auto spec = make_optimizer(info.name, printed);
    const auto plain = make_optimizer(info.name);
    EXPECT_EQ(spec.name, info.name);
    EXPECT_EQ(spec, plain) << info.name;
    EXPECT_EQ(find_optimizer(info.name), &info);
  }
}

// The first matrix of a step from zero is along the dual map of the geometry: to its length, and but for momentum and
// preconditioners, which begin with it. Signs of Adam and AdaGrad are those of the first step as well.
TEST(Catalog, NamesTheGeometryWhoseDualMapTheFirstStepIs) {
  const std::vector<ParameterInfo> infos{{"w", {3, 2}, Role::matrix}};
  for (const auto& info : optimizer_catalog()) {
    ParameterBuffer<double> buffer(infos);
    const std::vector<double> g{3.0, -1.0, 2.0, 0.5, -4.0, 1.0};
    std::ranges::copy(g, buffer.gradients().begin());
    OptimizerSpec spec = make_optimizer(info.name);
    Optimizer<double> optimizer(spec, infos);
    // LionMuon's first of two steps takes the sign.
    const int steps = std::holds_alternative<Alternate>(spec.recipe_for(infos[0]).direction) ? 2 : 1;
    std::vector<double> before;
    for (int t = 0; t < steps; ++t) {
      before.assign(buffer.values().begin(), buffer.values().end());
      ASSERT_TRUE(optimizer.step(buffer.parameters()).finite);
    }
    std::vector<double> step(6);
    for (std::size_t i = 0; i < 6; ++i) step[i] = before[i] - buffer.values()[i];
    std::vector<double> unit(6);
    info.geometry.dual_map<double>({g.data(), 3, 2}, MatrixView<double>{unit.data(), 3, 2});
    double product = 0.0;
    double step_squares = 0.0;
    double unit_squares = 0.0;
    for (std::size_t i = 0; i < 6; ++i) {
      product += step[i] * unit[i];
      step_squares += step[i] * step[i];
      unit_squares += unit[i] * unit[i];
    }
    EXPECT_NEAR(product / std::sqrt(step_squares * unit_squares), 1.0, 1e-3) << info.name;
  }
}

TEST(Catalog, TypedAndTextOptionsBuildTheSame) {
  EXPECT_EQ(make_optimizer("sgd", {{"learning_rate", "0.5"}, {"beta", "0.75"}, {"nesterov", "true"}}).fallback,
            sgd({.learning_rate = 0.5, .beta = 0.75, .nesterov = true}).fallback);
  EXPECT_EQ(make_optimizer("normalized-sgd", {{"scope", "per-tensor"}}).fallback,
            normalized_sgd({.scope = Scope::per_tensor}).fallback);
  const auto spec = make_optimizer("muon", {{"learning_rate", "0.02"},
                                            {"beta", "0.5"},
                                            {"nesterov", "true"},
                                            {"method", "jordan"},
                                            {"steps", "6"},
                                            {"shape_scale", "sqrt-max-one"},
                                            {"decoupled_decay", "0.25"},
                                            {"fallback_rate", "0.1"},
                                            {"fallback_beta1", "0.8"},
                                            {"fallback_beta2", "0.95"},
                                            {"fallback_epsilon", "1e-6"},
                                            {"fallback_decoupled_decay", "0.01"}});
  const auto typed = muon({.learning_rate = 0.02,
                           .beta = 0.5,
                           .nesterov = true,
                           .method = "jordan",
                           .steps = 6,
                           .shape_scale = ShapeScale::sqrt_max_one,
                           .decoupled_decay = 0.25,
                           .fallback = {.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .decoupled_decay = 0.01},
                           .fallback_rate = 0.1});
  EXPECT_EQ(spec.routes.front().recipe, typed.routes.front().recipe);
  EXPECT_EQ(spec.fallback, typed.fallback);
  EXPECT_EQ(spec.fallback.learning_rate, 0.02 * 0.1);
}

TEST(Catalog, UnknownNamesGetTheNearestOne) {
  EXPECT_NE(text_refusal("signsdg", {}).find("did you mean signsgd?"), std::string::npos);
  EXPECT_NE(text_refusal("adam", {}).find("did you mean adamw?"), std::string::npos);
  EXPECT_NE(text_refusal("zzzzzzzzzzzz", {}).find("(known: sgd"), std::string::npos);
  EXPECT_EQ(find_optimizer("adam"), nullptr);
}

TEST(Catalog, UnknownOptionsGetTheNearestOne) {
  EXPECT_NE(text_refusal("lion", {{"beta_1", "0.9"}}).find("no option beta_1; did you mean beta1?"), std::string::npos);
  EXPECT_NE(text_refusal("muonlight", {{"nesterov", "true"}}).find("no option nesterov"), std::string::npos);
}

TEST(Catalog, TextThatIsNoValueNamesFieldValueAndDomain) {
  EXPECT_EQ(text_refusal("signum", {{"beta", "fast"}}), "signum: beta = fast, must be in [0, 1)");
  EXPECT_EQ(text_refusal("signum", {{"beta", "0.9x"}}), "signum: beta = 0.9x, must be in [0, 1)");
  EXPECT_EQ(text_refusal("signum", {{"beta", ""}}), "signum: beta = , must be in [0, 1)");
  EXPECT_EQ(text_refusal("sgd", {{"nesterov", "yes"}}), "sgd: nesterov = yes, must be one of true, false");
  EXPECT_EQ(text_refusal("normalized-sgd", {{"scope", "all"}}),
            "normalized-sgd: scope = all, must be one of global, per-tensor");
  EXPECT_EQ(text_refusal("muon", {{"steps", "2.5"}}), "muon: steps = 2.5, must be a whole number in [0, 100]");
}

TEST(Catalog, ListsAllProblemsAtOnce) {
  EXPECT_EQ(
      refusal([] { (void)lion({.learning_rate = -1, .beta1 = 1, .beta2 = -1, .decoupled_decay = -2}); }),
      "lion: learning_rate = -1, must be in [0, inf); beta1 = 1, must be in [0, 1); beta2 = -1, must be in [0, 1); "
      "decoupled_decay = -2, must be in [0, inf)");
}

// One case per constraint: every numeric option of every optimizer refuses what its printed domain excludes.
TEST(Catalog, EveryNumericOptionRefusesValuesOutsideItsDomain) {
  int checked = 0;
  for (const auto& info : optimizer_catalog()) {
    for (const auto& option : info.options) {
      std::vector<std::string> outside;
      if (option.domain == "in [0, 1)") outside = {"-0.1", "1", "2", "nan", "inf"};
      if (option.domain == "in [0, inf)") outside = {"-0.001", "nan", "inf", "-inf"};
      if (option.domain == "in (0, inf)") outside = {"0", "-1", "nan", "inf"};
      if (option.domain == "a whole number in [0, 100]") outside = {"-1", "-3", "101", "1e1", "99999999999"};
      if (option.domain == "in [0, 1]") outside = {"-0.001", "1.001", "nan", "inf"};
      if (option.domain == "a whole number in [1, 1000]") outside = {"0", "1001", "2.5"};
      if (option.domain == "a whole number in [1, 65536]") outside = {"0", "65537", "1e3"};
      if (option.domain == "a whole number in [0, 2147483647]") outside = {"-1", "2147483648", "0.5"};
      if (option.domain.starts_with("one of ")) outside = {"", "none of them", "TRUE"};
      ASSERT_FALSE(outside.empty()) << info.name << " " << option.name << ": " << option.domain;
      for (const auto& value : outside) {
        EXPECT_NE(text_refusal(info.name, {{option.name, value}})
                      .find(info.name + ": " + option.name + " = " + value + ", must be " + option.domain),
                  std::string::npos)
            << text_refusal(info.name, {{option.name, value}});
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 100);
}

TEST(Catalog, NoTwoOptionsSetTheSameField) {
  // Each option moved off its default must give a recipe of its own.
  for (const auto& info : optimizer_catalog()) {
    std::set<std::string> names;
    for (const auto& option : info.options) {
      EXPECT_TRUE(names.insert(option.name).second);
      const std::map<std::string, std::string> others{{"false", "true"},
                                                      {"zero", "first-gradient"},
                                                      {"ema", "heavy-ball"},
                                                      {"heavy-ball", "ema"},
                                                      {"none", "mars"},
                                                      {"global", "per-tensor"},
                                                      {"rows", "columns"},
                                                      {"columns", "rows"},
                                                      {"spectral", "rows"},
                                                      {"sign", "rows"},
                                                      {"match-adamw-rms", "none"},
                                                      {"halley", "jordan"},
                                                      {"full", "bfloat16"},
                                                      {"decoupled", "scaled"},
                                                      {"out-in", "in-out"},
                                                      {"skip", "stop"},
                                                      {"relative", "absolute"},
                                                      {"adamw-rms", "sgd"},
                                                      {"1", "3"},
                                                      {"10", "3"},
                                                      {"1024", "512"},
                                                      {"2", "3"}};
      const auto found = others.find(option.default_value);
      std::map<std::string, std::string> base;
      const std::set<std::string> average{"nesterov", "momentum_form", "start", "gamma"};
      const bool has_beta = std::ranges::any_of(info.options, [](const auto& o) { return o.name == "beta"; });
      if (average.contains(option.name) && has_beta) base["beta"] = "0.5";
      if (option.name == "start") base["momentum_form"] = "ema";
      if (option.name == "gamma" && !info.name.starts_with("mars")) base["correction"] = "mars";
      const std::map<std::string, std::string> by_name{{"steps", "7"},
                                                       {"rounding_seed", "7"},
                                                       {"bfloat16_rounding", "stochastic"},
                                                       {"graft", "sgd"},
                                                       {"shape_scale", "sqrt-max"}};
      const auto plain = make_optimizer(info.name, base);
      base[option.name] = by_name.contains(option.name) ? by_name.at(option.name)
                          : found == others.end()       ? "0.5"
                                                        : found->second;
      EXPECT_FALSE(plain == make_optimizer(info.name, base)) << info.name << " ignores " << option.name;
    }
  }
}

}  // namespace
}  // namespace normdescent
