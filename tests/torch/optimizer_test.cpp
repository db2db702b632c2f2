// SPDX-License-Identifier: Apache-2.0
#include "normdescent/torch/optimizer.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <omp.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>
#include <torch/optim/schedulers/step_lr.h>
#include <torch/optim/sgd.h>
#include <torch/serialize.h>

#include <functional>
#include <limits>
#include <memory>
#include <sstream>
#include <thread>

#include "normdescent/base/philox.hpp"
#include "normdescent/torch/gpt.hpp"
#include "normdescent/torch/module_objective.hpp"

namespace normdescent {
namespace {

/// One tensor of each role, an embedding among them; values from our generator, so that two of one seed are equal.
struct Net : torch::nn::Module {
  explicit Net(std::uint64_t seed) {
    table = register_module("table", torch::nn::Embedding(7, 5));
    hidden = register_module("hidden", torch::nn::Linear(5, 6));
    head = register_module("head", torch::nn::Linear(6, 4));
    const torch::NoGradGuard no_grad;
    Philox random(seed);
    for (const torch::Tensor& p : parameters()) {
      for (std::int64_t i = 0; i < p.numel(); ++i) p.view(-1)[i] = 0.5 * random.normal();
    }
  }
  torch::Tensor loss(std::int64_t step) {
    const auto rows = at::arange(3, at::kLong) + step % 4;
    const auto x = at::tanh(hidden(table(rows)));
    return (head(x) - 0.3 * static_cast<double>(step % 3)).square().mean();
  }
  torch::nn::Embedding table{nullptr};
  torch::nn::Linear hidden{nullptr};
  torch::nn::Linear head{nullptr};
};

std::vector<float> values(const torch::nn::Module& module) {
  std::vector<float> all;
  for (const torch::Tensor& p : module.parameters()) {
    all.insert(all.end(), p.data_ptr<float>(), p.data_ptr<float>() + p.numel());
  }
  return all;
}

void run(Net& net, torch::optim::Optimizer& optimizer, std::int64_t first, std::int64_t last) {
  for (std::int64_t step = first; step < last; ++step) {
    optimizer.zero_grad();
    net.loss(step).backward();
    optimizer.step();
  }
}

using Factory = std::function<std::unique_ptr<optim::SpecOptimizer>(const torch::nn::Module&)>;
struct Case {
  const char* name;
  OptimizerSpec spec;
  Factory make;
};
template <class Named, class Options>
Case make_case(const char* name, const Options& options, OptimizerSpec spec) {
  return {name, std::move(spec), [options](const torch::nn::Module& m) { return std::make_unique<Named>(m, options); }};
}

std::vector<Case> cases() {
  const SgdOptions sgd_options{.learning_rate = 0.05, .beta = 0.9, .nesterov = true, .decoupled_decay = 0.01};
  const NormalizedSgdOptions normalized{.learning_rate = 0.02, .beta = 0.5};
  const SignSgdOptions sign{.learning_rate = 1e-3};
  const SignumOptions signum_options{.learning_rate = 1e-3, .decoupled_decay = 0.1};
  const LionOptions lion_options{};
  const AdamWOptions adamw_options{};
  const MuonOptions muon_options{.learning_rate = 3e-3};
  return {make_case<optim::Sgd>("sgd", sgd_options, sgd(sgd_options)),
          make_case<optim::NormalizedSgd>("normalized-sgd", normalized, normalized_sgd(normalized)),
          make_case<optim::SignSgd>("signsgd", sign, signsgd(sign)),
          make_case<optim::Signum>("signum", signum_options, signum(signum_options)),
          make_case<optim::Lion>("lion", lion_options, lion(lion_options)),
          make_case<optim::AdamW>("adamw", adamw_options, adamw(adamw_options)),
          make_case<optim::Muon>("muon", muon_options, muon(muon_options)),
          make_case<optim::Muonlight>("muonlight", muon_options, muonlight(muon_options))};
}

TEST(TorchRoles, FollowModulesAndMayBeOverridden) {
  const Net net(1);
  const auto role_of = [&](const char* name, const RoleOverrides& overrides = {}) {
    for (const ModuleParameter& p : module_parameters(net, overrides)) {
      if (p.info.name == name) return p.info.role;
    }
    throw std::logic_error(name);
  };
  EXPECT_EQ(role_of("table.weight"), Role::embedding);
  EXPECT_EQ(role_of("hidden.weight"), Role::matrix);
  EXPECT_EQ(role_of("hidden.bias"), Role::vector);
  EXPECT_EQ(role_of("head.weight"), Role::head);
  EXPECT_EQ(role_of("head.bias"), Role::vector);
  EXPECT_EQ(role_of("head.weight", {{"head.weight", Role::matrix}}), Role::matrix);
  EXPECT_THROW((void)module_parameters(net, {{"haed.weight", Role::matrix}}), std::invalid_argument);
}

TEST(TorchRoles, TiedHeadIsOneEmbedding) {
  struct Tied : torch::nn::Module {
    Tied() {
      table = register_module("table", torch::nn::Embedding(7, 5));
      output = register_parameter("output", table->weight);
    }
    torch::nn::Embedding table{nullptr};
    torch::Tensor output;
  };
  const auto parameters = module_parameters(Tied());
  ASSERT_EQ(parameters.size(), 1U);
  EXPECT_EQ(parameters[0].info.role, Role::embedding);
}

TEST(TorchOptimizers, StepBitForBitLikeTheCore) {
  for (const Case& c : cases()) {
    Net net(3);
    Net twin(3);
    const auto adapter = c.make(net);
    FlatParameters flat(twin);
    std::vector<ParameterInfo> infos;
    for (const Parameter& p : flat.parameters()) infos.push_back(p.info);
    Optimizer<float> core(c.spec, infos);
    for (std::int64_t step = 0; step < 6; ++step) {
      run(net, *adapter, step, step + 1);
      flat.zero_gradients();
      twin.loss(step).backward();
      ASSERT_TRUE(core.step(flat.parameters()).finite);
      ASSERT_EQ(values(net), values(twin)) << c.name << " step " << step;
    }
    EXPECT_NE(values(net), values(Net(3))) << c.name;
  }
}

TEST(TorchOptimizers, ContinueBitForBitFromAnArchiveAndFromAStateDict) {
  for (const Case& c : cases()) {
    Net whole(4);
    const auto uninterrupted = c.make(whole);
    run(whole, *uninterrupted, 0, 3);
    std::stringstream archive;
    torch::save(*uninterrupted, archive);
    const StateDict state = uninterrupted->state_dict();
    Net from_archive(4);
    Net from_state(4);
    {
      const torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < whole.parameters().size(); ++i) {
        from_archive.parameters()[i].copy_(whole.parameters()[i]);
        from_state.parameters()[i].copy_(whole.parameters()[i]);
      }
    }
    const auto first = c.make(from_archive);
    torch::load(*first, archive);
    const auto second = c.make(from_state);
    second->load_state_dict(state);
    EXPECT_EQ(second->state_dict(), state) << c.name;
    run(whole, *uninterrupted, 3, 6);
    run(from_archive, *first, 3, 6);
    run(from_state, *second, 3, 6);
    EXPECT_EQ(values(whole), values(from_archive)) << c.name;
    EXPECT_EQ(values(whole), values(from_state)) << c.name;
  }
}

/// Largest difference between two parameters.
double distance(const Net& a, const Net& b) {
  const auto x = values(a);
  const auto y = values(b);
  double error = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) error = std::max(error, static_cast<double>(std::abs(x[i] - y[i])));
  return error;
}

