// SPDX-License-Identifier: Apache-2.0
// State that the caller keeps: the bits of Optimizer, whose twin this is; and what it must not touch.
#include "normdescent/optimizers/stateless_optimizer.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

/// What torch.optim's `state` is in Python: arrays by parameter, and counts.
template <class T>
struct CallersState {
  std::vector<std::vector<std::vector<T>>> arrays;
  std::vector<std::vector<void*>> pointers;
  std::vector<std::int64_t> steps;

  explicit CallersState(const StatelessOptimizer<T>& optimizer)
      : arrays(optimizer.size()), pointers(optimizer.size()), steps(optimizer.size()) {
    for (std::size_t i = 0; i < optimizer.size(); ++i) {
      for (const StateBuffer& buffer : optimizer.layout(i)) {
        arrays[i].emplace_back(static_cast<std::size_t>(buffer.size()));
      }
      for (auto& array : arrays[i]) pointers[i].push_back(array.data());
    }
  }
};

template <class T>
std::vector<StatelessParameter<T>> views(std::span<const BasicParameter<T>> parameters, CallersState<T>& state,
                                         std::size_t left_out) {
  std::vector<StatelessParameter<T>> list;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    list.push_back({.value = parameters[i].value,
                    .gradient = i == left_out ? std::span<T>() : parameters[i].gradient,
                    .state = state.pointers[i],
                    .steps = &state.steps[i]});
  }
  return list;
}

template <class T>
class Stateless : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(Stateless, Precisions);

TYPED_TEST(Stateless, StepsAreThoseOfTheOptimizerThatKeepsItsState) {
  for (const OptimizerInfo& info : optimizer_catalog()) {
    const OptimizerSpec spec = make_optimizer(info.name);
    ParameterBuffer<TypeParam> a(small_model());
    ParameterBuffer<TypeParam> b(small_model());
    fill_normal(a.values(), 3, 1);
    fill_normal(b.values(), 3, 1);
    Optimizer<TypeParam> owner(spec, small_model());
    CallersState<TypeParam> state{StatelessOptimizer<TypeParam>(spec, small_model())};
    for (std::uint64_t t = 0; t < 12; ++t) {
      fill_normal(a.gradients(), 4, t);
      fill_normal(b.gradients(), 4, t);
      const std::size_t left_out = t % 4 == 3 ? 1 : 99;
      std::vector<BasicParameter<TypeParam>> list(a.parameters().begin(), a.parameters().end());
      if (left_out < list.size()) list[left_out].gradient = {};
      owner.step(list, 0.5);
      // A new one each time: nothing may live in it from one step to the next.
      StatelessOptimizer<TypeParam> stateless(spec, small_model());
      stateless.step(views<TypeParam>(b.parameters(), state, left_out), 0.5);
      ASSERT_EQ(copy(a.values()), copy(b.values())) << info.name << ", step " << t + 1;
      ASSERT_EQ(copy(b.gradients()).size(), copy(a.gradients()).size());
    }
    EXPECT_EQ(state.steps, (std::vector<std::int64_t>{12, 9, 12, 12, 12})) << info.name;
  }
}

TYPED_TEST(Stateless, MaximizeIsTheStepOnTheNegativeGradient) {
  for (const char* name : {"sgd", "signsgd", "adamw", "muon", "normalized-sgd", "mars-adamw", "shampoo"}) {
    for (const char* penalty : {"0", "0.1"}) {
      ParameterBuffer<TypeParam> up(small_model());
      ParameterBuffer<TypeParam> down(small_model());
      fill_normal(up.values(), 3, 1);
      fill_normal(down.values(), 3, 1);
      const std::string clip = std::string(name) == "sgd" ? "0.3" : "0";
      Optimizer<TypeParam> climbs(
          make_optimizer(name, {{"maximize", "true"}, {"l2_penalty", penalty}, {"clip_norm", clip}}), small_model());
      Optimizer<TypeParam> descends(make_optimizer(name, {{"l2_penalty", penalty}, {"clip_norm", clip}}),
                                    small_model());
      for (std::uint64_t t = 0; t < 5; ++t) {
        fill_normal(up.gradients(), 4, t);
        fill_normal(down.gradients(), 4, t);
        for (TypeParam& g : up.gradients()) g = -g;
        climbs.step(up.parameters());
        descends.step(down.parameters());
        ASSERT_EQ(copy(up.values()), copy(down.values())) << name << ", penalty " << penalty << ", step " << t + 1;
      }
    }
  }
}

TYPED_TEST(Stateless, TensorsWithoutEntriesAreLegalBesideOthers) {
  for (const OptimizerInfo& info : optimizer_catalog()) {
    std::vector<ParameterInfo> infos = small_model();
    infos.push_back({.name = "none", .shape = {0, 4}, .role = Role::matrix});
    infos.push_back({.name = "nothing", .shape = {3, 0}, .role = Role::head});
    ParameterBuffer<TypeParam> with(infos);
    ParameterBuffer<TypeParam> without(small_model());
    fill_normal(with.values(), 3, 1);
    fill_normal(without.values(), 3, 1);
    Optimizer<TypeParam> a(make_optimizer(info.name), infos);
    Optimizer<TypeParam> b(make_optimizer(info.name), small_model());
    for (std::uint64_t t = 0; t < 3; ++t) {
      fill_normal(with.gradients(), 4, t);
      fill_normal(without.gradients(), 4, t);
      a.step(with.parameters());
      b.step(without.parameters());
    }
    EXPECT_EQ(copy(with.values()), copy(without.values())) << info.name;
    EXPECT_EQ(a.explain().size(), infos.size()) << info.name;
    a.load_state(a.state());
  }
  Optimizer<TypeParam> empty(sgd(), {});
  EXPECT_TRUE(empty.step(std::span<const BasicParameter<TypeParam>>{}).finite);
}

TYPED_TEST(Stateless, RefusesOtherSizesAndChangesNothing) {
  const OptimizerSpec spec = adamw();
  StatelessOptimizer<TypeParam> optimizer(spec, small_model());
  CallersState<TypeParam> state(optimizer);
  ParameterBuffer<TypeParam> buffer(small_model());
  fill_normal(buffer.values(), 3, 1);
  fill_normal(buffer.gradients(), 4, 1);
  const auto before = copy(buffer.values());
  auto list = views<TypeParam>(buffer.parameters(), state, 99);
  list[2].value = list[2].value.first(3);
  EXPECT_THROW(optimizer.step(list), std::invalid_argument);
  list = views<TypeParam>(buffer.parameters(), state, 99);
  list[4].state = {};
  EXPECT_THROW(optimizer.step(list), std::invalid_argument);
  list.pop_back();
  EXPECT_THROW(optimizer.step(list), std::invalid_argument);
  EXPECT_THROW(optimizer.step(views<TypeParam>(buffer.parameters(), state, 99), -1.0), std::invalid_argument);
  EXPECT_EQ(copy(buffer.values()), before);
  EXPECT_EQ(state.steps, std::vector<std::int64_t>(5, 0));
}

TEST(StatelessSizes, NegativeDimensionsAreRefused) {
  EXPECT_THROW(Optimizer<float>(sgd(), {{.name = "w", .shape = {-1, 2}}}), std::invalid_argument);
}

}  // namespace
}  // namespace normdescent
