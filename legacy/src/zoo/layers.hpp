// SPDX-License-Identifier: Apache-2.0
// The layers that zoo models are made of. torch::nn's own draw their initial values from LibTorch's global generator;
// these leave them to initialize(), which is a function of the seed alone.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/embedding.h>

#include <cstdint>
#include <memory>

#include "examples.hpp"

namespace normdescent {

class Model : public torch::nn::Module {
 public:
  /// Mean loss over the examples.
  [[nodiscard]] virtual torch::Tensor loss(const Examples& examples) = 0;
};

/// y = x W^T + b, W (out, in).
class Dense : public torch::nn::Module {
 public:
  Dense(std::int64_t in, std::int64_t out, bool has_bias = true) {
    weight = register_parameter("weight", torch::empty({out, in}));
    if (has_bias) bias = register_parameter("bias", torch::empty({out}));
  }
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const { return at::linear(x, weight, bias); }

  torch::Tensor weight;
  torch::Tensor bias;
};

/// 3 x 3 (or `kernel` x `kernel`) convolution that keeps the size at stride 1.
class Convolution : public torch::nn::Module {
 public:
  Convolution(std::int64_t in, std::int64_t out, std::int64_t stride = 1, std::int64_t kernel = 3) : stride_(stride) {
    weight = register_parameter("weight", torch::empty({out, in, kernel, kernel}));
    bias = register_parameter("bias", torch::empty({out}));
  }
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const {
    return at::conv2d(x, weight, bias, stride_, weight.size(2) / 2);
  }

  torch::Tensor weight;
  torch::Tensor bias;

 private:
  std::int64_t stride_;
};

/// Mean 0 and variance 1 over the last dimension, then gain and bias.
class GainNorm : public torch::nn::Module {
 public:
  explicit GainNorm(std::int64_t width) {
    gain = register_parameter("gain", torch::empty({width}));
    bias = register_parameter("bias", torch::empty({width}));
  }
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const {
    return at::layer_norm(x, gain.sizes(), gain, bias);
  }

  torch::Tensor gain;
  torch::Tensor bias;
};

[[nodiscard]] inline torch::nn::Embedding make_table(std::int64_t rows, std::int64_t width) {
  return torch::nn::Embedding(torch::nn::EmbeddingOptions(rows, width)._weight(torch::empty({rows, width})));
}

struct Initialization {
  double gain = 1.0;             ///< weights: normal with deviation gain / sqrt(fan-in); sqrt(2) before a ReLU
  double head_gain = 1.0;        ///< the same for the weight of the head
  double table_deviation = 1.0;  ///< of embedding tables
};

/// Values of all parameters, by what they are: weights and tables normal, gains 1, biases 0. A pure function of (seed,
/// position of the tensor, position in the tensor).
void initialize(torch::nn::Module& module, const Initialization& how, std::uint64_t seed);

}  // namespace normdescent
