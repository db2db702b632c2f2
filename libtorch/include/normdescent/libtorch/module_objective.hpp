// SPDX-License-Identifier: Apache-2.0
// Any torch::nn::Module with a loss as an Objective: the probe, the race and the optimizers then work on it.
#pragma once

#include <functional>
#include <memory>

#include "normdescent/libtorch/module_parameters.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// Takes over the storage of the module's parameters (FlatParameters); the module stays usable.
/// Threads   one objective per thread. Keeps the calling thread's OpenMP thread count (omp_set_num_threads), which
///           LibTorch on its own would overwrite.
class ModuleObjective : public Objective {
 public:
  struct Functions {
    std::function<torch::Tensor(const Batch&)> loss;  ///< mean loss of a batch: a scalar with gradient
    std::function<torch::Tensor()> validation_loss;   ///< scalar; called without gradient recording
  };

  ModuleObjective(std::shared_ptr<torch::nn::Module> module, Functions functions, const RoleOverrides& roles = {});

  [[nodiscard]] std::span<const Parameter> parameters() const override { return flat_.parameters(); }
  double gradient(const Batch& batch) override;
  double loss(const Batch& batch) override;
  double validation_loss() override;

 private:
  std::shared_ptr<torch::nn::Module> module_;
  Functions functions_;
  FlatParameters flat_;
};

}  // namespace normdescent
