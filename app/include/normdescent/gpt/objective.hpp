// SPDX-License-Identifier: Apache-2.0
// Training a GPT-2 as an Objective. No LibTorch in this header: command line and trainer create models through it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/gpt/shape.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// Arithmetic of the matrix products; parameters, gradients, norms, softmax and loss are float32 in any case.
enum class Precision {
  automatic,  ///< bfloat16 where the processor multiplies it natively, float32 elsewhere
  float32,
  bfloat16,  ///< float32 where oneDNN has no such products: processors without AVX-512
};
[[nodiscard]] const char* to_string(Precision precision);
/// What a precision means on this machine: float32 or bfloat16.
[[nodiscard]] Precision resolve(Precision precision);

/// Where windows of tokens come from. A window is context + 1 tokens: inputs and, shifted by one, targets.
struct GptData {
  Index context = 0;
  /// Writes the windows of batch.count examples one after the other. Called from the thread of the objective.
  std::function<void(const Batch&, std::span<std::int64_t>)> training_windows;
  /// The fixed validation windows one after the other; shared by all instances.
  std::shared_ptr<const std::vector<std::int64_t>> validation_windows;
  /// Validation runs in chunks of at most this many windows, so that memory stays that of training.
  Index chunk = 1;
};

/// A GPT with its own parameters, initialised from `seed`; values and gradients are one flat float32 buffer each.
///
/// Threads   instances are independent; each uses as many threads as its caller's omp_set_num_threads says. Results
///           depend on that number, not on what runs beside it.
/// Throws    std::invalid_argument for an impossible shape, a context above the shape's, or no validation windows.
[[nodiscard]] std::unique_ptr<Objective> make_gpt_objective(const GptShape& shape, Precision precision, GptData data,
                                                            std::uint64_t seed);

}  // namespace normdescent
