// SPDX-License-Identifier: Apache-2.0
// Training steps of a GPT, for the kernel (gpt_ours.cpp) and its LibTorch twin (gpt_module.cpp) alike: AdamW on random
// tokens, `steps` of them a timed run. Gradients are taken for finite, as PyTorch's optimizers take them.
#pragma once

#include "../gpt_case.hpp"
#include "timed_runs.hpp"

namespace normdescent::bench {

inline void serve_training(const GptCase& c, Objective& objective) {
  Optimizer<float> optimizer = adamw(objective);
  Batch batch{.stream = 0, .first = 0, .count = c.batch};
  serve_timed_runs([&] {
    for (int i = 0; i < c.steps; ++i) {
      (void)objective.gradient(batch);
      optimizer.step(objective.parameters(),
                     StepOptions{.gradients_are_finite = true, .rounded_values = objective.rounded_values()});
      objective.trust_rounded_values();
      batch.first += c.batch;
    }
  });
}

}  // namespace normdescent::bench
