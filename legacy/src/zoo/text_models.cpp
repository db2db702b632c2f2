// SPDX-License-Identifier: Apache-2.0
// Letters: B batch  T time  C width  H heads  D = C / H  V vocabulary
#include "text_models.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace normdescent {
namespace {

/// Mean cross entropy of logits (..., V) for as many targets.
torch::Tensor cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets) {
  return at::cross_entropy_loss(logits.reshape({-1, logits.size(-1)}), targets.reshape({-1}));
}

torch::Tensor all_but_last(const torch::Tensor& windows) { return windows.narrow(1, 0, windows.size(1) - 1); }
torch::Tensor all_but_first(const torch::Tensor& windows) { return windows.narrow(1, 1, windows.size(1) - 1); }

class Bigram final : public Model {
 public:
  explicit Bigram(std::int64_t vocabulary) { table_ = register_module("table", make_table(vocabulary, vocabulary)); }
  torch::Tensor loss(const Examples& examples) override {
    return cross_entropy(table_(all_but_last(examples.inputs)), all_but_first(examples.inputs));
  }

 private:
  torch::nn::Embedding table_{nullptr};
};

class MlpLanguageModel final : public Model {
 public:
  explicit MlpLanguageModel(const MlpModelShape& shape) : context_(shape.context) {
    table_ = register_module("table", make_table(shape.vocabulary, shape.width));
    hidden_ = register_module("hidden", std::make_shared<Dense>(shape.context * shape.width, shape.hidden));
    head_ = register_module("head", std::make_shared<Dense>(shape.hidden, shape.vocabulary));
  }
  torch::Tensor loss(const Examples& examples) override {
    const auto before = table_(all_but_last(examples.inputs)).flatten(1);
    const auto logits = head_->forward(at::tanh(hidden_->forward(before)));
    return cross_entropy(logits, examples.inputs.select(1, context_));
  }

 private:
  std::int64_t context_;
  torch::nn::Embedding table_{nullptr};
  std::shared_ptr<Dense> hidden_;
  std::shared_ptr<Dense> head_;
};

class Lstm final : public Model {
 public:
  explicit Lstm(const LstmShape& shape) : hidden_(shape.hidden) {
    table_ = register_module("table", make_table(shape.vocabulary, shape.width));
    input_ = register_module("input", std::make_shared<Dense>(shape.width, 4 * hidden_));
    recurrent_ = register_module("recurrent", std::make_shared<Dense>(hidden_, 4 * hidden_, false));
    head_ = register_module("head", std::make_shared<Dense>(hidden_, shape.vocabulary));
  }

  torch::Tensor loss(const Examples& examples) override {
    // (T, B, 4 hidden): the input's share of all gates in one product.
    const auto gates = input_->forward(table_(all_but_last(examples.inputs).t()));
    const std::int64_t batch = examples.inputs.size(0);
    auto state = at::zeros({batch, hidden_});
    auto cell = at::zeros({batch, hidden_});
    std::vector<torch::Tensor> states;
    for (const auto& step : gates.unbind(0)) {
      const auto parts = (step + recurrent_->forward(state)).chunk(4, 1);
      // A forget gate that starts open (Jozefowicz et al. 2015), without a bias that only one gate would have.
      const auto forget = at::sigmoid(parts[1] + 1.0);
      cell = forget * cell + at::sigmoid(parts[0]) * at::tanh(parts[2]);
      state = at::sigmoid(parts[3]) * at::tanh(cell);
      states.push_back(state);
    }
    return cross_entropy(head_->forward(at::stack(states, 1)), all_but_first(examples.inputs));
  }

 private:
  std::int64_t hidden_;
  torch::nn::Embedding table_{nullptr};
  std::shared_ptr<Dense> input_;
  std::shared_ptr<Dense> recurrent_;
  std::shared_ptr<Dense> head_;
};

