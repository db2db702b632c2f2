// SPDX-License-Identifier: Apache-2.0
#include "normdescent/libtorch/module_objective.hpp"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <utility>

#include "normdescent/libtorch/thread_count.hpp"

namespace normdescent {

ModuleObjective::ModuleObjective(std::shared_ptr<torch::nn::Module> module, Functions functions,
                                 const RoleOverrides& roles)
    : module_(std::move(module)), functions_(std::move(functions)), flat_(*module_, roles) {}

double ModuleObjective::gradient(const Batch& batch) {
  keep_thread_count();
  flat_.zero_gradients();
  const torch::Tensor loss = functions_.loss(batch);
  loss.backward();
  return loss.item<double>();
}

double ModuleObjective::loss(const Batch& batch) {
  keep_thread_count();
  const torch::NoGradGuard no_grad;
  return functions_.loss(batch).item<double>();
}

double ModuleObjective::validation_loss() {
  keep_thread_count();
  const torch::NoGradGuard no_grad;
  return functions_.validation_loss().item<double>();
}

}  // namespace normdescent
