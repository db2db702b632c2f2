// SPDX-License-Identifier: Apache-2.0
// Tensors as they come: other types, strides, groups, ties, and what is refused.
#include "normdescent/libtorch/tensor_optimizer.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <string>

#include "libtorch/net.hpp"
#include "normdescent/optimizers/bfloat16_optimizer.hpp"
#include "normdescent/optimizers/catalog.hpp"

namespace normdescent {
namespace {

constexpr std::array<double, 1> kOne{1.0};

/// A matrix of this type whose gradient at every step is its own tanh.
struct Matrix {
  explicit Matrix(at::ScalarType type, bool transposed = false) {
    const auto start = at::sin(at::arange(12, at::kDouble)).view({3, 4}).to(type);
    tensor = transposed ? start.t().contiguous().t() : start;
  }
  void set_gradient() { tensor.mutable_grad() = at::tanh(tensor.detach().to(at::kDouble)).to(tensor.scalar_type()); }
  [[nodiscard]] ModuleParameter parameter(const std::string& name = "w") const {
    return {{name, tensor.sizes().vec(), Role::matrix}, tensor};
  }
  at::Tensor tensor;
};

TensorOptimizer on(const OptimizerSpec& spec, const Matrix& matrix) {
  TensorOptimizer optimizer;
  optimizer.add_group(spec, {matrix.parameter()});
  return optimizer;
}

void train(TensorOptimizer& optimizer, Matrix& matrix, int steps) {
  for (int t = 0; t < steps; ++t) {
    matrix.set_gradient();
    ASSERT_TRUE(optimizer.step(kOne).finite);
  }
}

/// What `action` throws, which must be std::invalid_argument.
template <class Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing";
}

#define EXPECT_REFUSED(statement, part) \
  EXPECT_NE(refusal([&] { statement; }).find(part), std::string::npos) << refusal([&] { statement; })

TEST(TensorOptimizer, DoubleStepsBitForBitLikeTheCore) {
  for (const OptimizerInfo& info : optimizer_catalog()) {
    const OptimizerSpec spec = make_optimizer(info.name);
    Matrix ours(at::kDouble);
    Matrix theirs(at::kDouble);
    auto optimizer = on(spec, ours);
    Optimizer<double> core(spec, {theirs.parameter().info});
    for (int t = 0; t < 4; ++t) {
      train(optimizer, ours, 1);
      theirs.set_gradient();
      const BasicParameter<double> p{theirs.parameter().info,
                                     {theirs.tensor.data_ptr<double>(), 12},
                                     {theirs.tensor.grad().data_ptr<double>(), 12}};
      ASSERT_TRUE(core.step({&p, 1}).finite);
    }
    EXPECT_TRUE(at::equal(ours.tensor, theirs.tensor)) << info.name;
    EXPECT_FALSE(at::equal(ours.tensor, Matrix(at::kDouble).tensor)) << info.name;
  }
}

TEST(TensorOptimizer, StridesDoNotChangeTheResult) {
  for (const OptimizerInfo& info : optimizer_catalog()) {
    Matrix plain(at::kFloat);
    Matrix strided(at::kFloat, /*transposed=*/true);
    ASSERT_FALSE(strided.tensor.is_contiguous());
    auto first = on(make_optimizer(info.name), plain);
    auto second = on(make_optimizer(info.name), strided);
    train(first, plain, 4);
    train(second, strided, 4);
    EXPECT_TRUE(at::equal(plain.tensor, strided.tensor)) << info.name;
    EXPECT_FALSE(strided.tensor.is_contiguous());
  }
}

TEST(TensorOptimizer, LowPrecisionIsTheRoundedFloatRun) {
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    for (const OptimizerInfo& info : optimizer_catalog()) {
      Matrix low(type);
      Matrix twin(at::kFloat);  // starts from the same numbers and gets the same gradients
      twin.tensor.copy_(low.tensor);
      auto first = on(make_optimizer(info.name), low);
      auto second = on(make_optimizer(info.name), twin);
      for (int t = 0; t < 5; ++t) {
        train(first, low, 1);
        twin.tensor.mutable_grad() = low.tensor.grad().to(at::kFloat);
        ASSERT_TRUE(second.step(kOne).finite);
        ASSERT_TRUE(at::equal(low.tensor, twin.tensor.to(type))) << info.name << " step " << t;
      }
    }
  }
}

