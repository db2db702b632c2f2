// SPDX-License-Identifier: Apache-2.0
// GPT-2 read token by token, for generating text. Keys and values of the tokens before are kept, so a token costs one
// pass over the weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "normdescent/gpt/weights.hpp"

namespace normdescent {

/// float32 weights, sums in double: the logits are those of the whole text's forward pass up to rounding, and do not
/// depend on the number of threads. Not thread-safe.
class GptDecoder {
 public:
  explicit GptDecoder(GptWeights weights);
  GptDecoder(const GptDecoder&) = delete;
  GptDecoder& operator=(const GptDecoder&) = delete;

  [[nodiscard]] const GptShape& shape() const { return weights_.shape; }
  /// Tokens read so far, at most shape().context.
  [[nodiscard]] Index position() const { return position_; }
  /// Reads the next token and returns the logits (vocabulary) of the one after it, valid until the next call.
  /// std::out_of_range for a token outside the vocabulary, std::length_error when the context is full.
  std::span<const float> read(std::int64_t token);
  /// Forgets what was read.
  void reset() { position_ = 0; }

 private:
  struct Dense {
    std::span<const float> weight;
    std::span<const float> bias;
  };
  struct Layer {
    Dense norm_1, attention, projection, norm_2, up, down;
    std::vector<float> keys, values;  ///< (context, width)
  };
  void attend(Layer& layer);

  GptWeights weights_;
  std::span<const float> tokens_, places_, head_;
  std::vector<Layer> layers_;
  Dense norm_f_;
  Index position_ = 0;
  std::vector<float> x_, h_, qkv_, mixed_, branch_, wide_, logits_;
};

}  // namespace normdescent
