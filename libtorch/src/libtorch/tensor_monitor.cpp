// SPDX-License-Identifier: Apache-2.0
#include "normdescent/libtorch/tensor_monitor.hpp"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <utility>

namespace normdescent {
namespace {

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
    : parameters_(std::move(parameters)),
      monitor_(infos_of(parameters_), options),
      values_(monitor_.choice().count()),
      point_(values_.size()) {
  const auto strata = monitor_.choice().tensors();
  for (std::size_t t = 0; t < parameters_.size(); ++t) {
    indices_.push_back(at::tensor(strata[t].indices, at::kLong).to(parameters_[t].tensor.device()));
  }
}

void TensorMonitor::read_gradients() {
  for (std::size_t t = 0; t < parameters_.size(); ++t) gather(t, dense_gradient(parameters_[t].tensor), values_);
}

void TensorMonitor::read_point() {
  for (std::size_t t = 0; t < parameters_.size(); ++t) gather(t, parameters_[t].tensor, point_);
}

// The chosen coordinates of tensor t; 0 where `from` is undefined.
void TensorMonitor::gather(std::size_t t, const torch::Tensor& from, std::vector<float>& values) const {
  const auto& stratum = monitor_.choice().tensors()[t];
  float* out = values.data() + stratum.first;
  if (!from.defined()) {
    std::fill_n(out, stratum.indices.size(), 0.0F);
    return;
  }
  const torch::Tensor chosen = readable(from.reshape({-1}).index_select(0, indices_[t]));
  std::copy_n(chosen.data_ptr<float>(), stratum.indices.size(), out);
}

void TensorMonitor::observe_before_step(double loss) {
  const torch::NoGradGuard no_grad;
  read_gradients();
  read_point();
  monitor_.observe_before_step(point_, values_, loss);
}

void TensorMonitor::observe_after_step(double loss) {
  const torch::NoGradGuard no_grad;
  read_gradients();
  read_point();
  monitor_.observe_after_step(point_, values_, loss);
}

void TensorMonitor::observe_micro_batch(double weight, ObservedGradient content) {
  const torch::NoGradGuard no_grad;
  read_gradients();
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
