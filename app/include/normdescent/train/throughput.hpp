// SPDX-License-Identifier: Apache-2.0
// How much of the machine a training run uses.
#pragma once

#include "normdescent/gpt/objective.hpp"

namespace normdescent {

/// Floating-point operations of a matrix product of 1024 x 1024 in this precision a second, with the threads that the
/// caller has set: the best of the products that fit into a twentieth of a second. What a trainer could reach if it did
/// nothing else.
[[nodiscard]] double matrix_peak(Precision precision);

/// Operations of forward and backward pass per token: 6 N + 12 L C T. N parameters without the table of positions (the
/// embedding counts as the head), L layers, C width, T tokens of a window, of which attention multiplies all, masked or
/// not.   Source: Chowdhery et al. 2022 (PaLM), appendix B.
[[nodiscard]] constexpr double flops_per_token(const GptShape& shape, Index context) {
  const Index untied_table = shape.tied ? 0 : shape.vocabulary * shape.width;
  const Index multiplied = parameter_count(shape) - shape.context * shape.width - untied_table;
  return static_cast<double>(6 * multiplied + 12 * shape.layers * shape.width * context);
}

}  // namespace normdescent
