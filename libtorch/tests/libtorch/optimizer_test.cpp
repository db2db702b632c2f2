// SPDX-License-Identifier: Apache-2.0
#include "normdescent/libtorch/optimizer.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <omp.h>
#include <torch/optim/schedulers/step_lr.h>
#include <torch/serialize.h>

#include <functional>
#include <limits>
#include <memory>
#include <sstream>
#include <thread>

#include "libtorch/net.hpp"
#include "normdescent/libtorch/module_objective.hpp"
#include "support/torch_gpt.hpp"

namespace normdescent {
namespace {

std::vector<OptimizerSpec> catalog_specs() {
  std::vector<OptimizerSpec> specs;
  for (const OptimizerInfo& info : optimizer_catalog()) specs.push_back(make_optimizer(info.name));
  return specs;
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

// The name that comes first is the head's, the tensor is still the embedding's.
TEST(TorchRoles, TiedHeadThatIsRegisteredFirstIsAnEmbedding) {
  struct Head : torch::nn::Module {
    explicit Head(const torch::Tensor& weight) { register_parameter("weight", weight); }
  };
  struct Tied : torch::nn::Module {
    Tied() {
      const torch::nn::Embedding table(7, 5);
      register_module("lm_head", std::make_shared<Head>(table->weight));
      register_module("table", table);
    }
  };
  const auto parameters = module_parameters(Tied());
  ASSERT_EQ(parameters.size(), 1U);
  EXPECT_EQ(parameters[0].info.name, "lm_head.weight");
  EXPECT_EQ(parameters[0].info.role, Role::embedding);
}

TEST(TorchOptimizers, StepBitForBitLikeTheCore) {
  for (const OptimizerSpec& spec : catalog_specs()) {
    Net net(3);
    Net twin(3);
    optim::SpecOptimizer adapter(net, spec);
    FlatParameters flat(twin);
    std::vector<ParameterInfo> infos;
    for (const Parameter& p : flat.parameters()) infos.push_back(p.info);
    Optimizer<float> core(spec, infos);
    for (std::int64_t step = 0; step < 6; ++step) {
      run(net, adapter, step, step + 1);
      flat.zero_gradients();
      twin.loss(step).backward();
      ASSERT_TRUE(core.step(flat.parameters()).finite);
      ASSERT_EQ(values(net), values(twin)) << spec.name << " step " << step;
    }
    EXPECT_NE(values(net), values(Net(3))) << spec.name;
  }
}

TEST(TorchOptimizers, ContinueBitForBitFromAnArchiveAndFromAStateDict) {
  for (const OptimizerSpec& spec : catalog_specs()) {
    Net whole(4);
    optim::SpecOptimizer uninterrupted(whole, spec);
    run(whole, uninterrupted, 0, 3);
    std::stringstream archive;
    torch::save(uninterrupted, archive);
    const StateDict state = uninterrupted.state_dict();
    Net from_archive(4);
    Net from_state(4);
    {
      const torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < whole.parameters().size(); ++i) {
        from_archive.parameters()[i].copy_(whole.parameters()[i]);
        from_state.parameters()[i].copy_(whole.parameters()[i]);
      }
    }
    optim::SpecOptimizer first(from_archive, spec);
    torch::load(first, archive);
    optim::SpecOptimizer second(from_state, spec);
    second.load_state_dict(state);
    EXPECT_EQ(second.state_dict(), state) << spec.name;
    run(whole, uninterrupted, 3, 6);
    run(from_archive, first, 3, 6);
    run(from_state, second, 3, 6);
    EXPECT_EQ(values(whole), values(from_archive)) << spec.name;
    EXPECT_EQ(values(whole), values(from_state)) << spec.name;
  }
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

TEST(TorchOptimizers, GroupsMayHaveOptionsOfTheirOwn) {
  Net net(7);
  std::vector<optim::ParameterGroup> groups(2);
  for (ModuleParameter& p : module_parameters(net)) {
    groups[p.info.role == Role::vector ? 1 : 0].parameters.push_back(std::move(p));
  }
  groups[1].spec = sgd({.learning_rate = 0.5, .decoupled_decay = 0.0});
  optim::SpecOptimizer optimizer({groups[0]}, sgd({.learning_rate = 0.25, .decoupled_decay = 1.0}));
  optimizer.add_group(groups[1]);
  for (const torch::Tensor& p : net.parameters()) p.mutable_grad() = at::zeros_like(p);
  optimizer.step();
  EXPECT_TRUE(at::equal(net.hidden->weight, 0.75 * Net(7).hidden->weight));  // 1 - eta lambda
  EXPECT_TRUE(at::equal(net.hidden->bias, Net(7).hidden->bias));
  optimizer.set_spec(1, sgd({.learning_rate = 1.0, .decoupled_decay = 1.0}));
  EXPECT_EQ(optimizer.param_groups()[1].options().get_lr(), 0.5);
  optimizer.step();
  EXPECT_TRUE(at::equal(net.hidden->bias, 0.5 * Net(7).hidden->bias));
  optimizer.add_param_group(torch::optim::OptimizerParamGroup({at::ones({2}, at::requires_grad())}));
  EXPECT_THROW(optimizer.step(), std::invalid_argument);
}

template <class Named>
void expect_named(const char* name) {
  const Net net(1);
  const Named named(net);
  const optim::SpecOptimizer from_catalog(net, make_optimizer(name));
  EXPECT_EQ(named.state_dict(), from_catalog.state_dict()) << name;
  EXPECT_EQ(named.explain()[1].recipe, from_catalog.explain()[1].recipe) << name;
}

TEST(TorchOptimizers, NamedClassesAreTheirCatalogEntries) {
  expect_named<optim::Sgd>("sgd");
  expect_named<optim::NormalizedSgd>("normalized-sgd");
  expect_named<optim::SignSgd>("signsgd");
  expect_named<optim::Signum>("signum");
  expect_named<optim::Lion>("lion");
  expect_named<optim::AdamW>("adamw");
  expect_named<optim::RowNormalizedSgd>("row-normalized-sgd");
  expect_named<optim::AdaGrad>("adagrad");
  expect_named<optim::AdaGradNorm>("adagrad-norm");
  expect_named<optim::MarsLion>("mars-lion");
  expect_named<optim::MarsAdamW>("mars-adamw");
  expect_named<optim::Scion>("scion");
  expect_named<optim::ScionConstrained>("scion-constrained");
  expect_named<optim::LionMuon>("lionmuon");
  expect_named<optim::Asgo>("asgo");
  expect_named<optim::Shampoo>("shampoo");
  expect_named<optim::Muon>("muon");
  expect_named<optim::Muonlight>("muonlight");
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
  expect([](Net& net) { net.hidden->to(at::kComplexFloat); }, "parameter 'hidden.weight': value is");
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

// Variance reduction compares with the gradient of the same mini-batch at the previous point.
TEST(TorchOptimizers, ClosureGivesGradientsAtSeveralPoints) {
  for (const char* correction : {"variance-reduction", "extrapolation"}) {
    const auto spec = make_optimizer("sgd", {{"learning_rate", "0.1"}, {"beta", "0.5"}, {"correction", correction}});
    Net net(3);
    Net twin(3);
    optim::SpecOptimizer adapter(net, spec);
    FlatParameters flat(twin);
    std::vector<ParameterInfo> infos;
    for (const Parameter& p : flat.parameters()) infos.push_back(p.info);
    Optimizer<float> core(spec, infos);
    for (std::int64_t step = 0; step < 4; ++step) {
      int calls = 0;
      adapter.step([&] {
        ++calls;
        adapter.zero_grad();
        auto loss = net.loss(step);
        loss.backward();
        return loss;
      });
      EXPECT_EQ(calls, std::string(correction) == "variance-reduction" && step > 0 ? 2 : 1) << step;
      core.step(flat.parameters(), [&] {
        flat.zero_gradients();
        twin.loss(step).backward();
      });
      ASSERT_EQ(values(net), values(twin)) << correction << " step " << step;
    }
    EXPECT_THROW(adapter.step(), std::invalid_argument);
    const auto before = values(net);
    EXPECT_THROW(adapter.step([]() -> torch::Tensor { throw std::runtime_error("no data"); }), std::runtime_error);
    EXPECT_EQ(values(net), before);
    adapter.add_group({.parameters = {{{"other", {2}}, at::ones({2}, at::requires_grad())}}});
    EXPECT_THROW(adapter.step([&] { return net.loss(0); }), std::invalid_argument);
  }
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