// bfloat16 has 8 bits: next to 1, steps of 2^-10 are a quarter of half a unit. Without the master copy nothing would
// ever move.
TEST(TensorOptimizer, StepsBelowTheLastPlaceOfBfloat16AddUp) {
  Matrix ones(at::kBFloat16);
  ones.tensor.fill_(1.0);
  auto optimizer = on(signsgd({.learning_rate = 0x1p-10}), ones);
  train(optimizer, ones, 64);
  EXPECT_TRUE(at::equal(ones.tensor, at::full({3, 4}, 1.0 - 64 * 0x1p-10, at::kBFloat16)));
  // Somebody else's change of an entry is taken over, and only there.
  ones.tensor[0][0] = 3.0;
  train(optimizer, ones, 64);
  EXPECT_EQ(ones.tensor[0][0].item<double>(), at::full({}, 3.0 - 64 * 0x1p-10, at::kBFloat16).item<double>());
  EXPECT_EQ(ones.tensor[1][1].item<double>(), 1.0 - 128 * 0x1p-10);
}

TEST(TensorOptimizer, LowPrecisionContinuesBitForBitFromItsState) {
  for (const OptimizerInfo& info : optimizer_catalog()) {
    Matrix whole(at::kBFloat16);
    auto optimizer = on(make_optimizer(info.name), whole);
    train(optimizer, whole, 3);
    Matrix part(at::kBFloat16);
    part.tensor.copy_(whole.tensor);
    auto resumed = on(make_optimizer(info.name), part);
    resumed.load_state(optimizer.state());
    EXPECT_EQ(resumed.state(), optimizer.state());
    train(optimizer, whole, 3);
    train(resumed, part, 3);
    EXPECT_TRUE(at::equal(whole.tensor, part.tensor)) << info.name;
    EXPECT_EQ(resumed.state(), optimizer.state()) << info.name;
  }
}

TEST(TensorOptimizer, StochasticRoundingKeepsNoMasterAndHasTheBitsOfTheCore) {
  const auto spec = signum(
      {.learning_rate = 1e-3, .common = {.bfloat16_rounding = Bfloat16Rounding::stochastic, .rounding_seed = 7}});
  Matrix matrix(at::kBFloat16);
  TensorOptimizer optimizer = on(spec, matrix);
  ParameterBuffer<Bfloat16> buffer({matrix.parameter().info});
  Bfloat16Optimizer core(spec, {matrix.parameter().info});
  std::memcpy(buffer.values().data(), matrix.tensor.data_ptr(), 24);
  for (int t = 0; t < 5; ++t) {
    matrix.set_gradient();
    std::memcpy(buffer.gradients().data(), matrix.tensor.grad().data_ptr(), 24);
    optimizer.step(kOne);
    core.step(buffer.parameters());
    EXPECT_EQ(std::memcmp(buffer.values().data(), matrix.tensor.data_ptr(), 24), 0) << t;
  }
  EXPECT_FALSE(optimizer.state().tensors.contains("w/master"));
  EXPECT_EQ(optimizer.state().tensors.at("w/momentum"), core.state().tensors.at("w/momentum"));
}

TEST(TensorOptimizer, TypesMayBeMixedInAGroup) {
  Matrix single(at::kFloat);
  Matrix precise(at::kDouble);
  Matrix low(at::kBFloat16);
  TensorOptimizer optimizer;
  optimizer.add_group(signsgd({.learning_rate = 0.25}),
                      {single.parameter("a"), precise.parameter("b"), low.parameter("c")});
  for (Matrix* m : {&single, &precise, &low}) m->set_gradient();
  ASSERT_TRUE(optimizer.step(kOne).finite);
  for (const Matrix* m : {&single, &precise, &low}) {
    const at::Tensor start = Matrix(m->tensor.scalar_type()).tensor;
    EXPECT_TRUE(at::allclose(start - 0.25 * at::sign(start), m->tensor, 0.0, 0.01));
  }
  EXPECT_EQ(optimizer.explain(kOne).size(), 3U);
  TensorOptimizer twin;
  twin.add_group(signsgd({}), {single.parameter("a"), precise.parameter("b"), low.parameter("c")});
  twin.load_state(optimizer.state());
  EXPECT_EQ(twin.state(), optimizer.state());
}

