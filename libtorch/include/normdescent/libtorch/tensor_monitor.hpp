// SPDX-License-Identifier: Apache-2.0
// TrainingMonitor for any training loop of LibTorch: reads a few thousand coordinates of every .grad, and now and then
// one matrix as a whole.
#pragma once

#include <torch/nn/module.h>

#include <vector>

#include "normdescent/libtorch/module_parameters.hpp"
#include "normdescent/monitor/training_monitor.hpp"

namespace normdescent {

/// After each micro-batch's backward(): observe_micro_batch(); after the optimizer's step: end_step(). autograd adds
/// gradients up, so that "accumulated" is the default; with zero_grad() after each micro-batch say micro_batch.
/// Tensors of any floating type, stride and device; an undefined .grad reads as 0.
class TensorMonitor {
 public:
  explicit TensorMonitor(const torch::nn::Module& module, const MonitorOptions& options = {});
  TensorMonitor(std::vector<ModuleParameter> parameters, const MonitorOptions& options);

  /// `weight` is the factor that the loss carried, e.g. 1/n.
  void observe_micro_batch(double weight = 1.0, ObservedGradient content = ObservedGradient::accumulated);
  /// After backward() of a micro-batch that has no part in the step, with only its gradients in .grad; and once more
  /// after the step (training_monitor.hpp).
  void observe_before_step(double loss);
  void observe_after_step(double loss);
  [[nodiscard]] bool awaits_after_step() const { return monitor_.awaits_after_step(); }
  void end_step() { monitor_.end_step(); }
  [[nodiscard]] MonitorReport report() { return monitor_.report(); }

 private:
  void read_gradients();
  void read_point();
  void gather(std::size_t t, const torch::Tensor& from, std::vector<float>& values) const;

  std::vector<ModuleParameter> parameters_;
  TrainingMonitor monitor_;
  std::vector<torch::Tensor> indices_;  // of each tensor, flattened
  std::vector<float> values_;
  std::vector<float> point_;
};

}  // namespace normdescent
