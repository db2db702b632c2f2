// SPDX-License-Identifier: Apache-2.0
// Letters   C width  H heads  D = C / H  x residual stream (C)  h its norm (C)
#include "normdescent/gpt/decoder.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "normdescent/linalg/reductions.hpp"
#include "weight_limits.hpp"

namespace normdescent {

namespace {

using Numbers = std::span<const float>;

/// y = W x + b, W (y, x)
void multiply(Numbers weight, Numbers bias, Numbers x, std::span<float> y) {
#pragma omp parallel for schedule(static)
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double shift = bias.empty() ? 0.0 : static_cast<double>(bias[i]);
    y[i] = static_cast<float>(dot(weight.subspan(i * x.size(), x.size()), x) + shift);
  }
}

/// y = gain (x - mean) / sqrt(variance + epsilon) + shift
void normalize(Numbers gain, Numbers shift, Numbers x, std::span<float> y) {
  const auto n = static_cast<double>(x.size());
  double mean = 0.0;
  for (const float v : x) mean += static_cast<double>(v);
  mean /= n;
  double variance = 0.0;
  for (const float v : x) variance += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
  const double inverse = 1.0 / std::sqrt(variance / n + gpt::kLayerNormEpsilon);
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<float>(static_cast<double>(gain[i]) * (static_cast<double>(x[i]) - mean) * inverse +
                              static_cast<double>(shift[i]));
}

/// "gelu_new"
float gelu(float u) {
  const auto x = static_cast<double>(u);
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return static_cast<float>(0.5 * x * (1.0 + std::tanh(inner)));
}

void add(Numbers branch, std::span<float> x) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += branch[i];
}

}  // namespace

GptDecoder::GptDecoder(GptWeights weights) : weights_(std::move(weights)) {
  const GptShape& s = weights_.shape;
  const auto parameters = weights_.parameters();
  std::size_t next = 0;
  const auto one = [&]() -> Numbers { return parameters[next++].value; };
  const auto dense = [&]() -> Dense {
    const Numbers weight = one();
    return {weight, one()};
  };
  const auto c = static_cast<std::size_t>(s.width);
  tokens_ = one();
  places_ = one();
  for (Index i = 0; i < s.layers; ++i) {
    // Braced initialisers are evaluated left to right: the order of gpt_parameters.
    layers_.push_back({dense(), dense(), dense(), dense(), dense(), dense(), {}, {}});
    for (auto* cache : {&layers_.back().keys, &layers_.back().values})
      cache->resize(c * static_cast<std::size_t>(s.context));
  }
  norm_f_ = dense();
  head_ = s.tied ? tokens_ : one();
  for (auto* buffer : {&x_, &h_, &mixed_, &branch_}) buffer->resize(c);
  qkv_.resize(3 * c);
  wide_.resize(4 * c);
  logits_.resize(static_cast<std::size_t>(s.vocabulary));
}

/// mixed = for each head, softmax(q k / sqrt(D)) v over all positions read; remembers this one's key and value.
void GptDecoder::attend(Layer& layer) {
  const auto c = x_.size();
  const auto d = c / static_cast<std::size_t>(weights_.shape.heads);
  const auto now = static_cast<std::size_t>(position_);
  const Numbers qkv(qkv_);
  std::ranges::copy(qkv.subspan(c, c), layer.keys.begin() + static_cast<std::ptrdiff_t>(now * c));
  std::ranges::copy(qkv.subspan(2 * c, c), layer.values.begin() + static_cast<std::ptrdiff_t>(now * c));
  const double scale = 1.0 / std::sqrt(static_cast<double>(d));
#pragma omp parallel for schedule(static)
  for (std::size_t first = 0; first < c; first += d) {
    std::vector<double> weights(now + 1);
    for (std::size_t t = 0; t <= now; ++t)
      weights[t] = scale * dot(qkv.subspan(first, d), Numbers(layer.keys).subspan(t * c + first, d));
    const double largest = *std::ranges::max_element(weights);
    double sum = 0.0;
    for (double& w : weights) sum += w = std::exp(w - largest);
    std::vector<double> mixed(d, 0.0);
    for (std::size_t t = 0; t <= now; ++t) {
      for (std::size_t i = 0; i < d; ++i)
        mixed[i] += weights[t] / sum * static_cast<double>(layer.values[t * c + first + i]);
    }
    for (std::size_t i = 0; i < d; ++i) mixed_[first + i] = static_cast<float>(mixed[i]);
  }
}

std::span<const float> GptDecoder::read(std::int64_t token) {
  if (token < 0 || token >= weights_.shape.vocabulary)
    throw std::out_of_range("token " + std::to_string(token) + ", the vocabulary has " +
                            std::to_string(weights_.shape.vocabulary));
  if (position_ >= weights_.shape.context)
    throw std::length_error("the context of " + std::to_string(weights_.shape.context) + " tokens is full");
  const auto c = x_.size();
  const Numbers word = tokens_.subspan(static_cast<std::size_t>(token) * c, c);
  const Numbers place = places_.subspan(static_cast<std::size_t>(position_) * c, c);
  for (std::size_t i = 0; i < c; ++i) x_[i] = word[i] + place[i];
  for (Layer& layer : layers_) {
    normalize(layer.norm_1.weight, layer.norm_1.bias, x_, h_);
    multiply(layer.attention.weight, layer.attention.bias, h_, qkv_);
    attend(layer);
    multiply(layer.projection.weight, layer.projection.bias, mixed_, branch_);
    add(branch_, x_);
    normalize(layer.norm_2.weight, layer.norm_2.bias, x_, h_);
    multiply(layer.up.weight, layer.up.bias, h_, wide_);
    for (float& u : wide_) u = gelu(u);
    multiply(layer.down.weight, layer.down.bias, wide_, branch_);
    add(branch_, x_);
  }
  normalize(norm_f_.weight, norm_f_.bias, x_, h_);
  multiply(head_, {}, h_, logits_);
  ++position_;
  return logits_;
}

}  // namespace normdescent
