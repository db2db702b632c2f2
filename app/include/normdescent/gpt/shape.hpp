// SPDX-License-Identifier: Apache-2.0
// The sizes of a GPT-2 and its named presets. No LibTorch in here: whoever only counts or names models needs none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/base/parameter.hpp"

namespace normdescent {

struct GptShape {
  Index layers = 3;
  Index width = 160;  ///< a multiple of `heads`
  Index heads = 5;
  Index context = 64;  ///< longest window, in tokens
  Index vocabulary = 256;
  bool tied = true;  ///< the output head is the token embedding

  friend bool operator==(const GptShape&, const GptShape&) = default;
};

/// Throws std::invalid_argument "field = value, must be ...".
void validate(const GptShape& shape);

/// V C + T C + L (12 C^2 + 13 C) + 2 C (+ V C untied); C width, L layers, T context, V vocabulary.
[[nodiscard]] constexpr Index parameter_count(const GptShape& shape) {
  const Index c = shape.width;
  const Index tables = (shape.vocabulary * (shape.tied ? 1 : 2) + shape.context) * c;
  return tables + shape.layers * (12 * c * c + 13 * c) + 2 * c;
}

/// Names, shapes and roles of all parameters, in the order of the buffers: wte.weight, wpe.weight, h.0.ln_1.weight, ...
/// (the names of GPT-2 on Hugging Face; see gpt.hpp for the one difference in layout).
[[nodiscard]] std::vector<ParameterInfo> gpt_parameters(const GptShape& shape);

struct GptPreset {
  std::string name;
  GptShape shape;
};

/// nano (0.98M, bytes), small (10.8M, bytes), gpt2-124m (the shape of the published GPT-2).
[[nodiscard]] std::span<const GptPreset> gpt_presets();
/// Throws std::invalid_argument with the nearest name if there is no such preset.
[[nodiscard]] const GptShape& gpt_preset(std::string_view name);

}  // namespace normdescent
