// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/catalog.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <stdexcept>

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

TEST(Catalog, ListsTheFamily) {
  std::vector<std::string> names;
  for (const auto& info : optimizer_catalog()) names.push_back(info.name);
  EXPECT_EQ(names, (std::vector<std::string>{"sgd", "normalized-sgd", "signsgd", "signum", "lion", "muon", "muonlight",
                                             "adamw"}));
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
    EXPECT_EQ(spec.fallback, plain.fallback) << info.name;
    ASSERT_EQ(spec.routes.size(), plain.routes.size());
    for (std::size_t i = 0; i < spec.routes.size(); ++i) EXPECT_EQ(spec.routes[i].recipe, plain.routes[i].recipe);
    EXPECT_EQ(find_optimizer(info.name), &info);
  }
}

TEST(Catalog, NamesTheGeometry) {
  const std::map<std::string, Geometry> expected{
      {"sgd", Geometry::euclidean},      {"normalized-sgd", Geometry::euclidean},
      {"signsgd", Geometry::sign},       {"signum", Geometry::sign},
      {"lion", Geometry::sign},          {"muon", Geometry::spectral},
      {"muonlight", Geometry::spectral}, {"adamw", Geometry::sign}};
  for (const auto& info : optimizer_catalog()) EXPECT_EQ(info.geometry, expected.at(info.name)) << info.name;
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
      std::string other = "0.5";
      if (option.default_value == "false") other = "true";
      if (option.name == "steps") other = "7";
      if (option.name == "method") other = "jordan";
      if (option.name == "precision") other = "bfloat16";
      if (option.name == "scope") other = "per-tensor";
      if (option.name == "shape_scale") other = "none";
      std::map<std::string, std::string> base;
      if (option.name == "nesterov" && info.name == "sgd") base["beta"] = "0.5";
      const auto plain = make_optimizer(info.name, base);
      base[option.name] = other;
      const auto moved = make_optimizer(info.name, base);
      const bool same_route = plain.routes.empty() || plain.routes.front().recipe == moved.routes.front().recipe;
      EXPECT_FALSE(same_route && plain.fallback == moved.fallback) << info.name << " ignores " << option.name;
    }
  }
}

}  // namespace
}  // namespace normdescent
