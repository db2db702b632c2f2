// SPDX-License-Identifier: Apache-2.0
// Letters   B windows  T time  N = B T rows  C width
//           S storage type of product operands (float or Bfloat16); everything else is float
#include "kernel.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "attention.hpp"
#include "dense_products.hpp"
#include "head.hpp"
#include "loops.hpp"
#include "operand_weights.hpp"

namespace normdescent::gpt {

namespace {

/// Products of one batch size.
template <class S>
struct Plan {
  Plan(Index n, Index c)
      : attn(n, c, 3 * c, {.has_bias = true, .out_type = kType<S>}),
        attn_out(n, c, c, {.has_bias = true, .dx_type = kType<S>}),
        up(n, c, 4 * c, {.has_bias = true, .out_type = kType<S>}),
        down(n, 4 * c, c, {.has_bias = true, .dx_type = kType<S>}) {}
  DenseProducts<S> attn, attn_out, up, down;
};

/// Weights, biases and their gradients of one dense layer or norm.
struct Affine {
  const float* weight;
  const float* bias;
  float* dweight;
  float* dbias;
};

struct LayerParameters {
  Affine norm_1, attn, attn_out, norm_2, up, down;
};
constexpr std::size_t kTables = 2;     // parameters before those of the layers
constexpr std::size_t kPerLayer = 12;  // two for each Affine

/// What the backward pass reads of one layer.
template <class S>
struct LayerMemory {
  std::vector<float> x, mean_1, inverse_1, log_sums, y, mean_2, inverse_2;
  std::vector<S> h_1, qkv, o, h_2, u, a;
};

/// Weight matrices of one layer in S.
template <class S>
struct LayerWeights {
  const S* attn;
  const S* attn_out;
  const S* up;
  const S* down;
};

template <class S>
class KernelOf final : public Kernel {
 public:
  KernelOf(const GptShape& shape, Index context, std::span<const Parameter> parameters)
      : shape_(shape),
        t_(context),
        c_(shape.width),
        operands_(parameters),
        attention_(context, shape.heads, shape.width / shape.heads),
        output_(shape.width, shape.vocabulary) {
    std::size_t next = 0;
    const auto one = [&]() -> const Parameter& { return parameters[next++]; };
    const auto affine = [&] {
      const Parameter& w = one();
      const Parameter& b = one();
      return Affine{w.value.data(), b.value.data(), w.gradient.data(), b.gradient.data()};
    };
    wte_ = one();
    wpe_ = one();
    for (Index i = 0; i < shape.layers; ++i) {
      // Braced initialisers are evaluated left to right: the order of gpt_parameters.
      layers_.push_back(LayerParameters{affine(), affine(), affine(), affine(), affine(), affine()});
    }
    norm_f_ = affine();
    head_ = shape.tied ? wte_ : one();
    if (next != parameters.size()) throw std::logic_error("GPT kernel: parameters of another shape");
    memory_.resize(layers_.size());
    for (const LayerParameters& l : layers_) {
      weights_.push_back({operands_.at(l.attn.weight), operands_.at(l.attn_out.weight), operands_.at(l.up.weight),
                          operands_.at(l.down.weight)});
    }
    head_weight_ = operands_.at(head_.value.data());
  }

  [[nodiscard]] std::span<Bfloat16* const> rounded_values() override { return operands_.rounded_values(); }
  void trust_rounded_values() override { operands_.trust(); }

  double loss(std::span<const std::int64_t> windows) override {
    prepare(windows);
    return forward(/*gradient=*/nullptr);
  }

  double gradient(std::span<const std::int64_t> windows) override {
    prepare(windows);
    const typename Head<S>::Gradient gradient{branch_.data(), head_.gradient.data()};
    const double result = forward(&gradient);
    backward();
    return result;
  }

 private:
  void prepare(std::span<const std::int64_t> windows) {
    b_ = static_cast<Index>(windows.size()) / (t_ + 1);
    n_ = b_ * t_;
    auto& plan = plans_[b_];
    if (!plan) plan = std::make_unique<Plan<S>>(n_, c_);
    plan_ = plan.get();
    allocate();
    for (Index b = 0; b < b_; ++b) {
      const auto* window = windows.data() + b * (t_ + 1);
      std::copy_n(window, t_, inputs_.begin() + b * t_);
      std::copy_n(window + 1, t_, targets_.begin() + b * t_);
    }
    operands_.refresh();
  }

