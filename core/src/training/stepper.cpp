// SPDX-License-Identifier: Apache-2.0
#include "normdescent/training/stepper.hpp"

namespace normdescent {

StepReport Stepper::step_with_closure(Objective& objective, const std::function<void()>& compute_gradients,
                                      double learning_rate_scale) {
  compute_gradients();
  return step(objective, {.learning_rate_scale = learning_rate_scale});
}

StepReport OptimizerStepper::step(Objective& objective, const StepOptions& options) {
  return optimizer_.step(objective.parameters(), options);
}

StepReport OptimizerStepper::step_with_closure(Objective& objective, const std::function<void()>& compute_gradients,
                                               double learning_rate_scale) {
  return optimizer_.step(objective.parameters(), compute_gradients, learning_rate_scale);
}

std::size_t OptimizerStepper::state_bytes() const { return normdescent::state_bytes(optimizer_); }

std::size_t state_bytes(const Optimizer<float>& optimizer) {
  std::size_t bytes = 0;
  for (const ParameterPlan& plan : optimizer.explain()) {
    const bool is_full = plan.state_format.empty() || plan.state_format == to_string(StateFormat::full);
    bytes += static_cast<std::size_t>(plan.state_entries) * (is_full ? sizeof(float) : sizeof(Bfloat16));
  }
  return bytes;
}

}  // namespace normdescent
