// SPDX-License-Identifier: Apache-2.0
// Gradient accumulation in LibTorch whose micro-batches also tell the noise and the critical batch size.
#include <torch/nn/modules/linear.h>  // <torch/torch.h> has it all and compiles for half a minute

#include <cstdio>
#include <normdescent/libtorch/optimizer.hpp>
#include <normdescent/libtorch/tensor_monitor.hpp>

struct Net : torch::nn::Module {
  Net() {
    input = register_module("input", torch::nn::Linear(4, 64));
    head = register_module("head", torch::nn::Linear(64, 1));
  }
  torch::Tensor forward(const torch::Tensor& x) { return head(at::tanh(input(x))); }
  torch::nn::Linear input{nullptr}, head{nullptr};
};

int main() {
  constexpr int kMicroBatches = 4;
  constexpr int kExamples = 16;
  at::manual_seed(0);
  const auto net = std::make_shared<Net>();
  normdescent::optim::Signum optimizer(*net, {.learning_rate = 1e-3});
  normdescent::TensorMonitor monitor(*net, {.window = 32});

  normdescent::MonitorReport report;
  for (int step = 1; step <= 100; ++step) {
    optimizer.zero_grad();
    for (int i = 0; i < kMicroBatches; ++i) {
      const auto x = at::randn({kExamples, 4});
      const auto y = at::sin(x.sum(1, /*keepdim=*/true));
      (at::mse_loss(net->forward(x), y) / kMicroBatches).backward();
      monitor.observe_micro_batch(1.0 / kMicroBatches);  // .grad holds the sum so far
    }
    optimizer.step();
    monitor.end_step();
    if (step % 25 != 0) continue;
    report = monitor.report();
    const auto& noise = report.statistics.total;
    std::printf("step %3d  noise density %.2f +- %.2f, critical batch %.0f examples\n", step, noise.density.value,
                noise.density.standard_error, kExamples * report.critical_sign.value);
  }
  const double density = report.statistics.total.density.value;
  return density > 0.0 && density <= 1.0 ? 0 : 1;
}
