// SPDX-License-Identifier: Apache-2.0
// What moves an objective's parameters: an Optimizer of this library, or anybody's own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// One run of an optimizer on one objective. Where parameters live outside of the core's reach, the stepper that the
/// objective's owner brings knows where.
class Stepper {
 public:
  Stepper() = default;
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;
  virtual ~Stepper() = default;

  /// One step from the gradients that the objective has now.
  virtual StepReport step(Objective& objective, const StepOptions& options) = 0;
  /// True: step() cannot take a step from one gradient; step_with_closure() is called instead.
  [[nodiscard]] virtual bool needs_closure() const { return false; }
  /// One step that calls `compute_gradients` for the gradients of one mini-batch at points of its own.
  virtual StepReport step_with_closure(Objective& objective, const std::function<void()>& compute_gradients,
                                       double learning_rate_scale);
  /// Memory of what is kept between steps, in bytes; 0: not known.
  [[nodiscard]] virtual std::size_t state_bytes() const { return 0; }
};

/// A stepper for a fresh run at a learning rate. Called from several threads at a time, for an objective of each.
using StepperFactory = std::function<std::unique_ptr<Stepper>(Objective& objective, double learning_rate)>;

/// An optimizer of this library as a stepper; it is the caller's and must outlive it.
class OptimizerStepper : public Stepper {
 public:
  explicit OptimizerStepper(Optimizer<float>& optimizer) : optimizer_(optimizer) {}
  StepReport step(Objective& objective, const StepOptions& options) override;
  [[nodiscard]] bool needs_closure() const override { return optimizer_.needs_closure(); }
  StepReport step_with_closure(Objective& objective, const std::function<void()>& compute_gradients,
                               double learning_rate_scale) override;
  [[nodiscard]] std::size_t state_bytes() const override;

 private:
  Optimizer<float>& optimizer_;
};

/// Bytes of an optimizer's state, from its plan.
[[nodiscard]] std::size_t state_bytes(const Optimizer<float>& optimizer);

}  // namespace normdescent