TEST(TensorOptimizer, TiedTensorCountsOnce) {
  Matrix tied(at::kFloat);
  TensorOptimizer optimizer;
  optimizer.add_group(signsgd({.learning_rate = 0.25}), {tied.parameter("table"), tied.parameter("head")});
  tied.tensor.mutable_grad() = at::ones({3, 4});
  ASSERT_TRUE(optimizer.step(kOne).finite);
  EXPECT_TRUE(at::equal(tied.tensor, Matrix(at::kFloat).tensor - 0.25));
  EXPECT_REFUSED(optimizer.add_group(signsgd({}), {tied.parameter("again")}),
                 "'again': is in group 0 already, as 'table'");
  EXPECT_REFUSED(optimizer.add_group(signsgd({}), {Matrix(at::kFloat).parameter("table")}), "'table': group 0");
  EXPECT_EQ(optimizer.group_count(), 1U);
}

TEST(TensorOptimizer, NonFiniteGradientOfAnyArithmeticChangesNothing) {
  Matrix single(at::kFloat);
  Matrix precise(at::kDouble);
  TensorOptimizer optimizer;
  optimizer.add_group(adamw({}), {single.parameter("a"), precise.parameter("b")});
  single.set_gradient();
  precise.set_gradient();
  precise.tensor.mutable_grad()[1][1] = std::numeric_limits<double>::infinity();
  const StateDict before = optimizer.state();
  const StepReport report = optimizer.step(kOne);
  EXPECT_FALSE(report.finite);
  EXPECT_EQ(report.first_nonfinite_parameter, "b");
  EXPECT_EQ(optimizer.state(), before);
  EXPECT_TRUE(at::equal(single.tensor, Matrix(at::kFloat).tensor));
}