// Values are below 2: one rounding is at most 2^-24 = 6e-8 of that, ten steps with a few operations each accumulate it;
// LibTorch orders operations differently and may contract them.
constexpr double kTrajectoryTolerance = 10 * 4 * 1.2e-7;

TEST(TorchOptimizers, SgdFollowsLibTorch) {
  Net ours(5);
  Net theirs(5);
  optim::Sgd mine(ours, {.learning_rate = 0.1, .beta = 0.9, .nesterov = true});
  torch::optim::SGD reference(theirs.parameters(), torch::optim::SGDOptions(0.1).momentum(0.9).nesterov(true));
  run(ours, mine, 0, 10);
  run(theirs, reference, 0, 10);
  EXPECT_LT(distance(ours, theirs), kTrajectoryTolerance);
  EXPECT_GT(distance(ours, Net(5)), 0.1);
}

TEST(TorchOptimizers, AdamWFollowsLibTorch) {
  Net ours(6);
  Net theirs(6);
  optim::AdamW mine(ours, {.learning_rate = 1e-2, .decoupled_decay = 0.1});
  torch::optim::AdamW reference(theirs.parameters(), torch::optim::AdamWOptions(1e-2).weight_decay(0.1));
  run(ours, mine, 0, 10);
  run(theirs, reference, 0, 10);
  EXPECT_LT(distance(ours, theirs), kTrajectoryTolerance);
  EXPECT_GT(distance(ours, Net(6)), 0.05);
}

