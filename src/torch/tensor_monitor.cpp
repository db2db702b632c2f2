// SPDX-License-Identifier: Apache-2.0
#include "normdescent/torch/tensor_monitor.hpp"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <utility>

namespace normdescent {
namespace {

std::vector<torch::Tensor> tensors_of(const torch::nn::Module& module) {
  std::vector<torch::Tensor> tensors;
  for (const ModuleParameter& parameter : module_parameters(module)) tensors.push_back(parameter.tensor);
  return tensors;
}

std::vector<Index> sizes_of(const std::vector<torch::Tensor>& tensors) {
  std::vector<Index> sizes;
  for (const torch::Tensor& tensor : tensors) sizes.push_back(tensor.numel());
  return sizes;
}

}  // namespace

TensorMonitor::TensorMonitor(const torch::nn::Module& module, const MonitorOptions& options)
    : TensorMonitor(tensors_of(module), options) {}

TensorMonitor::TensorMonitor(std::vector<torch::Tensor> tensors, const MonitorOptions& options)
    : tensors_(std::move(tensors)), monitor_(sizes_of(tensors_), options), values_(monitor_.choice().count()) {
  const auto strata = monitor_.choice().tensors();
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    indices_.push_back(at::tensor(strata[t].indices, at::kLong).to(tensors_[t].device()));
  }
}

void TensorMonitor::observe_micro_batch(double weight, ObservedGradient content) {
  const torch::NoGradGuard no_grad;
  const auto strata = monitor_.choice().tensors();
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    float* out = values_.data() + strata[t].first;
    const torch::Tensor& grad = tensors_[t].grad();
    if (!grad.defined()) {
      std::fill_n(out, strata[t].indices.size(), 0.0F);
      continue;
    }
    const torch::Tensor dense = grad.is_sparse() ? grad.to_dense() : grad;
    const torch::Tensor chosen = dense.reshape({-1}).index_select(0, indices_[t]).to(at::kCPU, at::kFloat).contiguous();
    std::copy_n(chosen.data_ptr<float>(), strata[t].indices.size(), out);
  }
  monitor_.observe_coordinates(values_, content, weight);
}

}  // namespace normdescent