TEST(TensorOptimizer, StopEndsTheRunOfEveryGroup) {
  Matrix single(at::kFloat);
  Matrix precise(at::kDouble);
  const auto spec = make_optimizer("sgd", {{"on_nonfinite", "stop"}});
  TensorOptimizer optimizer;
  optimizer.add_group(spec, {single.parameter("a"), precise.parameter("b")});
  single.set_gradient();
  precise.set_gradient();
  precise.tensor.mutable_grad()[0][0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(optimizer.step(kOne).stopped);
  precise.set_gradient();
  EXPECT_TRUE(optimizer.step(kOne).stopped);
  EXPECT_TRUE(at::equal(single.tensor, Matrix(at::kFloat).tensor));
  EXPECT_TRUE(at::equal(precise.tensor, Matrix(at::kDouble).tensor));
}

TEST(TensorOptimizer, OptionsOfAGroupMayChangeWhileItsStateStays) {
  Matrix changed(at::kFloat);
  auto optimizer = on(signum({.learning_rate = 0.125, .beta = 0.5}), changed);
  changed.tensor.mutable_grad() = at::ones({3, 4});
  ASSERT_TRUE(optimizer.step(kOne).finite);
  optimizer.set_spec(0, signum({.learning_rate = 0.125, .beta = 0.25}));
  // m = 0.5 after the first step; -0.15 would win against a fresh m, but not against 0.25 * 0.5.
  changed.tensor.mutable_grad() = at::full({3, 4}, -0.15);
  ASSERT_TRUE(optimizer.step(kOne).finite);
  EXPECT_TRUE(at::allclose(changed.tensor, Matrix(at::kFloat).tensor - 0.25, 0.0, 1e-6));
  EXPECT_REFUSED(optimizer.set_spec(0, adamw({})), "optimizer = signum, must be adamw");
  auto plain = on(sgd({}), changed);
  EXPECT_REFUSED(plain.set_spec(0, sgd({.beta = 0.9})), "w/momentum is missing");
}

TEST(TensorOptimizer, StatesOfOthersChangeNothing) {
  Matrix matrix(at::kBFloat16);
  auto optimizer = on(signum({}), matrix);
  train(optimizer, matrix, 2);
  const StateDict good = optimizer.state();
  const auto refused = [&](const char* part, auto change) {
    StateDict bad = good;
    change(bad);
    EXPECT_REFUSED(optimizer.load_state(bad), part);
    EXPECT_EQ(optimizer.state(), good) << part;
  };
  refused("w/master is missing", [](StateDict& s) { s.tensors.erase("w/master"); });
  refused("w/master has another", [](StateDict& s) {
    s.tensors["w/master"] = s.tensors.at("w/momentum"), s.tensors["w/master"].shape = {4, 3};
  });
  refused("48 bytes", [](StateDict& s) { s.tensors["w/master"].shape = {2, 4}; });
  refused("w/momentum is missing", [](StateDict& s) { s.tensors.erase("w/momentum"); });
  refused("holds more", [](StateDict& s) { s.tensors["v/momentum"] = s.tensors.at("w/momentum"); });
  refused("holds more", [](StateDict& s) { s.metadata["group.1.float32.optimizer"] = "signum"; });
  refused("must be signum", [](StateDict& s) { s.metadata["group.0.float32.optimizer"] = "lion"; });
  EXPECT_REFUSED(optimizer.load_state({}), "w/master is missing");
}

TEST(TensorOptimizer, WhatCannotBeSteppedIsRefusedByName) {
  const auto refused_value = [](const at::Tensor& tensor, const char* part) {
    TensorOptimizer optimizer;
    EXPECT_REFUSED(optimizer.add_group(sgd({}), {{{"w", tensor.sizes().vec(), Role::matrix}, tensor}}), part);
    EXPECT_EQ(optimizer.group_count(), 0U);
  };
  refused_value(at::ones({2, 2}, at::kComplexFloat), "'w': value is CPUComplexFloatType");
  refused_value(at::ones({2, 2}, at::kLong), "'w': value is CPULongType");
  refused_value(at::ones({2, 2}).to_sparse(), "'w': value is SparseCPUFloatType, must be dense");
  refused_value(at::ones({2, 2}, at::device(at::kMeta)), "must be on a CPU or a CUDA device");

  const auto refused_gradient = [](const at::Tensor& gradient, const char* part) {
    Matrix matrix(at::kFloat);
    auto optimizer = on(sgd({}), matrix);
    matrix.tensor.mutable_grad() = gradient;
    EXPECT_REFUSED((void)optimizer.step(kOne), part);
    EXPECT_TRUE(at::equal(matrix.tensor, Matrix(at::kFloat).tensor));
  };
  refused_gradient(at::ones({3, 4}).to_sparse(), "'w': gradient is sparse");
  refused_gradient(at::ones({3, 4}, at::kComplexFloat), "'w': gradient is CPUComplexFloatType");
  refused_gradient(at::ones({3, 4}, at::device(at::kMeta)), "'w': gradient is on meta");
  refused_gradient(at::ones({4, 3}), "'w': gradient has another shape");

  Matrix matrix(at::kFloat);
  auto optimizer = on(sgd({}), matrix);
  matrix.tensor.set_data(matrix.tensor.to(at::kDouble));
  EXPECT_REFUSED((void)optimizer.step(kOne), "'w': its type or shape is not");
  EXPECT_REFUSED((void)optimizer.step({}), "learning rates: 0 of them");

  TensorOptimizer vector;
  EXPECT_REFUSED(vector.add_group(muon({}), {{{"bias", {4}, Role::matrix}, at::ones({4})}}), "bias");
  EXPECT_REFUSED(vector.add_group(muon({}), {}), "must have at least one");
}

TEST(TensorOptimizer, CudaTensorsTakeTheSameSteps) {
  if (!at::hasCUDA()) GTEST_SKIP() << "LibTorch sees no CUDA device";
  for (const OptimizerInfo& info : optimizer_catalog()) {
    Matrix host(at::kFloat);
    Matrix device(at::kFloat);
    device.tensor = device.tensor.to(at::kCUDA);
    auto first = on(make_optimizer(info.name), host);
    auto second = on(make_optimizer(info.name), device);
    for (int t = 0; t < 4; ++t) {
      train(first, host, 1);
      device.tensor.mutable_grad() = host.tensor.grad().to(at::kCUDA);
      ASSERT_TRUE(second.step(kOne).finite);
    }
    EXPECT_TRUE(at::equal(host.tensor, device.tensor.to(at::kCPU))) << info.name;
  }
}

// The Python classes build specs at rate 1 and scale them: that is the spec at another rate only if no rule has a rate
// of its own.
TEST(TensorOptimizer, EveryRateOfACatalogSpecScalesWithTheLearningRate) {
  for (const OptimizerInfo& info : optimizer_catalog()) {
    const OptimizerSpec one = make_optimizer(info.name, {{"learning_rate", "1"}});
    const OptimizerSpec half = make_optimizer(info.name, {{"learning_rate", "0.5"}});
    EXPECT_EQ(one.with_learning_rate_scaled(0.5).fallback, half.fallback) << info.name;
    ASSERT_EQ(one.routes.size(), half.routes.size());
    for (std::size_t i = 0; i < one.routes.size(); ++i) {
      EXPECT_EQ(one.with_learning_rate_scaled(0.5).routes[i].recipe, half.routes[i].recipe) << info.name;
    }
  }
}

}  // namespace
}  // namespace normdescent
