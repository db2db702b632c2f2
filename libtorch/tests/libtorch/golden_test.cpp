// SPDX-License-Identifier: Apache-2.0
// Trajectories of LibTorch's own optimizers: ours, given the same options, must follow them.
#include <gtest/gtest.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>

#include "libtorch/net.hpp"
#include "normdescent/libtorch/optimizer.hpp"

namespace normdescent {
namespace {

using TextOptions = std::map<std::string, std::string>;

/// Largest difference between two parameters.
double distance(const Net& a, const Net& b) {
  const auto x = values(a);
  const auto y = values(b);
  double error = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) error = std::max(error, static_cast<double>(std::abs(x[i] - y[i])));
  return error;
}

constexpr std::int64_t kSteps = 10;
// Values are below 2: one rounding is at most 2^-24 = 6e-8 of that, ten steps with a few operations each accumulate it;
// LibTorch orders operations differently and may contract them.
constexpr double kTrajectoryTolerance = kSteps * 4 * 1.2e-7;

/// Trains two equal nets, one with `name` of our catalog, one with LibTorch's optimizer, and compares the ends.
template <class Theirs, class TheirOptions>
void expect_same_trajectory(const std::string& name, const TextOptions& options, const TheirOptions& their_options) {
  Net ours(5);
  Net theirs(5);
  optim::SpecOptimizer mine(ours, make_optimizer(name, options));
  Theirs reference(theirs.parameters(), their_options);
  run(ours, mine, 0, kSteps);
  run(theirs, reference, 0, kSteps);
  const double error = distance(ours, theirs);
  EXPECT_LT(error, kTrajectoryTolerance) << name;
  EXPECT_GT(distance(ours, Net(5)), 0.02) << name << " did not move";
  testing::Test::RecordProperty(name + " share of the allowed error", std::to_string(error / kTrajectoryTolerance));
}

TEST(TorchGolden, SgdFollowsLibTorch) {
  using torch::optim::SGD;
  using torch::optim::SGDOptions;
  expect_same_trajectory<SGD>("sgd", {{"learning_rate", "0.1"}}, SGDOptions(0.1));
  expect_same_trajectory<SGD>("sgd", {{"learning_rate", "0.1"}, {"beta", "0.9"}}, SGDOptions(0.1).momentum(0.9));
  expect_same_trajectory<SGD>("sgd", {{"learning_rate", "0.1"}, {"beta", "0.9"}, {"nesterov", "true"}},
                              SGDOptions(0.1).momentum(0.9).nesterov(true));
}

// LibTorch's SGD has only the coupled penalty. Without momentum and at a constant rate the two are the same formula:
// x - eta (g + lambda x) = (1 - eta lambda) x - eta g.
TEST(TorchGolden, DecoupledDecayOfPlainSgdIsLibTorchsPenalty) {
  expect_same_trajectory<torch::optim::SGD>("sgd", {{"learning_rate", "0.1"}, {"decoupled_decay", "0.5"}},
                                            torch::optim::SGDOptions(0.1).weight_decay(0.5));
}

TEST(TorchGolden, PenaltyIsLibTorchsWeightDecayOfSgd) {
  expect_same_trajectory<torch::optim::SGD>("sgd", {{"learning_rate", "0.1"}, {"beta", "0.9"}, {"l2_penalty", "0.1"}},
                                            torch::optim::SGDOptions(0.1).momentum(0.9).weight_decay(0.1));
}

TEST(TorchGolden, AdamWFollowsLibTorch) {
  using torch::optim::AdamW;
  using torch::optim::AdamWOptions;
  for (const char* decay : {"0", "0.1"}) {
    expect_same_trajectory<AdamW>("adamw", {{"learning_rate", "0.01"}, {"decoupled_decay", decay}},
                                  AdamWOptions(1e-2).weight_decay(std::stod(decay)));
  }
}

TEST(TorchGolden, AdaGradFollowsLibTorch) {
  // LibTorch divides by sqrt(sum) + 1e-10.
  expect_same_trajectory<torch::optim::Adagrad>("adagrad", {{"learning_rate", "0.05"}, {"delta", "1e-10"}},
                                                torch::optim::AdagradOptions(0.05).eps(1e-10));
}

}  // namespace
}  // namespace normdescent
