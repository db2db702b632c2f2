// SPDX-License-Identifier: Apache-2.0
// Training steps of a GPT, for the kernel (gpt_ours.cpp) and its LibTorch twin (gpt_module.cpp) alike: AdamW on random
// tokens, `steps` of them a timed run.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "normdescent/base/philox.hpp"
#include "normdescent/gpt/shape.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/problem/problem.hpp"
#include "timed_runs.hpp"

namespace normdescent::bench {

/// MODEL BATCH CONTEXT STEPS
struct GptCase {
  GptShape shape;
  std::uint32_t batch;
  Index context;
  int steps;
};

inline GptCase parse_case(char** argv) {
  return {gpt_preset(argv[1]), static_cast<std::uint32_t>(std::atoi(argv[2])), std::atoll(argv[3]), std::atoi(argv[4])};
}

inline void random_windows(const GptCase& c, const Batch& batch, std::span<std::int64_t> out) {
  Philox random(batch.first);
  for (auto& token : out) {
    token = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(c.shape.vocabulary)));
  }
}

inline void serve_training(const GptCase& c, Objective& objective) {
  std::vector<ParameterInfo> infos;
  for (const Parameter& p : objective.parameters()) infos.push_back(p.info);
  Optimizer<float> optimizer(make_optimizer("adamw", {{"learning_rate", "1e-4"}}), infos);
  Batch batch{.stream = 0, .first = 0, .count = c.batch};
  serve_timed_runs([&] {
    for (int i = 0; i < c.steps; ++i) {
      (void)objective.gradient(batch);
      optimizer.step(objective.parameters());
      batch.first += c.batch;
    }
  });
}

}  // namespace normdescent::bench
