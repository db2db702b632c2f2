// SPDX-License-Identifier: Apache-2.0
#include "normdescent/libtorch/tensor_monitor.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace normdescent {
namespace {

std::vector<ModuleParameter> named(const std::vector<torch::Tensor>& tensors) {
  std::vector<ModuleParameter> parameters;
  for (const torch::Tensor& tensor : tensors) {
    const auto role = tensor.dim() < 2 ? Role::vector : Role::matrix;
    parameters.push_back({{"t" + std::to_string(parameters.size()), tensor.sizes().vec(), role}, tensor});
  }
  return parameters;
}

// w <- gradients set by hand: noise 2 in every coordinate, signal 1, summed up as autograd does.
TEST(TensorMonitor, RecoversNoiseOfAccumulatedGradientsOfAnyType) {
  at::manual_seed(5);
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf}) {
    std::vector<torch::Tensor> tensors = {at::zeros({40, 50}, type).t(), at::zeros({100}, type)};
    TensorMonitor monitor(named(tensors), {.coordinates = 1000});
    for (int step = 0; step < 16; ++step) {
      for (auto& tensor : tensors) tensor.mutable_grad() = at::zeros_like(tensor);
      for (int k = 0; k < 4; ++k) {
        for (auto& tensor : tensors) {
          const auto noise = at::randn(tensor.sizes()) * 2.0 + 1.0;
          tensor.mutable_grad().add_((noise * 0.25).to(type));
        }
        monitor.observe_micro_batch(0.25);
      }
      monitor.end_step();
    }
    const MonitorReport report = monitor.report();
    const SampledNoise& total = report.statistics.total;
    EXPECT_NEAR(total.l1.value, 2.0 * 2100.0, 3.5 * total.l1.standard_error);
    EXPECT_LT(total.l1.standard_error, 0.03 * total.l1.value);
    EXPECT_NEAR(total.gradient_l2_squared.value, 2100.0, 3.5 * total.gradient_l2_squared.standard_error);
    // Noise of equal scale in all directions: S_nuc of a (40, 50) matrix is 2 sqrt(50) each of 40.
    EXPECT_EQ(report.spectral.measured, 1);
    EXPECT_NEAR(report.spectral.nuclear.value / (2.0 * 40.0 * std::sqrt(50.0)), 1.0, 0.1);
  }
}

// f(w) = 1/2 c ||w||^2 and a step of gradient descent.
TEST(TensorMonitor, SeesWhatAStepMeets) {
  constexpr double kCurvature = 3.0;
  constexpr double kRate = 0.1;
  at::manual_seed(6);
  std::vector<torch::Tensor> tensors = {at::randn({30, 20}).t(), at::randn({50})};
  TensorMonitor monitor(named(tensors), {.coordinates = 1000});
  double squared = 0.0;
  for (auto& tensor : tensors) squared += tensor.square().sum().item<double>();
  const auto set_gradients = [&] {
    for (auto& tensor : tensors) tensor.mutable_grad() = tensor * kCurvature;
  };
  set_gradients();
  monitor.observe_before_step(0.5 * kCurvature * squared);
  for (auto& tensor : tensors) tensor.sub_(tensor.grad(), kRate);
  set_gradients();
  const double left = 1.0 - kRate * kCurvature;
  monitor.observe_after_step(0.5 * kCurvature * squared * left * left);
  const StepEffect effect = monitor.report().step_effect;
  EXPECT_NEAR(effect.gain.value / (0.5 * kCurvature * squared * (1.0 - left * left)), 1.0, 1e-9);
  EXPECT_NEAR(effect.curvature_l2.value, kCurvature, 1e-4);
  EXPECT_NEAR(effect.best_multiple.value, 1.0 / (kRate * kCurvature), 1e-3);
}

TEST(TensorMonitor, UndefinedGradientsAreFrozen) {
  std::vector<torch::Tensor> tensors = {at::zeros({10}), at::zeros({10})};
  TensorMonitor monitor(named(tensors), {});
  for (int k = 0; k < 4; ++k) {
    tensors[0].mutable_grad() = at::randn({10});
    monitor.observe_micro_batch(1.0, ObservedGradient::micro_batch);
  }
  const auto statistics = monitor.report().statistics;
  EXPECT_GT(statistics.tensors[0].l1.value, 0.0);
  EXPECT_NE(statistics.tensors[1].reason.find("exactly zero"), std::string::npos);
}

}  // namespace
}  // namespace normdescent
