// SPDX-License-Identifier: Apache-2.0
// Language models that are no pre-norm GPT. Inputs are windows (batch, length) of tokens; initialize() draws the
// values.
#pragma once

#include <memory>

#include "layers.hpp"

namespace normdescent {

/// One table row a token: its row of logits for the token after it. Windows of two tokens.
[[nodiscard]] std::shared_ptr<Model> make_bigram_model(std::int64_t vocabulary);

/// Bengio et al. 2003: the embeddings of the `context` tokens before, one tanh layer, softmax. Predicts the last token.
struct MlpModelShape {
  std::int64_t vocabulary = 256;
  std::int64_t context = 8;
  std::int64_t width = 16;  ///< of an embedding
  std::int64_t hidden = 128;
};
[[nodiscard]] std::shared_ptr<Model> make_mlp_language_model(const MlpModelShape& shape);

/// One LSTM layer between embedding and head; predicts every token after the first.
struct LstmShape {
  std::int64_t vocabulary = 256;
  std::int64_t width = 32;
  std::int64_t hidden = 64;
};
[[nodiscard]] std::shared_ptr<Model> make_lstm(const LstmShape& shape);

/// A GPT in the order of Vaswani et al. 2017: x <- norm(x + f(x)), no norm at the end. Pre-norm ones are the kernel's.
struct PostNormShape {
  std::int64_t layers = 2;
  std::int64_t width = 64;
  std::int64_t heads = 2;
  std::int64_t context = 32;
  std::int64_t vocabulary = 256;
  bool is_tied = true;
};
[[nodiscard]] std::shared_ptr<Model> make_post_norm_gpt(const PostNormShape& shape);

}  // namespace normdescent
