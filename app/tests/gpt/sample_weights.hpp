// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "normdescent/base/philox.hpp"
#include "normdescent/gpt/weights.hpp"

namespace normdescent::test {

/// Every number another one, large enough that any mistake in layout, bias or norm shows in the logits.
inline GptWeights sample_weights(bool tied = true) {
  const GptShape shape{.layers = 2, .width = 12, .heads = 3, .context = 16, .vocabulary = 23, .tied = tied};
  GptWeights weights{.shape = shape, .values = {}};
  Philox random(7);
  for (Index i = 0; i < parameter_count(shape); ++i)
    weights.values.push_back(static_cast<float>(0.4 * random.normal()));
  return weights;
}

}  // namespace normdescent::test
