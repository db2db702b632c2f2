// SPDX-License-Identifier: Apache-2.0
// Text from a model: how a token is drawn from logits, and how text of any length is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "normdescent/gpt/decoder.hpp"

namespace normdescent {

struct SamplingOptions {
  double temperature = 1.0;  ///< > 0; logits are divided by it
  std::int64_t top_k = 0;    ///< only the k most probable tokens; 0: all
  double top_p = 1.0;        ///< only the most probable tokens that together have this probability, in (0, 1]
  bool is_greedy = false;    ///< the most probable token, whatever the others say

  /// std::invalid_argument "field = value, must be ...".
  void validate() const;
};

/// A token with probability softmax(logits / temperature), restricted to the top k and of these, renormalized, to the
/// top p: tokens are in the order of falling logits (of equals, the lower id first) and the one is taken in which the
/// cumulated probability passes `uniform` in [0, 1). Logits of -infinity are never taken; UserError where one is NaN or
/// infinity, or none is finite.
[[nodiscard]] std::int64_t sample_token(std::span<const float> logits, const SamplingOptions& options, double uniform);

struct GenerationOptions {
  std::int64_t tokens = 100;  ///< how many to write, >= 0
  SamplingOptions sampling{};
  std::uint64_t seed = 1;
  std::int64_t vocabulary = 0;                ///< only tokens below are drawn; 0: the model's
  std::optional<std::int64_t> end_of_text{};  ///< ends the text, and is not part of it
};

/// Continues `prompt` (at least one token). When the context is full, the latter half of it is read again and kept.
/// `on_token` is told each token as it is drawn; false ends the text. The result is a function of weights, prompt and
/// options: token i is drawn with number i of a Philox stream of the seed.
std::vector<std::int64_t> generate(GptDecoder& decoder, std::span<const std::int64_t> prompt,
                                   const GenerationOptions& options,
                                   const std::function<bool(std::int64_t)>& on_token = {});

}  // namespace normdescent