TEST(TorchOptimizers, GroupsHaveTheirOwnLearningRateAndSchedulersChangeIt) {
  Net net(7);
  std::vector<optim::ParameterGroup> groups(2);
  for (ModuleParameter& p : module_parameters(net)) {
    groups[p.info.role == Role::vector ? 1 : 0].parameters.push_back(std::move(p));
  }
  groups[0].learning_rate = 0.5;
  groups[1].learning_rate = 0.25;
  optim::SignSgd optimizer(groups, SignSgdOptions{.learning_rate = 0.125});
  torch::optim::StepLR schedule(optimizer, /*step_size=*/1, /*gamma=*/0.5);
  const auto moved = [&](const torch::Tensor& p) {
    const torch::Tensor before = p.detach().clone();
    net.loss(1).backward();
    optimizer.step();
    return (p - before).abs().max().item<float>();
  };
  // Values are below 4 in size and steps are powers of two: the error is a rounding of the value, 2^-22.
  EXPECT_NEAR(moved(net.hidden->weight), 0.5, 3e-7);
  EXPECT_NEAR(moved(net.hidden->bias), 0.25, 3e-7);
  schedule.step();  // LibTorch's first call only counts
  schedule.step();
  EXPECT_NEAR(moved(net.hidden->weight), 0.25, 3e-7);
  EXPECT_NEAR(moved(net.hidden->bias), 0.125, 3e-7);
  EXPECT_EQ(optimizer.explain()[0].learning_rate, 0.25);

  optim::SignSgd restored(groups, SignSgdOptions{.learning_rate = 0.125});
  restored.load_state_dict(optimizer.state_dict());
  EXPECT_EQ(restored.param_groups()[1].options().get_lr(), 0.125);
  EXPECT_THROW(optim::SignSgd(net).load_state_dict(optimizer.state_dict()), std::invalid_argument);
}

TEST(TorchOptimizers, TensorsWithoutGradientStayAndNonContiguousGradientsWork) {
  Net net(8);
  optim::SignSgd optimizer(net, {.learning_rate = 0.5});
  net.hidden->weight.mutable_grad() = at::ones({5, 6}).t();
  optimizer.step();
  EXPECT_TRUE(at::equal(net.head->weight, Net(8).head->weight));
  EXPECT_TRUE(at::allclose(net.hidden->weight + 0.5, Net(8).hidden->weight));
}

TEST(TorchOptimizers, NonFiniteGradientChangesNothingInAnyGroup) {
  Net net(9);
  std::vector<optim::ParameterGroup> groups(2);
  for (ModuleParameter& p : module_parameters(net)) {
    groups[p.info.role == Role::vector ? 1 : 0].parameters.push_back(std::move(p));
  }
  groups[0].learning_rate = groups[1].learning_rate = 0.5;
  optim::SignSgd optimizer(groups, SignSgdOptions{});
  net.loss(0).backward();
  net.hidden->bias.mutable_grad()[2] = std::numeric_limits<float>::quiet_NaN();
  const auto before = values(net);
  optimizer.step();
  EXPECT_EQ(values(net), before);
  EXPECT_FALSE(optimizer.last_report().finite);
  EXPECT_EQ(optimizer.last_report().first_nonfinite_parameter, "hidden.bias");
}

