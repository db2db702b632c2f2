// SPDX-License-Identifier: Apache-2.0
#include "normdescent/torch/tensor_monitor.hpp"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <utility>

namespace normdescent {
namespace {

std::vector<ParameterInfo> infos_of(const std::vector<ModuleParameter>& parameters) {
  std::vector<ParameterInfo> infos;
  for (const ModuleParameter& parameter : parameters) infos.push_back(parameter.info);
  return infos;
}

torch::Tensor dense_gradient(const torch::Tensor& tensor) {
  const torch::Tensor& grad = tensor.grad();
  return grad.defined() && grad.is_sparse() ? grad.to_dense() : grad;
}

/// On the CPU in fp32, row-major.
torch::Tensor readable(const torch::Tensor& values) { return values.to(at::kCPU, at::kFloat).contiguous(); }

}  // namespace

TensorMonitor::TensorMonitor(const torch::nn::Module& module, const MonitorOptions& options)
    : TensorMonitor(module_parameters(module), options) {}

TensorMonitor::TensorMonitor(std::vector<ModuleParameter> parameters, const MonitorOptions& options)
    : parameters_(std::move(parameters)), monitor_(infos_of(parameters_), options), values_(monitor_.choice().count()) {
  const auto strata = monitor_.choice().tensors();
  for (std::size_t t = 0; t < parameters_.size(); ++t) {
    indices_.push_back(at::tensor(strata[t].indices, at::kLong).to(parameters_[t].tensor.device()));
  }
}

void TensorMonitor::observe_micro_batch(double weight, ObservedGradient content) {
  const torch::NoGradGuard no_grad;
  const auto strata = monitor_.choice().tensors();
  for (std::size_t t = 0; t < parameters_.size(); ++t) {
    float* out = values_.data() + strata[t].first;
    const torch::Tensor gradient = dense_gradient(parameters_[t].tensor);
    if (!gradient.defined()) {
      std::fill_n(out, strata[t].indices.size(), 0.0F);
      continue;
    }
    const torch::Tensor chosen = readable(gradient.reshape({-1}).index_select(0, indices_[t]));
    std::copy_n(chosen.data_ptr<float>(), strata[t].indices.size(), out);
  }
  torch::Tensor matrix;
  std::span<const float> watched;
  if (const auto tensor = monitor_.watched()) {
    matrix = dense_gradient(parameters_[*tensor].tensor);
    if (matrix.defined()) {
      matrix = readable(matrix);
      watched = {matrix.data_ptr<float>(), static_cast<std::size_t>(matrix.numel())};
    }
  }
  monitor_.observe_coordinates(values_, content, weight, watched);
}

}  // namespace normdescent
