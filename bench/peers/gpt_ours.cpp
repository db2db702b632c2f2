// SPDX-License-Identifier: Apache-2.0
// Our side of gpt_training.py: steps of the training kernel.   gpt_ours MODEL BATCH CONTEXT STEPS
#include "normdescent/gpt/objective.hpp"

#include <memory>
#include <vector>

#include "gpt_steps.hpp"

int main(int argc, char** argv) {
  using namespace normdescent;
  if (argc != 5) return 2;
  const bench::GptCase c = bench::parse_case(argv);
  GptData data;
  data.context = c.context;
  data.training_windows = [&](const Batch& batch, std::span<std::int64_t> out) {
    bench::random_windows(c, batch, out);
  };
  data.validation_windows =
      std::make_shared<const std::vector<std::int64_t>>(static_cast<std::size_t>(c.context + 1), std::int64_t{0});
  const auto objective = make_gpt_objective(c.shape, Precision::automatic, std::move(data), 1);
  bench::serve_training(c, *objective);
}
