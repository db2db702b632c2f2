// SPDX-License-Identifier: Apache-2.0
// The plain LibTorch side of gpt_training.py: the autograd twin in float32.   gpt_module MODEL BATCH CONTEXT STEPS
#include <ATen/ATen.h>

#include <vector>

#include "gpt_steps.hpp"
#include "normdescent/libtorch/module_objective.hpp"
#include "support/torch_gpt.hpp"

int main(int argc, char** argv) {
  using namespace normdescent;
  if (argc != 5) return 2;
  const bench::GptCase c = bench::parse_case(argc, argv);
  Gpt gpt(c.shape, 1);
  std::vector<std::int64_t> windows(c.batch * static_cast<std::size_t>(c.context + 1));
  const auto loss = [&](const Batch& batch) {
    bench::random_windows(c, batch, windows);
    return gpt->loss(at::from_blob(windows.data(), {static_cast<Index>(c.batch), c.context + 1}, at::kLong));
  };
  ModuleObjective objective(gpt.ptr(), {.loss = loss, .validation_loss = {}});
  bench::serve_training(c, objective);
}
