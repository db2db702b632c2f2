// SPDX-License-Identifier: Apache-2.0
// The one place that decides what a parameter is in its model, for modules of C++ and of Python.
#pragma once

#include <ATen/core/Tensor.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/base/parameter.hpp"

namespace normdescent {

/// What module_parameters says of roles, from what can be seen of a module: the names of its submodules in order and
/// the weights of its embeddings.
class RoleRule {
 public:
  RoleRule(const std::vector<std::string>& submodules, const std::vector<at::Tensor>& embeddings) {
    for (const std::string& path : submodules) {
      const std::string_view name = std::string_view(path).substr(path.rfind('.') + 1);
      if (name == "head" || name.ends_with("_head")) head_ = path + ".";
    }
    for (const at::Tensor& weight : embeddings) embeddings_.insert(weight.unsafeGetTensorImpl());
  }

  [[nodiscard]] Role operator()(std::string_view name, const at::Tensor& tensor) const {
    if (embeddings_.count(tensor.unsafeGetTensorImpl()) != 0) return Role::embedding;
    if (tensor.dim() < 2) return Role::vector;
    return !head_.empty() && name.starts_with(head_) ? Role::head : Role::matrix;
  }

 private:
  std::string head_;  ///< prefix of the head's parameters; empty if there is none
  std::set<const c10::TensorImpl*> embeddings_;
};

}  // namespace normdescent
