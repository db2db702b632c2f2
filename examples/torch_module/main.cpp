// SPDX-License-Identifier: Apache-2.0
// A LibTorch module of one's own, trained with Muon on its hidden matrices and AdamW on the rest, with a scheduler of
// LibTorch; then saved and continued.
#include <torch/nn/modules/linear.h>  // <torch/torch.h> has it all and compiles for half a minute
#include <torch/optim/schedulers/step_lr.h>
#include <torch/serialize.h>

#include <cstdio>
#include <normdescent/libtorch/optimizer.hpp>
#include <sstream>

struct Net : torch::nn::Module {
  Net() {
    input = register_module("input", torch::nn::Linear(4, 64));
    hidden = register_module("hidden", torch::nn::Linear(64, 64));
    head = register_module("head", torch::nn::Linear(64, 1));  // the name tells its role
  }
  torch::Tensor forward(const torch::Tensor& x) { return head(at::tanh(hidden(at::tanh(input(x))))); }
  torch::nn::Linear input{nullptr}, hidden{nullptr}, head{nullptr};
};

int main() {
  at::manual_seed(0);
  const auto net = std::make_shared<Net>();
  normdescent::optim::Muon optimizer(*net, {.learning_rate = 2e-2, .decoupled_decay = 0.01});
  torch::optim::StepLR schedule(optimizer, /*step_size=*/50, /*gamma=*/0.4);
  for (const auto& row : optimizer.explain()) {
    std::printf("%-14s %-9s %s\n", row.parameter.name.c_str(), to_string(row.parameter.role), row.direction.c_str());
  }

  const auto x = at::randn({512, 4});
  const auto y = at::sin(x.sum(1, /*keepdim=*/true));
  double loss = 0.0;
  for (int step = 0; step < 200; ++step) {
    optimizer.zero_grad();
    const auto error = at::mse_loss(net->forward(x), y);
    error.backward();
    optimizer.step();
    schedule.step();
    loss = error.item<double>();
    if (step % 50 == 0) std::printf("step %3d  loss %.4f\n", step, loss);
  }

  std::stringstream file;
  torch::save(optimizer, file);
  normdescent::optim::Muon resumed(*net);
  torch::load(resumed, file);  // goes on bit for bit
  std::printf("loss at the end: %.4f\n", loss);
  return loss < 0.01 ? 0 : 1;
}
