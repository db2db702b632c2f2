// SPDX-License-Identifier: Apache-2.0
#include "vector_models.hpp"

#include <string>

namespace normdescent {
namespace {

using Layers = std::vector<std::shared_ptr<Dense>>;

torch::Tensor half_squared_error(const torch::Tensor& predicted, const torch::Tensor& target) {
  return 0.5 * (predicted - target).square().mean();
}

/// The layers of a perceptron as submodules of `module`.
Layers register_layers(torch::nn::Module& module, const std::vector<std::int64_t>& widths) {
  Layers layers;
  for (std::size_t i = 1; i < widths.size(); ++i) {
    const bool is_head = widths.size() > 2 && i + 1 == widths.size();
    const std::string name = is_head ? "head" : "layer_" + std::to_string(i);
    layers.push_back(module.register_module(name, std::make_shared<Dense>(widths[i - 1], widths[i])));
  }
  return layers;
}

template <class Activation>
torch::Tensor run(const Layers& layers, torch::Tensor x, Activation activation) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    x = layers[i]->forward(x);
    if (i + 1 < layers.size()) x = activation(x);
  }
  return x;
}

class Classifier final : public Model {
 public:
  explicit Classifier(const std::vector<std::int64_t>& widths) : layers_(register_layers(*this, widths)) {}
  torch::Tensor loss(const Examples& examples) override {
    const auto logits = run(layers_, examples.inputs.flatten(1), [](const auto& x) { return at::relu(x); });
    return at::cross_entropy_loss(logits, examples.targets);
  }

 private:
  Layers layers_;
};

class Regression final : public Model {
 public:
  explicit Regression(const std::vector<std::int64_t>& widths) : layers_(register_layers(*this, widths)) {}
  torch::Tensor loss(const Examples& examples) override {
    const auto predicted = run(layers_, examples.inputs, [](const auto& x) { return at::tanh(x); });
    return half_squared_error(predicted.squeeze(1), examples.targets);
  }

 private:
  Layers layers_;
};

class Autoencoder final : public Model {
 public:
  explicit Autoencoder(std::vector<std::int64_t> widths) {
    for (std::size_t i = widths.size() - 1; i-- > 0;) widths.push_back(widths[i]);
    layers_ = register_layers(*this, widths);
  }
  torch::Tensor loss(const Examples& examples) override {
    const auto inputs = examples.inputs.flatten(1);
    const auto outputs = run(layers_, inputs, [](const auto& x) { return at::tanh(x); });
    return half_squared_error(outputs, inputs) * static_cast<double>(inputs.size(1));
  }

 private:
  Layers layers_;
};

class Factorization final : public Model {
 public:
  Factorization(std::int64_t rows, std::int64_t columns, std::int64_t rank) {
    row_factors_ = register_module("rows", make_table(rows, rank));
    column_factors_ = register_module("columns", make_table(columns, rank));
  }
  torch::Tensor loss(const Examples& examples) override {
    const auto indices = examples.inputs.to(at::kLong);
    const auto predicted = (row_factors_(indices.select(1, 0)) * column_factors_(indices.select(1, 1))).sum(1);
    return half_squared_error(predicted, examples.targets);
  }

 private:
  torch::nn::Embedding row_factors_{nullptr};
  torch::nn::Embedding column_factors_{nullptr};
};

class Bilinear final : public Model {
 public:
  Bilinear(std::int64_t rows, std::int64_t columns, std::int64_t rank) : rows_(rows), columns_(columns) {
    left_ = register_module("left", std::make_shared<Dense>(rows, rank, false));
    right_ = register_module("right", std::make_shared<Dense>(columns, rank, false));
  }
  torch::Tensor loss(const Examples& examples) override {
    const auto a = examples.inputs.narrow(1, 0, rows_);
    const auto b = examples.inputs.narrow(1, rows_, columns_);
    return half_squared_error((left_->forward(a) * right_->forward(b)).sum(1), examples.targets);
  }

 private:
  std::int64_t rows_;
  std::int64_t columns_;
  std::shared_ptr<Dense> left_;
  std::shared_ptr<Dense> right_;
};

}  // namespace

std::shared_ptr<Model> make_classifier(const std::vector<std::int64_t>& widths) {
  return std::make_shared<Classifier>(widths);
}
std::shared_ptr<Model> make_regression(const std::vector<std::int64_t>& widths) {
  return std::make_shared<Regression>(widths);
}
std::shared_ptr<Model> make_autoencoder(const std::vector<std::int64_t>& widths) {
  return std::make_shared<Autoencoder>(widths);
}
std::shared_ptr<Model> make_factorization(std::int64_t rows, std::int64_t columns, std::int64_t rank) {
  return std::make_shared<Factorization>(rows, columns, rank);
}
std::shared_ptr<Model> make_bilinear(std::int64_t rows, std::int64_t columns, std::int64_t rank) {
  return std::make_shared<Bilinear>(rows, columns, rank);
}

}  // namespace normdescent
