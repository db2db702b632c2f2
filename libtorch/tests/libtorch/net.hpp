// SPDX-License-Identifier: Apache-2.0
// A small module with a tensor of each role, for the tests of the adapter.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/optimizer.h>

#include <vector>

#include "normdescent/base/philox.hpp"

namespace normdescent {

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

inline std::vector<float> values(const torch::nn::Module& module) {
  std::vector<float> all;
  for (const torch::Tensor& p : module.parameters()) {
    all.insert(all.end(), p.data_ptr<float>(), p.data_ptr<float>() + p.numel());
  }
  return all;
}

inline void run(Net& net, torch::optim::Optimizer& optimizer, std::int64_t first, std::int64_t last) {
  for (std::int64_t step = first; step < last; ++step) {
    optimizer.zero_grad();
    net.loss(step).backward();
    optimizer.step();
  }
}

}  // namespace normdescent