class PostNormBlock final : public torch::nn::Module {
 public:
  explicit PostNormBlock(const PostNormShape& shape) : heads_(shape.heads) {
    const std::int64_t c = shape.width;
    attention_ = register_module("attention", std::make_shared<Dense>(c, 3 * c));
    mix_ = register_module("mix", std::make_shared<Dense>(c, c));
    norm_1_ = register_module("norm_1", std::make_shared<GainNorm>(c));
    up_ = register_module("up", std::make_shared<Dense>(c, 4 * c));
    down_ = register_module("down", std::make_shared<Dense>(4 * c, c));
    norm_2_ = register_module("norm_2", std::make_shared<GainNorm>(c));
  }

  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& mask) const {
    const std::int64_t b = x.size(0);
    const std::int64_t t = x.size(1);
    const std::int64_t c = x.size(2);
    const std::int64_t d = c / heads_;
    const auto qkv =
        attention_->forward(x).view({b, t, 3, heads_, d}).permute({2, 0, 3, 1, 4}).reshape({3, b * heads_, t, d});
    const auto scores = at::baddbmm(mask, qkv[0], qkv[1].transpose(1, 2), 1.0, 1.0 / std::sqrt(static_cast<double>(d)));
    const auto mixed = at::bmm(at::softmax(scores, -1), qkv[2]);
    const auto attended = mix_->forward(mixed.view({b, heads_, t, d}).transpose(1, 2).reshape({b, t, c}));
    const auto y = norm_1_->forward(x + attended);
    return norm_2_->forward(y + down_->forward(at::gelu(up_->forward(y), "tanh")));
  }

 private:
  std::int64_t heads_;
  std::shared_ptr<Dense> attention_;
  std::shared_ptr<Dense> mix_;
  std::shared_ptr<GainNorm> norm_1_;
  std::shared_ptr<Dense> up_;
  std::shared_ptr<Dense> down_;
  std::shared_ptr<GainNorm> norm_2_;
};

class PostNormGpt final : public Model {
 public:
  explicit PostNormGpt(const PostNormShape& shape) {
    tokens_ = register_module("tokens", make_table(shape.vocabulary, shape.width));
    positions_ = register_module("positions", make_table(shape.context, shape.width));
    for (std::int64_t i = 0; i < shape.layers; ++i) {
      blocks_.push_back(register_module("block_" + std::to_string(i), std::make_shared<PostNormBlock>(shape)));
    }
    if (!shape.is_tied) head_ = register_module("head", std::make_shared<Dense>(shape.width, shape.vocabulary, false));
  }

  torch::Tensor loss(const Examples& examples) override {
    const auto inputs = all_but_last(examples.inputs);
    const std::int64_t t = inputs.size(1);
    auto x = tokens_(inputs) + positions_->weight.narrow(0, 0, t);
    const auto mask = at::full({t, t}, -std::numeric_limits<double>::infinity(), x.options()).triu_(1);
    for (const auto& block : blocks_) x = block->forward(x, mask);
    return cross_entropy(head_ ? head_->forward(x) : at::linear(x, tokens_->weight), all_but_first(examples.inputs));
  }

 private:
  torch::nn::Embedding tokens_{nullptr};
  torch::nn::Embedding positions_{nullptr};
  std::vector<std::shared_ptr<PostNormBlock>> blocks_;
  std::shared_ptr<Dense> head_;  ///< only when untied
};

}  // namespace

std::shared_ptr<Model> make_bigram_model(std::int64_t vocabulary) { return std::make_shared<Bigram>(vocabulary); }
std::shared_ptr<Model> make_mlp_language_model(const MlpModelShape& shape) {
  return std::make_shared<MlpLanguageModel>(shape);
}
std::shared_ptr<Model> make_lstm(const LstmShape& shape) { return std::make_shared<Lstm>(shape); }
std::shared_ptr<Model> make_post_norm_gpt(const PostNormShape& shape) { return std::make_shared<PostNormGpt>(shape); }

}  // namespace normdescent
