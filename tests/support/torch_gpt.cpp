// SPDX-License-Identifier: Apache-2.0
// Letters: B batch  T time  C width  H heads  D = C / H
#include "support/torch_gpt.hpp"

#include <ATen/ATen.h>
#include <torch/nn/functional/loss.h>

#include <cmath>
#include <limits>

#include "normdescent/gpt/initialize.hpp"

namespace normdescent {

/// y = x W^T + b, W (out, in). torch::nn::Linear would draw its weights from LibTorch's global generator.
class GptDense : public torch::nn::Module {
 public:
  GptDense(Index in, Index out, bool has_bias) {
    weight = register_parameter("weight", torch::empty({out, in}));
    if (has_bias) bias = register_parameter("bias", torch::empty({out}));
  }
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const { return at::linear(x, weight, bias); }

  torch::Tensor weight;
  torch::Tensor bias;
};

namespace {

torch::nn::LayerNorm layer_norm(Index width) { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})); }

torch::nn::Embedding table(Index rows, Index width) {
  return torch::nn::Embedding(torch::nn::EmbeddingOptions(rows, width)._weight(torch::empty({rows, width})));
}

class GptAttention : public torch::nn::Module {
 public:
  GptAttention(Index width, Index heads) : heads_(heads) {
    c_attn_ = register_module("c_attn", std::make_shared<GptDense>(width, 3 * width, true));
    c_proj_ = register_module("c_proj", std::make_shared<GptDense>(width, width, true));
  }

  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask) const {
    const Index b = x.size(0);
    const Index t = x.size(1);
    const Index c = x.size(2);
    const Index d = c / heads_;
    // (B, T, 3, H, D) -> three times (B H, T, D)
    const auto qkv =
        c_attn_->forward(x).view({b, t, 3, heads_, d}).permute({2, 0, 3, 1, 4}).reshape({3, b * heads_, t, d});
    const auto scores = at::baddbmm(mask, qkv[0], qkv[1].transpose(1, 2), 1.0, 1.0 / std::sqrt(static_cast<double>(d)));
    const auto mixed = at::bmm(at::softmax(scores, -1), qkv[2]);
    return c_proj_->forward(mixed.view({b, heads_, t, d}).transpose(1, 2).reshape({b, t, c}));
  }

 private:
  Index heads_;
  std::shared_ptr<GptDense> c_attn_;
  std::shared_ptr<GptDense> c_proj_;
};

class GptMlp : public torch::nn::Module {
 public:
  explicit GptMlp(Index width) {
    c_fc_ = register_module("c_fc", std::make_shared<GptDense>(width, 4 * width, true));
    c_proj_ = register_module("c_proj", std::make_shared<GptDense>(4 * width, width, true));
  }

  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const {
    return c_proj_->forward(at::gelu(c_fc_->forward(x), "tanh"));
  }

 private:
  std::shared_ptr<GptDense> c_fc_;
  std::shared_ptr<GptDense> c_proj_;
};

}  // namespace

/// x <- x + attention(norm(x)) ; x <- x + mlp(norm(x))
class GptBlock : public torch::nn::Module {
 public:
  GptBlock(Index width, Index heads) {
    ln_1_ = register_module("ln_1", layer_norm(width));
    attn_ = register_module("attn", std::make_shared<GptAttention>(width, heads));
    ln_2_ = register_module("ln_2", layer_norm(width));
    mlp_ = register_module("mlp", std::make_shared<GptMlp>(width));
  }

  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask) {
    const auto y = x + attn_->forward(ln_1_(x), mask);
    return y + mlp_->forward(ln_2_(y));
  }

 private:
  torch::nn::LayerNorm ln_1_{nullptr};
  std::shared_ptr<GptAttention> attn_;
  torch::nn::LayerNorm ln_2_{nullptr};
  std::shared_ptr<GptMlp> mlp_;
};

GptImpl::GptImpl(const GptShape& shape, std::uint64_t seed) : shape_(shape) {
  validate(shape);
  wte_ = register_module("wte", table(shape.vocabulary, shape.width));
  wpe_ = register_module("wpe", table(shape.context, shape.width));
  // A plain container gives the names h.0, h.1, ...
  auto stack = register_module("h", std::make_shared<torch::nn::Module>());
  for (Index i = 0; i < shape.layers; ++i) {
    blocks_.push_back(stack->register_module(std::to_string(i), std::make_shared<GptBlock>(shape.width, shape.heads)));
  }
  ln_f_ = register_module("ln_f", layer_norm(shape.width));
  if (!shape.tied) {
    lm_head_ = register_module("lm_head", std::make_shared<GptDense>(shape.width, shape.vocabulary, false));
  }
  const torch::NoGradGuard no_grad;
  std::uint64_t tensor_index = 0;
  for (auto& entry : named_parameters()) {
    const torch::Tensor& p = entry.value();
    initialize_gpt_tensor(entry.key(), shape.layers, seed, tensor_index++,
                          {p.data_ptr<float>(), static_cast<std::size_t>(p.numel())});
  }
}

torch::Tensor GptImpl::forward(const torch::Tensor& tokens) {
  const Index t = tokens.size(1);
  if (t > shape_.context) {
    throw std::invalid_argument("window of " + std::to_string(t) +
                                " tokens, must be <= context = " + std::to_string(shape_.context));
  }
  auto x = wte_(tokens) + wpe_->weight.narrow(0, 0, t);
  const auto mask = at::full({t, t}, -std::numeric_limits<double>::infinity(), x.options()).triu_(1);
  for (auto& block : blocks_) x = block->forward(x, mask);
  x = ln_f_(x);
  return shape_.tied ? at::linear(x, wte_->weight) : lm_head_->forward(x);
}

torch::Tensor GptImpl::loss(const torch::Tensor& windows) {
  const Index t = windows.size(1) - 1;
  const auto logits = forward(windows.narrow(1, 0, t));
  return at::cross_entropy_loss(logits.reshape({-1, shape_.vocabulary}), windows.narrow(1, 1, t).reshape({-1}));
}

}  // namespace normdescent
