// SPDX-License-Identifier: Apache-2.0
#include "normdescent/distributed/shared_step.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "layered_problem.hpp"
#include "normdescent/gpt/shape.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "ranks.hpp"

namespace normdescent::test {
namespace {

std::vector<float> values_of(const Objective& objective) {
  std::vector<float> values;
  for (const auto& p : objective.parameters()) values.insert(values.end(), p.value.begin(), p.value.end());
  return values;
}

/// Steps first .. last - 1 on whole batches.
void take_steps(Objective& objective, Optimizer<float>& optimizer, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t t = first; t < last; ++t) {
    const auto gradient = [&] { (void)objective.gradient(Batch::number(2, t, 4)); };
    if (optimizer.needs_closure()) {
      (void)optimizer.step(objective.parameters(), gradient);
    } else {
      gradient();
      (void)optimizer.step(objective.parameters());
    }
  }
}

Optimizer<float> shared_optimizer(const OptimizerSpec& spec, ProcessGroup& group, SharedWork work) {
  return {spec, layered_infos(),
          make_step_sharing(group, layered_infos(), plan_owners(spec, layered_infos(), group.size(), work))};
}

TEST_P(Groups, SharedStepsAreBitEqualToThoseOfOneProcess) {
  std::vector<OptimizerSpec> specs;
  for (const auto& entry : optimizer_catalog()) specs.push_back(make_optimizer(entry.name));
  specs.push_back(adamw({.common = {.state_format = StateFormat::bfloat16_stochastic}}));
  specs.push_back(muon({.common = {.state_format = StateFormat::bfloat16}}));
  for (auto& spec : specs) {
    SCOPED_TRACE(spec.name);
    spec.clip_norm = 0.5;  // needs all gradients
    LayeredObjective alone(1);
    Optimizer<float> optimizer(spec, layered_infos());
    take_steps(alone, optimizer, 0, 5);
    for (const SharedWork work : {SharedWork::matrices, SharedWork::all_state}) {
      expect_no_errors(run([&](ProcessGroup& group) {
        LayeredObjective objective(1);
        Optimizer<float> shared = shared_optimizer(spec, group, work);
        take_steps(objective, shared, 0, 5);
        EXPECT_EQ(values_of(objective), values_of(alone));
        const StateDict state = shared.state();
        EXPECT_TRUE(group.rank() > 0 || state == optimizer.state());
      }));
    }
  }
}

TEST(SharedStep, GradientsOfTensorsThatOtherRanksStepAreZeroedToo) {
  for (const char* name : {"muon", "adamw", "signsgd"}) {
    SCOPED_TRACE(name);
    expect_no_errors(run_ranks(2, [&](ProcessGroup& group) {
      LayeredObjective objective(1);
      Optimizer<float> shared = shared_optimizer(make_optimizer(name), group, SharedWork::all_state);
      (void)objective.gradient(Batch::number(2, 0, 4));
      (void)shared.step(objective.parameters(), StepOptions{.zero_gradients = true});
      for (const auto& p : objective.parameters())
        for (const float g : p.gradient) EXPECT_EQ(g, 0.0F) << p.info.name;
    }));
  }
}

TEST(SharedStep, AStateContinuesWithAnotherNumberOfRanks) {
  for (const char* name : {"muon", "adamw", "shampoo", "lion"}) {
    SCOPED_TRACE(name);
    const auto spec = make_optimizer(name);
    LayeredObjective alone(1);
    Optimizer<float> optimizer(spec, layered_infos());
    take_steps(alone, optimizer, 0, 6);

    StateDict saved;
    std::vector<float> values;
    const auto run_part = [&](int ranks, std::uint64_t first, std::uint64_t last) {
      const StateDict start = saved;
      const std::vector<float> start_values = values;
      expect_no_errors(run_ranks(ranks, [&](ProcessGroup& group) {
        LayeredObjective objective(1);
        Optimizer<float> shared = shared_optimizer(spec, group, SharedWork::all_state);
        if (first > 0) {
          shared.load_state(start);
          const float* from = start_values.data();
          for (const auto& p : objective.parameters()) {
            std::copy_n(from, p.value.size(), p.value.begin());
            from += p.value.size();
          }
        }
        take_steps(objective, shared, first, last);
        const StateDict state = shared.state();
        if (group.rank() > 0) return;
        saved = state;
        values = values_of(objective);
      }));
    };
    run_part(3, 0, 2);
    run_part(1, 2, 4);
    run_part(2, 4, 6);
    EXPECT_EQ(values, values_of(alone));
    EXPECT_EQ(saved, optimizer.state());
  }
}

TEST(SharedStep, EachRankKeepsOnlyTheStateOfItsTensors) {
  const auto spec = make_optimizer("adamw");
  expect_no_errors(run_ranks(3, [&](ProcessGroup& group) {
    Optimizer<float> shared = shared_optimizer(spec, group, SharedWork::all_state);
    LayeredObjective objective(1);
    take_steps(objective, shared, 0, 1);
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : shared.state().tensors) bytes += tensor.bytes.size();
    // Three ranks share 7 4 + 8 6 + 8 + 6 8 + 5 + 4 9 = 173 entries; no rank has more than 8 6 + 8 = 56 + the rest that
    // comes before all are filled. Rank 0's state() is everyone's.
    EXPECT_TRUE(group.rank() == 0 || bytes <= 2 * sizeof(float) * 64 + 6 * sizeof(std::int64_t)) << bytes;
  }));
}

TEST(SharedStep, OrthogonalizationsOfAGptAreSpreadByFlops) {
  const auto infos = gpt_parameters(gpt_preset("gpt2-124m"));
  const auto spec = make_optimizer("muon");
  for (const int ranks : {2, 3, 8}) {
    const auto owners = plan_owners(spec, infos, ranks, SharedWork::matrices);
    std::vector<double> flops(static_cast<std::size_t>(ranks));
    for (std::size_t i = 0; i < infos.size(); ++i) {
      EXPECT_EQ(owners[i] == kEveryRank, infos[i].role != Role::matrix) << infos[i].name;
      if (owners[i] == kEveryRank) continue;
      const auto r = static_cast<double>(std::min(infos[i].rows(), infos[i].cols()));
      flops[static_cast<std::size_t>(owners[i])] += r * static_cast<double>(infos[i].size());
    }
    const auto [least, most] = std::ranges::minmax(flops);
    // 12 layers with matrices of flops 1, 3, 4 and 4: the last one placed is the smallest.
    EXPECT_LE(most - least, 768.0 * 768.0 * 768.0) << ranks;
  }
}

TEST(SharedStep, WhatLooksAtAllTensorsStaysWithEveryRank) {
  for (const char* name : {"normalized-sgd", "adagrad-norm"}) {
    const auto spec = make_optimizer(name);
    const auto owners = plan_owners(spec, layered_infos(), 2, SharedWork::all_state);
    for (std::size_t i = 0; i < owners.size(); ++i) {
      EXPECT_TRUE(!looks_at_all_tensors(spec.recipe_for(layered_infos()[i])) || owners[i] == kEveryRank) << name;
    }
    EXPECT_TRUE(std::ranges::count(owners, kEveryRank) > 0) << name;
  }
  expect_no_errors(run_ranks(2, [](ProcessGroup& group) {
    const std::vector<int> split = {0, 1, 0, 1, 0, 1};
    EXPECT_THROW(Optimizer<float>(make_optimizer("adagrad-norm"), layered_infos(),
                                  make_step_sharing(group, layered_infos(), split)),
                 std::invalid_argument);
  }));
}

}  // namespace
}  // namespace normdescent::test
