// SPDX-License-Identifier: Apache-2.0
// One spec on tensors of one arithmetic type: Optimizer<T> with the copies that tensors of other types, strides or
// devices need around a step.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/libtorch/module_parameters.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {

/// The type that the optimizer computes in: double for float64, else float. Throws std::invalid_argument naming the
/// parameter if its tensor can be no parameter.
[[nodiscard]] at::ScalarType arithmetic_type(const ModuleParameter& parameter);

template <class T>
class TensorRun {
 public:
  TensorRun(const OptimizerSpec& spec, const std::vector<ModuleParameter>& parameters);

  /// Finds this step's gradients and values, and copies what must be copied. Throws std::invalid_argument naming the
  /// parameter, with nothing changed. Before step().
  void gather();
  /// The first parameter with NaN or Inf in its gradient; empty if there is none.
  [[nodiscard]] std::string first_nonfinite() const;
  /// Steps and writes the results to the tensors; a non-finite gradient changes nothing.
  StepReport step(double learning_rate_scale);
  /// Both at once, for rules that need gradients at several points (Optimizer<T>::step with compute_gradients).
  StepReport step(double learning_rate_scale, const std::function<void()>& compute_gradients);
  [[nodiscard]] bool needs_closure() const { return optimizer_.needs_closure(); }

  [[nodiscard]] std::vector<ParameterPlan> explain() const { return optimizer_.explain(); }
  [[nodiscard]] std::vector<ParameterCounters> counters() const { return optimizer_.counters().parameters; }
  void measure_next_step() { optimizer_.measure_next_step(); }
  [[nodiscard]] StateDict state() const;
  void load_state(StateDict state);
  /// This run with other options and the same state.
  [[nodiscard]] TensorRun with_spec(const OptimizerSpec& spec) const;

 private:
  struct Slot {
    at::Tensor tensor;
    at::ScalarType type;  ///< of the tensor at construction
    at::Tensor staging;   ///< values in T, contiguous, on the CPU; undefined if the tensor is that itself
    at::Tensor gradient;  ///< of this step, in T, contiguous, on the CPU
    bool has_master;      ///< staging is kept between steps, as the precise value of a low-precision tensor
    bool is_random;       ///< bfloat16 without master: results are rounded stochastically
  };
  void gather_value(const ParameterInfo& info, Slot& slot) const;
  void gather_gradient(const ParameterInfo& info, Slot& slot) const;
  /// Rounded to nearest: the values of other points, and those from before the step.
  void write_values();
  /// As the spec rounds the results of a step.
  void write_results();

  OptimizerSpec spec_;
  normdescent::Optimizer<T> optimizer_;
  std::vector<Slot> slots_;
  std::vector<Bfloat16> rounded_;        ///< scratch of stochastic rounding
  std::vector<BasicParameter<T>> list_;  ///< kept between steps: a step allocates nothing
};

}  // namespace normdescent
