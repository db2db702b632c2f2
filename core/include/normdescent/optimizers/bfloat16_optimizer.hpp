// SPDX-License-Identifier: Apache-2.0
// Optimizer<float> for tensors that are stored as bfloat16. Estimators, directions and steps are computed in float;
// OptimizerSpec::bfloat16_rounding says how their results become bfloat16 without losing small steps.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {

/// One run of an optimizer on bfloat16 tensors; everything that is not said here is as for Optimizer<float>.
///
/// master       The state has a float copy of every value: the run is that of Optimizer<float> on the same gradients,
///              bit for bit, and the tensors are its values rounded to nearest. An entry that somebody else has changed
///              since the last step is taken over.
/// stochastic   No copy: the new value is rounded up or down at random with the float result as its mean
///              (round_stochastically of base/stochastic_rounding.hpp). Reproducible: bits depend on the spec's
///              rounding_seed, the parameter's name, the step and the position alone.
///
/// Memory: values and gradients in float, 8 bytes an entry, in both cases (under stochastic they are scratch, and no
/// part of the state). No allocation after the first step beyond that of Optimizer<float>.
class Bfloat16Optimizer {
 public:
  Bfloat16Optimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters);
  Bfloat16Optimizer(Bfloat16Optimizer&&) noexcept;
  Bfloat16Optimizer& operator=(Bfloat16Optimizer&&) noexcept;
  ~Bfloat16Optimizer();

  StepReport step(std::span<const BasicParameter<Bfloat16>> parameters, double learning_rate_scale = 1.0);
  /// Other points than the current one are shown to `compute_gradients` rounded to nearest.
  StepReport step(std::span<const BasicParameter<Bfloat16>> parameters, const std::function<void()>& compute_gradients,
                  double learning_rate_scale = 1.0);
  [[nodiscard]] bool needs_closure() const;

  [[nodiscard]] const OptimizerSpec& spec() const;
  [[nodiscard]] std::int64_t steps_done() const;
  /// state_buffers and state_entries count the master.
  [[nodiscard]] std::vector<ParameterPlan> explain() const;

  /// As Optimizer<float>::state(), with metadata "bfloat16_rounding" and, of masters that a step has filled, the
  /// tensors "<parameter>/master".
  [[nodiscard]] StateDict state() const;
  void load_state(const StateDict& state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace normdescent
