// SPDX-License-Identifier: Apache-2.0
// A GPT-2 on a byte corpus as a Problem: what compare, probe and train work on. Needs no LibTorch headers.
#pragma once

#include <cstdint>
#include <memory>

#include "normdescent/problem/problem.hpp"
#include "normdescent/torch/gpt_objective.hpp"
#include "normdescent/train/corpus.hpp"

namespace normdescent {

struct GptProblemOptions {
  GptShape shape = gpt_preset("nano");
  std::uint32_t batch_size = 8;  ///< windows in a mini-batch
  Index context = 0;             ///< tokens in a window; 0: the shape's
  Precision precision = Precision::automatic;
  Index validation_windows = 64;  ///< spread evenly over the validation part
};

/// Example e of stream s is the window that starts at a uniform position of the training part, drawn by Philox with
/// key s and counter e.
///
/// Throws    std::invalid_argument for options outside their domain; UserError if the corpus is shorter than a window.
[[nodiscard]] std::shared_ptr<const Problem> make_gpt_problem(const GptProblemOptions& options,
                                                              std::shared_ptr<const Corpus> corpus);

}  // namespace normdescent