TEST(TorchOptimizers, TensorsThatDoNotFitAreRefusedByName) {
  const auto expect = [](const std::function<void(Net&)>& change, const std::string& part) {
    Net net(1);
    try {
      change(net);
      optim::Sgd optimizer(net);
      net.table->weight.mutable_grad() = at::ones({7, 5}).to_sparse();
      optimizer.step();
      ADD_FAILURE() << "accepted: " << part;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  expect([](Net& net) { net.hidden->to(at::kDouble); }, "parameter 'hidden.weight': value is");
  expect(
      [](Net& net) {
        net.hidden->weight.set_data(at::ones({5, 6}).t());
      },
      "'hidden.weight': value is not contiguous");
  expect([](Net&) {}, "'table.weight': gradient is sparse");
}

TEST(TorchOptimizers, ClosureIsEvaluatedWithGradient) {
  Net net(2);
  optim::Sgd optimizer(net, {.learning_rate = 0.1});
  const auto loss = optimizer.step([&] {
    optimizer.zero_grad();
    auto value = net.loss(0);
    value.backward();
    return value;
  });
  EXPECT_TRUE(loss.defined());
  EXPECT_NE(values(net), values(Net(2)));
}

TEST(ModuleObjective, GradientAndLossAreThoseOfTheModule) {
  const auto net = std::make_shared<Net>(4);
  const auto twin = std::make_shared<Net>(4);
  ModuleObjective objective(net, {.loss = [&](const Batch& b) { return net->loss(static_cast<std::int64_t>(b.first)); },
                                  .validation_loss = [&] { return net->loss(2); }});
  const auto expected = twin->loss(1);
  expected.backward();
  EXPECT_EQ(objective.gradient({0, 1, 1}), expected.item<double>());
  EXPECT_EQ(objective.gradient({0, 1, 1}), expected.item<double>());
  std::size_t i = 0;
  for (const torch::Tensor& p : twin->parameters()) {
    const Parameter& ours = objective.parameters()[i++];
    EXPECT_TRUE(at::equal(p.grad(), at::from_blob(ours.gradient.data(), p.sizes(), at::kFloat))) << ours.info.name;
  }
  EXPECT_EQ(objective.validation_loss(), twin->loss(2).item<double>());
  // Steps on the flat buffer are steps of the module, and gradients that the module dropped come back.
  objective.parameters()[0].value[0] += 1.0F;
  EXPECT_NE(values(*net), values(*twin));
  net->zero_grad();
  for (torch::Tensor& p : net->parameters()) p.mutable_grad() = torch::Tensor();
  (void)objective.gradient({0, 1, 1});
  EXPECT_EQ(objective.parameters()[0].gradient.data(), net->table->weight.grad().data_ptr<float>());
}

TEST(ModuleObjective, KeepsTheThreadCountOfItsCaller) {
  // LibTorch's own count for a new thread is the process-wide one: 1, set by gpt_test.cpp, or the number of cores.
  for (const int wanted : {3, 2}) {
    int after = 0;
    std::thread([&] {
      omp_set_num_threads(wanted);
      const auto net = std::make_shared<Net>(4);
      ModuleObjective objective(net, {.loss = [&](const Batch&) { return net->loss(0); }, .validation_loss = nullptr});
      (void)objective.gradient({0, 1, 1});
      after = omp_get_max_threads();
    }).join();
    EXPECT_EQ(after, wanted);
  }
}

TEST(ModuleObjective, WorkersBesideEachOtherGiveTheBitsOfWorkersAlone) {
  const auto work = [](std::uint64_t seed) {
    omp_set_num_threads(1);
    const GptShape shape{.layers = 2, .width = 32, .heads = 2, .context = 16, .vocabulary = 64};
    Gpt gpt(shape, seed);
    ModuleObjective objective(
        gpt.ptr(), {.loss =
                        [&](const Batch& b) {
                          const auto tokens = at::arange(4 * 17, at::kLong) * 7;
                          return gpt->loss((tokens + static_cast<std::int64_t>(b.first)).remainder(64).view({4, 17}));
                        },
                    .validation_loss = nullptr});
    for (std::uint64_t step = 0; step < 5; ++step) {
      (void)objective.gradient({0, step, 1});
      for (const Parameter& p : objective.parameters()) {
        for (std::size_t i = 0; i < p.value.size(); ++i) p.value[i] -= 0.5F * p.gradient[i];
      }
    }
    return values(*gpt);
  };
  std::vector<float> alone_1, alone_2, beside_1, beside_2;
  std::thread([&] { alone_1 = work(1); }).join();
  std::thread([&] { alone_2 = work(2); }).join();
  std::thread other([&] { beside_2 = work(2); });
  std::thread([&] { beside_1 = work(1); }).join();
  other.join();
  EXPECT_EQ(alone_1, beside_1);
  EXPECT_EQ(alone_2, beside_2);
}

}  // namespace
}  // namespace normdescent
