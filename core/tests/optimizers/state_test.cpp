// SPDX-License-Identifier: Apache-2.0
// Saving, loading and continuing; and everything that a load must refuse without having changed anything.
#include <gtest/gtest.h>

#include <stdexcept>

#include "normdescent/optimizers/catalog.hpp"
#include "tensors.hpp"

namespace normdescent {
namespace {

// In step 1 the embedding has no gradient, so that its own step count falls behind the optimizer's.
template <class T>
void run(ParameterBuffer<T>& buffer, Optimizer<T>& optimizer, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t t = first; t < last; ++t) {
    fill_normal(buffer.gradients(), 7, t);
    auto parameters = std::vector(buffer.parameters().begin(), buffer.parameters().end());
    if (t == 1) parameters.front().gradient = {};
    optimizer.step(parameters);
  }
}

template <class T>
class Resume : public testing::Test {};
using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(Resume, Numbers);

TYPED_TEST(Resume, ContinuesWithTheSameBits) {
  using T = TypeParam;
  for (const auto& info : optimizer_catalog()) {
    const auto spec = make_optimizer(info.name);
    ParameterBuffer<T> whole(small_model());
    ParameterBuffer<T> halves(small_model());
    Optimizer<T> through(spec, small_model());
    Optimizer<T> first(spec, small_model());
    run(whole, through, 0, 7);
    run(halves, first, 0, 3);
    Optimizer<T> second(spec, small_model());
    second.load_state(first.state());
    EXPECT_EQ(second.steps_done(), 3);
    EXPECT_EQ(second.state(), first.state());
    run(halves, second, 3, 7);
    EXPECT_EQ(copy(whole.values()), copy(halves.values())) << info.name;
    EXPECT_EQ(through.state(), second.state()) << info.name;
  }
}

TEST(State, NamesEveryBufferByItsParameter) {
  const Optimizer<float> optimizer(muon(), small_model());
  const auto state = optimizer.state();
  EXPECT_EQ(state.metadata.at("optimizer"), "muon");
  EXPECT_EQ(state.metadata.at("steps"), "0");
  EXPECT_EQ(state.tensors.at("layer.weight/momentum").shape, (std::vector<Index>{6, 4}));
  EXPECT_EQ(state.tensors.at("layer.weight/momentum").dtype, "F32");
  EXPECT_EQ(state.tensors.at("embedding/second_moment").bytes.size(), 44 * sizeof(float));
  EXPECT_EQ(state.tensors.at("embedding/steps").dtype, "I64");
  EXPECT_EQ(state.tensors.size(), 2U + 3U * 3U);
}

// A state after some steps, a target that has gone elsewhere, and the promise that a refused load leaves it there.
class Refusal : public testing::Test {
 protected:
  Refusal() : buffer_(small_model()), source_(adamw(), small_model()), target_(adamw(), small_model()) {
    run(buffer_, source_, 0, 2);
    run(buffer_, target_, 5, 10);
    state_ = source_.state();
  }
  void expect_refused(const std::string& text) {
    const auto before = target_.state();
    try {
      target_.load_state(state_);
      ADD_FAILURE() << "accepted; expected: " << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
    EXPECT_EQ(target_.state(), before);
    EXPECT_EQ(target_.steps_done(), 5);
  }

  ParameterBuffer<float> buffer_;
  Optimizer<float> source_;
  Optimizer<float> target_;
  StateDict state_;
};

TEST_F(Refusal, AcceptsWhatItDoesNotRefuse) {
  target_.load_state(state_);
  EXPECT_EQ(target_.state(), state_);
}

TEST_F(Refusal, AnotherOptimizer) {
  state_ = Optimizer<float>(lion(), small_model()).state();
  expect_refused("optimizer = lion, must be adamw");
}

TEST_F(Refusal, AnotherRecipe) {
  state_ = Optimizer<float>(adamw({.beta2 = 0.95}), small_model()).state();
  expect_refused("recipe = ema(beta=0.9) adam(beta2=0.95, epsilon=1e-08), must be ema(beta=0.9) adam(beta2=0.999");
}

TEST_F(Refusal, AnotherFormat) {
  state_.metadata["format_version"] = "2";
  expect_refused("format_version = 2, must be 1");
}

TEST_F(Refusal, NoMetadata) {
  state_.metadata.clear();
  expect_refused("missing");
}

TEST_F(Refusal, AMissingTensor) {
  state_.tensors.erase("head/second_moment");
  expect_refused("head/second_moment is missing");
}

TEST_F(Refusal, AForeignTensor) {
  state_.tensors["other/momentum"] = state_.tensors.at("head/momentum");
  expect_refused("16 tensors, must be 15");
}

TEST_F(Refusal, AnotherShapeOfTheSameSize) {
  state_.tensors.at("layer.weight/momentum").shape = {4, 6};
  expect_refused("layer.weight/momentum = F32 [4, 6]");
}

TEST_F(Refusal, ATruncatedTensor) {
  state_.tensors.at("layer.bias/momentum").bytes.pop_back();
  expect_refused("layer.bias/momentum = F32 [6] in 23 bytes");
}

TEST_F(Refusal, AnotherNumberType) {
  state_ = Optimizer<double>(adamw(), small_model()).state();
  expect_refused("F64");
}

TEST_F(Refusal, AStepCountThatIsNoCount) {
  for (const char* steps : {"-1", "3x", "", "1e3"}) {
    state_.metadata["steps"] = steps;
    expect_refused("steps = ");
  }
}

TEST_F(Refusal, ANegativeStepCountOfAParameter) {
  state_.tensors.at("head/steps").bytes.assign(8, std::byte{0xFF});
  expect_refused("head/steps = -1, must be >= 0");
}

TEST(State, LearningRateAndDecayMayChangeBetweenRuns) {
  ParameterBuffer<float> buffer(small_model());
  Optimizer<float> first(lion({.learning_rate = 1e-3}), small_model());
  run(buffer, first, 0, 2);
  Optimizer<float> second(lion({.learning_rate = 1e-4, .decoupled_decay = 0.1}), small_model());
  second.load_state(first.state());
  EXPECT_EQ(second.steps_done(), 2);
}

}  // namespace
}  // namespace normdescent
