// SPDX-License-Identifier: Apache-2.0
// GPT-2 as a torch::nn::Module: the plain form, differentiated by autograd, in any floating type. It is the reference
// twin of the training kernel (src/gpt/kernel.hpp), and what users embed in programs of their own.
//
// Parameters carry the names of GPT-2 on Hugging Face (wte.weight, h.0.attn.c_attn.weight, ..., lm_head.weight when
// untied). Layout differs in one point: dense weights here are (out, in) as in torch::nn::Linear; Hugging Face's Conv1D
// keeps (in, out), so h.*.{attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj}.weight are transposed on the way.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "normdescent/gpt/shape.hpp"

namespace normdescent {

class GptBlock;
class GptDense;

class GptImpl : public torch::nn::Module {
 public:
  /// Weights are drawn by initialize_gpt from `seed`. Throws std::invalid_argument for an impossible shape.
  explicit GptImpl(const GptShape& shape, std::uint64_t seed = 0);

  /// tokens (batch, time) int64, time <= context -> logits (batch, time, vocabulary).
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& tokens);
  /// Mean cross entropy in nats. windows (batch, time + 1) int64: all but the last token are input, all but the first
  /// are targets.
  [[nodiscard]] torch::Tensor loss(const torch::Tensor& windows);

  [[nodiscard]] const GptShape& shape() const { return shape_; }

 private:
  GptShape shape_;
  torch::nn::Embedding wte_{nullptr};
  torch::nn::Embedding wpe_{nullptr};
  std::vector<std::shared_ptr<GptBlock>> blocks_;
  torch::nn::LayerNorm ln_f_{nullptr};
  std::shared_ptr<GptDense> lm_head_;  ///< only when untied
};
TORCH_MODULE(Gpt);

}  // namespace normdescent
