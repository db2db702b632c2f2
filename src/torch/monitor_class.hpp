// SPDX-License-Identifier: Apache-2.0
// TensorMonitor as torch.classes.normdescent.TrainingMonitor; python/normdescent wraps it.
#pragma once

#include <torch/custom_class.h>

#include <string>
#include <vector>

#include "named_parameters.hpp"
#include "normdescent/torch/tensor_monitor.hpp"

namespace normdescent {

class MonitorClass : public torch::CustomClassHolder {
 public:
  MonitorClass(const std::vector<std::string>& names, const std::vector<std::string>& roles,
               const std::vector<at::Tensor>& tensors, std::int64_t coordinates, std::int64_t window,
               std::int64_t matrix_every, std::int64_t seed)
      : monitor_(named_parameters(names, roles, tensors), {.coordinates = coordinates,
                                                           .window = static_cast<int>(window),
                                                           .matrix_every = static_cast<int>(matrix_every),
                                                           .seed = static_cast<std::uint64_t>(seed)}) {}

  void observe_micro_batch(double weight, bool accumulated) {
    monitor_.observe_micro_batch(weight, accumulated ? ObservedGradient::accumulated : ObservedGradient::micro_batch);
  }
  void observe_before_step(double loss) { monitor_.observe_before_step(loss); }
  void observe_after_step(double loss) { monitor_.observe_after_step(loss); }
  bool awaits_after_step() { return monitor_.awaits_after_step(); }
  void end_step() { monitor_.end_step(); }
  std::string report() { return monitor_.report().to_json(); }

 private:
  TensorMonitor monitor_;
};

}  // namespace normdescent
