// SPDX-License-Identifier: Apache-2.0
// What the optimizers, the probe and the race need to know of a module: names, shapes, roles.
#pragma once

#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

#include "normdescent/base/parameter.hpp"

namespace normdescent {

/// Roles by parameter name, for what the rules of module_parameters get wrong.
using RoleOverrides = std::map<std::string, Role>;

struct ModuleParameter {
  ParameterInfo info;
  torch::Tensor tensor;
};

/// The infos alone, in the same order.
[[nodiscard]] std::vector<ParameterInfo> infos_of(const std::vector<ModuleParameter>& parameters);

/// Every parameter of `module` once (a shared tensor under its first name), in registration order.
///
/// Role      weight of a torch::nn::Embedding, also when tied to the head: embedding; weight of the last submodule
///           called "head" or "..._head": head; otherwise two or more dimensions: matrix, fewer: vector.
/// Throws    std::invalid_argument for an override that names no parameter.
[[nodiscard]] std::vector<ModuleParameter> module_parameters(const torch::nn::Module& module,
                                                             const RoleOverrides& overrides = {});

/// Values and gradients of a module moved into one flat buffer each; the module's tensors become views of them.
class FlatParameters {
 public:
  /// Throws std::invalid_argument naming a parameter that is not a float32 tensor on the CPU.
  explicit FlatParameters(const torch::nn::Module& module, const RoleOverrides& overrides = {});

  [[nodiscard]] std::span<const Parameter> parameters() const { return parameters_; }
  /// Points every tensor's .grad at the flat gradient again (zero_grad may have dropped it) and fills it with zeros.
  void zero_gradients();

 private:
  std::vector<ModuleParameter> tensors_;
  torch::Tensor values_;
  torch::Tensor gradients_;
  std::vector<Parameter> parameters_;
};

}  // namespace normdescent