  void allocate() {
    const auto grow = [](auto& buffer, Index size) {
      if (static_cast<Index>(buffer.size()) < size) buffer.resize(static_cast<std::size_t>(size));
    };
    const Index rows = n_ * c_;
    for (LayerMemory<S>& m : memory_) {
      for (auto* buffer : {&m.x, &m.y}) grow(*buffer, rows);
      for (auto* buffer : {&m.mean_1, &m.inverse_1, &m.mean_2, &m.inverse_2}) grow(*buffer, n_);
      for (auto* buffer : {&m.h_1, &m.o, &m.h_2}) grow(*buffer, rows);
      grow(m.qkv, 3 * rows);
      grow(m.log_sums, n_ * shape_.heads);
      grow(m.u, 4 * rows);
      grow(m.a, 4 * rows);
    }
    for (auto* buffer : {&x_f_, &branch_, &dx_}) grow(*buffer, rows);
    for (auto* buffer : {&mean_f_, &inverse_f_}) grow(*buffer, n_);
    for (auto* buffer : {&h_f_, &dx_rounded_, &d_o_}) grow(*buffer, rows);
    grow(wide_, 4 * rows);
    grow(dqkv_, 3 * rows);
    grow(inputs_, n_);
    grow(targets_, n_);
  }

  double forward(const typename Head<S>::Gradient* gradient) {
    embed(memory_[0].x.data());
    // A layer's second branch is added by the norm that follows it.
    const float* x = memory_[0].x.data();
    const float* branch = nullptr;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      forward_layer(i, x, branch);
      x = memory_[i].y.data();
      branch = branch_.data();
    }
    norm_forward<S>(
        {x, branch, norm_f_.weight, norm_f_.bias, x_f_.data(), mean_f_.data(), inverse_f_.data(), h_f_.data()}, n_, c_);
    return output_.loss(h_f_.data(), head_weight_, targets_.data(), n_, gradient);
  }

  void forward_layer(std::size_t i, const float* x, const float* branch) {
    const LayerParameters& w = layers_[i];
    LayerMemory<S>& m = memory_[i];
    norm_forward<S>(
        {x, branch, w.norm_1.weight, w.norm_1.bias, m.x.data(), m.mean_1.data(), m.inverse_1.data(), m.h_1.data()}, n_,
        c_);
    plan_->attn.forward.run(m.h_1.data(), weights_[i].attn, m.qkv.data(), w.attn.bias);
    attention_.forward(b_, m.qkv.data(), m.o.data(), m.log_sums.data());
    plan_->attn_out.forward.run(m.o.data(), weights_[i].attn_out, branch_.data(), w.attn_out.bias);
    norm_forward<S>({m.x.data(), branch_.data(), w.norm_2.weight, w.norm_2.bias, m.y.data(), m.mean_2.data(),
                     m.inverse_2.data(), m.h_2.data()},
                    n_, c_);
    plan_->up.forward.run(m.h_2.data(), weights_[i].up, m.u.data(), w.up.bias);
    gelu_forward(m.u.data(), m.a.data(), 4 * n_ * c_);
    plan_->down.forward.run(m.a.data(), weights_[i].down, branch_.data(), w.down.bias);
  }

  void backward() {
    norm_backward<S>({branch_.data(), x_f_.data(), mean_f_.data(), inverse_f_.data(), norm_f_.weight, nullptr,
                      dx_.data(), dx_rounded_.data(), norm_f_.dweight, norm_f_.dbias, layers_.back().down.dbias},
                     n_, c_);
    for (std::size_t i = layers_.size(); i-- > 0;) {
      backward_layer(i);
      announce(kTables + i * kPerLayer, kTables + (i + 1) * kPerLayer);
    }
    embed_backward();
  }

