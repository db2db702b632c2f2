// SPDX-License-Identifier: Apache-2.0
// The run whose checkpoint the fuzzer damages.
#pragma once

#include <memory>

#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/train/checkpoint.hpp"
#include "support/quadratic_problem.hpp"

namespace normdescent::fuzz {

inline std::vector<ParameterInfo> infos_of(const Objective& objective) {
  std::vector<ParameterInfo> infos;
  for (const auto& parameter : objective.parameters()) infos.push_back(parameter.info);
  return infos;
}

struct CheckpointRun {
  std::unique_ptr<Objective> objective =
      test::QuadraticProblem({.curvature = {1.0, 3.0, 0.1, 0.5}, .noise = {0.3, 0.1, 0.3, 0.0}}).instantiate(1);
  Optimizer<float> optimizer{make_optimizer("adamw"), infos_of(*objective)};

  [[nodiscard]] static RunIdentity identity() {
    return {.problem = "quadratic",
            .optimizer = "adamw",
            .learning_rate = 0.5,
            .schedule = "constant",
            .steps = 9,
            .batch_size = 1,
            .seed = 7,
            .task = {{"data", "none"}}};
  }
  [[nodiscard]] Checkpoint checkpoint() const {
    return {.identity = identity(), .position = {.step = 3, .first_loss = 2.0, .steps_too_high = 0}};
  }
};

}  // namespace normdescent::fuzz
