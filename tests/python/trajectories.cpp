// SPDX-License-Identifier: Apache-2.0
// The C++ side of the comparison with Python: trains a small net with every optimizer of the catalog in every type and
// writes the parameters at the end, as raw numbers, to FOLDER/<optimizer>.<type>. test_trajectories.py does the same.
#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

#include <fstream>
#include <string>
#include <utility>

#include "normdescent/torch/optimizer.hpp"

namespace {

constexpr int kSteps = 6;

struct Net : torch::nn::Module {
  Net() {
    table = register_module("table", torch::nn::Embedding(7, 5));
    hidden = register_module("hidden", torch::nn::Linear(5, 6));
    head = register_module("head", torch::nn::Linear(6, 4));
    const torch::NoGradGuard no_grad;
    double frequency = 1.0;
    for (const torch::Tensor& p : parameters()) {
      const at::Tensor start = at::sin(at::arange(p.numel(), at::kDouble) * frequency + 0.3) * 0.5;
      p.copy_(start.view(p.sizes()));
      frequency += 1.0;
    }
  }
  torch::Tensor loss(int step) {
    const at::Tensor x = at::tanh(hidden(table(at::arange(3, at::kLong) + step % 4)));
    return (head(x) - 0.3 * (step % 3)).square().mean();
  }
  torch::nn::Embedding table{nullptr};
  torch::nn::Linear hidden{nullptr};
  torch::nn::Linear head{nullptr};
};

void train(const std::string& name, at::ScalarType type, const std::string& path) {
  Net net;
  net.to(type);
  normdescent::optim::SpecOptimizer optimizer(net, normdescent::make_optimizer(name));
  const double rate = optimizer.param_groups()[0].options().get_lr();
  for (int step = 0; step < kSteps; ++step) {
    optimizer.param_groups()[0].options().set_lr(rate * (1.0 / (1.0 + 0.3 * step)));
    optimizer.zero_grad();
    net.loss(step).backward();
    optimizer.step();
  }
  std::ofstream file(path, std::ios::binary);
  for (const torch::Tensor& p : net.parameters()) {
    file.write(static_cast<const char*>(p.data_ptr()), static_cast<std::streamsize>(p.nbytes()));
  }
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  at::set_num_threads(1);
  const std::pair<const char*, at::ScalarType> types[] = {
      {"float32", at::kFloat}, {"float64", at::kDouble}, {"bfloat16", at::kBFloat16}};
  for (const auto& info : normdescent::optimizer_catalog()) {
    for (const auto& [type_name, type] : types) {
      train(info.name, type, std::string(argv[1]) + "/" + info.name + "." + type_name);
    }
  }
}
