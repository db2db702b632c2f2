// SPDX-License-Identifier: Apache-2.0
#include "normdescent/libtorch/module_parameters.hpp"

#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "role_rule.hpp"

namespace normdescent {

std::vector<ParameterInfo> infos_of(const std::vector<ModuleParameter>& parameters) {
  std::vector<ParameterInfo> infos;
  for (const ModuleParameter& parameter : parameters) infos.push_back(parameter.info);
  return infos;
}

std::vector<ModuleParameter> module_parameters(const torch::nn::Module& module, const RoleOverrides& overrides) {
  std::vector<std::string> submodules;
  std::vector<at::Tensor> embeddings;
  for (const auto& entry : module.named_modules(/*name_prefix=*/"", /*include_self=*/false)) {
    submodules.push_back(entry.key());
    if (const auto* embedding = entry.value()->as<torch::nn::Embedding>()) embeddings.push_back(embedding->weight);
  }
  const RoleRule rule(submodules, embeddings);

  std::vector<ModuleParameter> list;
  std::set<const c10::TensorImpl*> seen;
  for (const auto& entry : module.named_parameters()) {
    const torch::Tensor& tensor = entry.value();
    if (!seen.insert(tensor.unsafeGetTensorImpl()).second) continue;
    const auto chosen = overrides.find(entry.key());
    const Role role = chosen != overrides.end() ? chosen->second : rule(entry.key(), tensor);
    ParameterInfo info{entry.key(), tensor.sizes().vec(), role};
    list.push_back({std::move(info), tensor});
  }
  for (const auto& [name, role] : overrides) {
    const auto has_name = [&name = name](const ModuleParameter& p) { return p.info.name == name; };
    if (std::none_of(list.begin(), list.end(), has_name)) {
      throw std::invalid_argument("role of '" + name + "': the module has no parameter of that name");
    }
  }
  return list;
}

FlatParameters::FlatParameters(const torch::nn::Module& module, const RoleOverrides& overrides)
    : tensors_(module_parameters(module, overrides)) {
  Index total = 0;
  for (const auto& [info, tensor] : tensors_) {
    if (tensor.scalar_type() != torch::kFloat32 || !tensor.device().is_cpu()) {
      throw std::invalid_argument("parameter '" + info.name + "' is " + tensor.toString() +
                                  ", must be a float32 tensor on the CPU");
    }
    total += tensor.numel();
  }
  values_ = torch::empty({total}, torch::kFloat32);
  gradients_ = torch::zeros({total}, torch::kFloat32);
  const torch::NoGradGuard no_grad;
  Index offset = 0;
  for (auto& [info, tensor] : tensors_) {
    const Index size = tensor.numel();
    auto view = values_.narrow(0, offset, size).view(tensor.sizes());
    view.copy_(tensor);
    tensor.set_data(view);
    const auto count = static_cast<std::size_t>(size);
    parameters_.push_back(
        {info, {values_.data_ptr<float>() + offset, count}, {gradients_.data_ptr<float>() + offset, count}});
    offset += size;
  }
  zero_gradients();
}

void FlatParameters::zero_gradients() {
  gradients_.zero_();
  Index offset = 0;
  for (auto& [info, tensor] : tensors_) {
    torch::Tensor& gradient = tensor.mutable_grad();
    const float* place = gradients_.data_ptr<float>() + offset;
    if (!gradient.defined() || gradient.data_ptr() != place) {
      gradient = gradients_.narrow(0, offset, tensor.numel()).view(tensor.sizes());
    }
    offset += tensor.numel();
  }
}

}  // namespace normdescent
