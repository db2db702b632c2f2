// SPDX-License-Identifier: Apache-2.0
// The run that the survival tests interrupt: the same in the test and in the process that is killed.
#pragma once

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/trainer.hpp"
#include "support/quadratic_problem.hpp"

namespace normdescent::test {

inline const QuadraticProblem& survival_problem() {
  static const QuadraticProblem problem(
      {.curvature = {1.0, 3.0, 0.1, 0.5}, .noise = {0.3, 0.1, 0.3, 0.0}, .batch_size = 2});
  return problem;
}

inline OptimizerSpec survival_optimizer() { return make_optimizer("adamw"); }

/// Ends with the checkpoints of its steps 90 and 100.
inline TrainerOptions survival_options(BackgroundWrites background) {
  return {.steps = 100,
          .evaluate_every = 25,
          .checkpoint_every = 10,
          .divergence_factor = 100.0,
          .background_writes = background};
}

}  // namespace normdescent::test
