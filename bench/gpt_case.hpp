// SPDX-License-Identifier: Apache-2.0
// What the benchmarks that train a GPT share: the case on the command line, random tokens, AdamW.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/gpt/shape.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent::bench {

struct GptCase {
  GptShape shape;
  std::uint32_t batch;
  Index context;
  int steps;
};

/// MODEL BATCH CONTEXT [STEPS] from argv[1] on.
inline GptCase parse_case(int argc, char** argv) {
  return {gpt_preset(argv[1]), static_cast<std::uint32_t>(std::atoi(argv[2])), std::atoll(argv[3]),
          argc > 4 ? std::atoi(argv[4]) : 0};
}

inline void random_windows(const GptCase& c, const Batch& batch, std::span<std::int64_t> out) {
  Philox random(batch.first);
  for (auto& token : out) {
    token = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(c.shape.vocabulary)));
  }
}

inline Optimizer<float> adamw(Objective& objective) {
  std::vector<ParameterInfo> infos;
  for (const Parameter& p : objective.parameters()) infos.push_back(p.info);
  return {make_optimizer("adamw", {{"learning_rate", "1e-4"}}), infos};
}

}  // namespace normdescent::bench
