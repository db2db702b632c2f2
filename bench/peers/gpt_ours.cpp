// SPDX-License-Identifier: Apache-2.0
// Our side of gpt_training.py: steps of the training kernel.   gpt_ours MODEL BATCH CONTEXT STEPS
#include "../gpt_objective.hpp"
#include "gpt_steps.hpp"

int main(int argc, char** argv) {
  using namespace normdescent;
  if (argc != 5) return 2;
  const bench::GptCase c = bench::parse_case(argc, argv);
  const auto objective = bench::gpt_objective(c);
  bench::serve_training(c, *objective);
}
