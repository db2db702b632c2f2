// SPDX-License-Identifier: Apache-2.0
// Trajectories of the whole catalog against the plain reference, and the four questions that would have caught most of
// the bugs that were shipped: was msign called, does the step descend along the momentum, is the decay exact, does
// momentum make a difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "normdescent/optimizers/catalog.hpp"
#include "optimizers/claims.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

using namespace conformance;
using Options = std::map<std::string, std::string>;

bool has_option(const OptimizerInfo& info, const std::string& name) {
  return std::ranges::any_of(info.options, [&](const OptionInfo& option) { return option.name == name; });
}

// Those of `options` that the optimizer has, and exact msign.
OptimizerSpec make(const OptimizerInfo& info, const Options& options) {
  Options known;
  for (const auto& [name, value] : options) {
    if (has_option(info, name)) known[name] = value;
  }
  if (has_option(info, "method")) known["method"] = "svd";
  return make_optimizer(info.name, known);
}

// Optimizers with a reference twin of their own, and where it is.
const std::map<std::string, std::string>& twins_elsewhere() {
  static const std::map<std::string, std::string> all{{"asgo", "shampoo_twin.hpp"}, {"shampoo", "shampoo_twin.hpp"}};
  return all;
}

TEST(PlainReference, EveryOptimizerFollowsIt) {
  const std::vector<Options> variants{
      {},
      {{"beta", "0.9"}, {"decoupled_decay", "0.1"}},
      {{"beta", "0.9"}, {"nesterov", "true"}, {"clip_norm", "0.5"}, {"l2_penalty", "0.3"}},
      {{"beta", "0.9"}, {"momentum_form", "heavy-ball"}, {"clip_tensor_norm", "0.5"}, {"orientation", "in-out"}},
      {{"beta", "0.9"}, {"start", "first-gradient"}, {"correction", "mars"}, {"gamma", "0.5"}},
      {{"scope", "per-tensor"}, {"decoupled_decay", "0.1"}, {"decay_form", "scaled"}},
      {{"axis", "columns"}, {"decoupled_decay", "0.1"}, {"decay_form", "squared"}},
  };
  for (const auto& info : optimizer_catalog()) {
    if (twins_elsewhere().contains(info.name)) continue;
    for (const auto& variant : variants) {
      // Values below 4, whose rounding is 4e-16, and a few of them a step. Measured: below 1e-15; the rest is for other
      // LAPACKs.
      EXPECT_EQ(follows_the_plain_reference(ours, make(info, variant), 1e-13), "")
          << info.name << ", variant " << &variant - variants.data();
    }
  }
}

// ---- the four questions ---------------------------------------------------------------------------------------------

template <class T>
struct Trial {
  ParameterBuffer<T> buffer{small_model()};
  Optimizer<T> optimizer;

  explicit Trial(const OptimizerSpec& spec) : optimizer(spec, small_model()) { fill_normal(buffer.values(), 19, 1000); }
  void step(std::uint64_t t) {
    fill_normal(buffer.gradients(), 19, t);
    optimizer.step(buffer.parameters());
  }
};

// Steps out of six in which a recipe's matrices are orthogonalized.
std::int64_t msigns_of_six(const Recipe& recipe) {
  if (std::holds_alternative<Orthogonalize>(recipe.direction)) return 6;
  const auto* alternate = std::get_if<Alternate>(&recipe.direction);
  return alternate == nullptr ? 0 : 6 / alternate->period;
}

TEST(OneLiner, MsignWasCalledOnceAStepForEveryMatrixThatIsSentToIt) {
  std::set<std::string> with_msign;
  for (const auto& info : optimizer_catalog()) {
    Trial<float> trial(make_optimizer(info.name));
    for (std::uint64_t t = 0; t < 6; ++t) trial.step(t);
    const auto counters = trial.optimizer.counters();
    for (std::size_t i = 0; i < small_model().size(); ++i) {
      const Recipe& recipe = trial.optimizer.spec().recipe_for(small_model()[i]);
      EXPECT_EQ(counters.parameters[i].orthogonalizations, msigns_of_six(recipe))
          << info.name << " " << small_model()[i].name;
    }
    if (counters.orthogonalizations > 0) with_msign.insert(info.name);
  }
  for (const char* name : {"muon", "muonlight", "scion", "scion-constrained", "lionmuon"}) {
    EXPECT_TRUE(with_msign.contains(name)) << name << " never orthogonalized";
  }
  EXPECT_FALSE(with_msign.contains("adamw"));
}

TEST(OneLiner, EveryUpdateHasAPositiveInnerProductWithTheMomentum) {
  for (const auto& info : optimizer_catalog()) {
    const auto spec = make(info, {{"beta", "0.9"}, {"decoupled_decay", "0"}, {"fallback_decoupled_decay", "0"}});
    if (spec.fallback.decay_form == DecayForm::constrained) continue;  // a pull to 0 is part of its step
    Trial<double> trial(spec);
    const auto infos = small_model();
    for (std::uint64_t t = 0; t < 10; ++t) {
      trial.optimizer.measure_next_step();
      trial.step(t / 5);
      for (std::size_t i = 0; i < infos.size(); ++i) {
        const auto counters = trial.optimizer.counters().parameters[i];
        const Recipe& recipe = spec.recipe_for(infos[i]);
        if (std::holds_alternative<Raw>(recipe.estimator)) continue;
        // Lion looks at its old momentum and at the new gradient: after a turn the two may disagree.
        if (std::holds_alternative<DoubleEma>(recipe.estimator) && t >= 5) continue;
        EXPECT_GT(counters.momentum_cosine, 0.0) << info.name << " " << counters.parameter << " step " << t;
      }
    }
  }
}

TEST(OneLiner, DecayChangesTheWeightsByExactlyOneMinusRateTimesDecay) {
  for (const auto& info : optimizer_catalog()) {
    const auto spec = make_optimizer(info.name);
    if (spec.fallback.decay_form == DecayForm::constrained) {
      EXPECT_FALSE(has_option(info, "decoupled_decay")) << "the constrained form has no decay of its own";
      continue;
    }
    EXPECT_TRUE(has_option(info, "decoupled_decay")) << info.name;
    EXPECT_EQ(decay_multiplies_the_weights(ours, make(info, {})), "") << info.name;
  }
}

TEST(OneLiner, MomentumMakesADifference) {
  int compared = 0;
  for (const auto& info : optimizer_catalog()) {
    const std::string beta = has_option(info, "beta1") ? "beta1" : "beta";
    if (!has_option(info, beta)) {
      EXPECT_EQ(info.name, "signsgd") << info.name << " has no momentum to choose";
      continue;
    }
    std::vector<std::vector<double>> ends;
    for (const char* value : {"0", "0.9"}) {
      Trial<double> trial(make(info, {{beta, value}}));
      for (std::uint64_t t = 0; t < 4; ++t) trial.step(t);
      ends.push_back(copy(trial.buffer.values()));
    }
    EXPECT_NE(ends[0], ends[1]) << info.name;
    ++compared;
  }
  EXPECT_GE(compared, 15);
}

}  // namespace
}  // namespace normdescent