  /// The norm above has already summed the gradient of the last bias: each bias that ends a branch is the norm's next.
  void backward_layer(std::size_t i) {
    const LayerParameters& w = layers_[i];
    LayerMemory<S>& m = memory_[i];
    // mlp
    plan_->down.dw.run(dx_rounded_.data(), m.a.data(), w.down.dweight);
    plan_->down.dx.run(dx_rounded_.data(), weights_[i].down, wide_.data());
    gelu_backward(m.u.data(), wide_.data(), w.up.dbias, n_, 4 * c_);
    plan_->up.dw.run(wide_.data(), m.h_2.data(), w.up.dweight);
    plan_->up.dx.run(wide_.data(), weights_[i].up, branch_.data());
    norm_backward<S>({branch_.data(), m.y.data(), m.mean_2.data(), m.inverse_2.data(), w.norm_2.weight, dx_.data(),
                      dx_.data(), dx_rounded_.data(), w.norm_2.dweight, w.norm_2.dbias, w.attn_out.dbias},
                     n_, c_);
    // attention
    plan_->attn_out.dw.run(dx_rounded_.data(), m.o.data(), w.attn_out.dweight);
    plan_->attn_out.dx.run(dx_rounded_.data(), weights_[i].attn_out, d_o_.data());
    attention_.backward(b_, m.qkv.data(), m.log_sums.data(), d_o_.data(), dqkv_.data());
    plan_->attn.dw.run(dqkv_.data(), m.h_1.data(), w.attn.dweight);
    column_sums(dqkv_.data(), w.attn.dbias, n_, 3 * c_);
    plan_->attn.dx.run(dqkv_.data(), weights_[i].attn, branch_.data());
    norm_backward<S>(
        {branch_.data(), m.x.data(), m.mean_1.data(), m.inverse_1.data(), w.norm_1.weight, dx_.data(), dx_.data(),
         dx_rounded_.data(), w.norm_1.dweight, w.norm_1.dbias, i > 0 ? layers_[i - 1].down.dbias : nullptr},
        n_, c_);
  }

  void embed(float* x) const {
    for (Index i = 0; i < n_; ++i) {
      const float* token = wte_.value.data() + inputs_[static_cast<std::size_t>(i)] * c_;
      const float* position = wpe_.value.data() + (i % t_) * c_;
      for (Index j = 0; j < c_; ++j) x[i * c_ + j] = token[j] + position[j];
    }
  }

  /// Rows are added in order, by one thread: several rows may hold the same token.
  void embed_backward() {
    if (!shape_.tied) std::fill(wte_.gradient.begin(), wte_.gradient.end(), 0.0F);
    std::fill(wpe_.gradient.begin(), wpe_.gradient.end(), 0.0F);
    for (Index i = 0; i < n_; ++i) {
      const float* dx = dx_.data() + i * c_;
      float* token = wte_.gradient.data() + inputs_[static_cast<std::size_t>(i)] * c_;
      float* position = wpe_.gradient.data() + (i % t_) * c_;
      for (Index j = 0; j < c_; ++j) token[j] += dx[j];
      for (Index j = 0; j < c_; ++j) position[j] += dx[j];
    }
  }

  GptShape shape_;
  Index t_;
  Index c_;
  Parameter wte_, wpe_, head_;
  Affine norm_f_{};
  std::vector<LayerParameters> layers_;

  Index b_ = 0;
  Index n_ = 0;
  std::map<Index, std::unique_ptr<Plan<S>>> plans_;
  const Plan<S>* plan_ = nullptr;
  std::vector<std::int64_t> inputs_, targets_;
  OperandWeights<S> operands_;
  std::vector<LayerWeights<S>> weights_;
  const S* head_weight_ = nullptr;
  std::vector<LayerMemory<S>> memory_;
  Attention<S> attention_;
  Head<S> output_;
  std::vector<float> x_f_, mean_f_, inverse_f_, branch_, dx_;
  std::vector<S> h_f_, dx_rounded_, wide_, d_o_, dqkv_;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const GptShape& shape, Index context, Precision precision,
                                    std::span<const Parameter> parameters) {
  if (precision == Precision::bfloat16) return std::make_unique<KernelOf<Bfloat16>>(shape, context, parameters);
  return std::make_unique<KernelOf<float>>(shape, context, parameters);
}

}  // namespace normdescent::gpt
