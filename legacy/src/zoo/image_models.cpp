// SPDX-License-Identifier: Apache-2.0
#include "image_models.hpp"

#include <string>

namespace normdescent {
namespace {

class Cnn final : public Model {
 public:
  Cnn(std::int64_t side, std::int64_t channels, std::int64_t classes) {
    first_ = register_module("first", std::make_shared<Convolution>(1, channels));
    second_ = register_module("second", std::make_shared<Convolution>(channels, 2 * channels, 2));
    third_ = register_module("third", std::make_shared<Convolution>(2 * channels, 2 * channels, 2));
    head_ = register_module("head", std::make_shared<Dense>(2 * channels * (side / 4) * (side / 4), classes));
  }
  torch::Tensor loss(const Examples& examples) override {
    auto x = at::relu(first_->forward(examples.inputs));
    x = at::relu(second_->forward(x));
    x = at::relu(third_->forward(x));
    return at::cross_entropy_loss(head_->forward(x.flatten(1)), examples.targets);
  }

 private:
  std::shared_ptr<Convolution> first_;
  std::shared_ptr<Convolution> second_;
  std::shared_ptr<Convolution> third_;
  std::shared_ptr<Dense> head_;
};

class GroupNorm final : public torch::nn::Module {
 public:
  explicit GroupNorm(std::int64_t channels) {
    gain_ = register_parameter("gain", torch::empty({channels}));
    bias_ = register_parameter("bias", torch::empty({channels}));
  }
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const { return at::group_norm(x, kGroups, gain_, bias_); }

 private:
  static constexpr std::int64_t kGroups = 4;
  torch::Tensor gain_;
  torch::Tensor bias_;
};

class ResidualBlock final : public torch::nn::Module {
 public:
  ResidualBlock(std::int64_t in, std::int64_t out, std::int64_t stride) {
    norm_1_ = register_module("norm_1", std::make_shared<GroupNorm>(in));
    convolution_1_ = register_module("convolution_1", std::make_shared<Convolution>(in, out, stride));
    norm_2_ = register_module("norm_2", std::make_shared<GroupNorm>(out));
    convolution_2_ = register_module("convolution_2", std::make_shared<Convolution>(out, out));
    shortcut_ = register_module("shortcut", std::make_shared<Convolution>(in, out, stride, 1));
  }
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x) const {
    const auto y = convolution_1_->forward(at::relu(norm_1_->forward(x)));
    return shortcut_->forward(x) + convolution_2_->forward(at::relu(norm_2_->forward(y)));
  }

 private:
  std::shared_ptr<GroupNorm> norm_1_;
  std::shared_ptr<Convolution> convolution_1_;
  std::shared_ptr<GroupNorm> norm_2_;
  std::shared_ptr<Convolution> convolution_2_;
  std::shared_ptr<Convolution> shortcut_;
};

class ResNet final : public Model {
 public:
  ResNet(std::int64_t channels, std::int64_t classes) {
    stem_ = register_module("stem", std::make_shared<Convolution>(1, channels, 2));
    block_1_ = register_module("block_1", std::make_shared<ResidualBlock>(channels, channels, 1));
    block_2_ = register_module("block_2", std::make_shared<ResidualBlock>(channels, 2 * channels, 2));
    head_ = register_module("head", std::make_shared<Dense>(2 * channels, classes));
  }
  torch::Tensor loss(const Examples& examples) override {
    const auto x = block_2_->forward(block_1_->forward(stem_->forward(examples.inputs)));
    return at::cross_entropy_loss(head_->forward(at::relu(x).mean({2, 3})), examples.targets);
  }

 private:
  std::shared_ptr<Convolution> stem_;
  std::shared_ptr<ResidualBlock> block_1_;
  std::shared_ptr<ResidualBlock> block_2_;
  std::shared_ptr<Dense> head_;
};

}  // namespace

std::shared_ptr<Model> make_cnn(std::int64_t side, std::int64_t channels, std::int64_t classes) {
  return std::make_shared<Cnn>(side, channels, classes);
}
std::shared_ptr<Model> make_resnet(std::int64_t channels, std::int64_t classes) {
  return std::make_shared<ResNet>(channels, classes);
}

}  // namespace normdescent
