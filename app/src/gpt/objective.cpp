// SPDX-License-Identifier: Apache-2.0
#include "normdescent/gpt/objective.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernel.hpp"
#include "normdescent/gpt/initialize.hpp"
#include "product.hpp"

namespace normdescent {

namespace {

class GptObjective final : public Objective {
 public:
  GptObjective(const GptShape& shape, Precision precision, GptData data, std::uint64_t seed)
      : data_(std::move(data)), buffer_(gpt_parameters(shape)) {
    std::uint64_t tensor_index = 0;
    for (const Parameter& p : buffer_.parameters()) {
      initialize_gpt_tensor(p.info.name, shape.layers, seed, tensor_index++, p.value);
    }
    kernel_ = gpt::make_kernel(shape, data_.context, resolve(precision), buffer_.parameters());
  }

  [[nodiscard]] std::span<const Parameter> parameters() const override { return buffer_.parameters(); }
  double gradient(const Batch& batch) override { return kernel_->gradient(windows(batch)); }
  double loss(const Batch& batch) override { return kernel_->loss(windows(batch)); }
  [[nodiscard]] std::span<Bfloat16* const> rounded_values() override { return kernel_->rounded_values(); }
  void trust_rounded_values() override { kernel_->trust_rounded_values(); }
  void set_gradient_listener(GradientListener listener) override {
    kernel_->set_gradient_listener(std::move(listener));
  }

  double validation_loss() override {
    const std::span<const std::int64_t> all(*data_.validation_windows);
    const auto chunk = static_cast<std::size_t>(data_.chunk * (data_.context + 1));
    double total = 0.0;
    for (std::size_t first = 0; first < all.size(); first += chunk) {
      const auto part = all.subspan(first, std::min(chunk, all.size() - first));
      if (first > 0) kernel_->trust_rounded_values();
      total += kernel_->loss(part) * static_cast<double>(part.size());
    }
    return total / static_cast<double>(all.size());
  }

 private:
  std::span<const std::int64_t> windows(const Batch& batch) {
    windows_.resize(batch.count * static_cast<std::size_t>(data_.context + 1));
    data_.training_windows(batch, windows_);
    return windows_;
  }

  GptData data_;
  ParameterBuffer<float> buffer_;
  std::unique_ptr<gpt::Kernel> kernel_;
  std::vector<std::int64_t> windows_;
};

}  // namespace

const char* to_string(Precision precision) {
  switch (precision) {
    case Precision::automatic: return "automatic";
    case Precision::float32: return "float32";
    case Precision::bfloat16: return "bfloat16";
  }
  return "?";
}

Precision resolve(Precision precision) {
  const bool is_narrow = (precision == Precision::automatic && gpt::has_native_bfloat16()) ||
                         (precision == Precision::bfloat16 && gpt::has_bfloat16());
  return is_narrow ? Precision::bfloat16 : Precision::float32;
}

std::unique_ptr<Objective> make_gpt_objective(const GptShape& shape, Precision precision, GptData data,
                                              std::uint64_t seed) {
  validate(shape);
  const auto refuse = [](const std::string& field, Index value, const std::string& domain) {
    throw std::invalid_argument(field + " = " + std::to_string(value) + ", must be " + domain);
  };
  if (data.context < 1 || data.context > shape.context) {
    refuse("context", data.context, "in [1, " + std::to_string(shape.context) + "], the model's context");
  }
  if (data.chunk < 1) refuse("chunk", data.chunk, ">= 1");
  const auto tokens = data.validation_windows ? static_cast<Index>(data.validation_windows->size()) : 0;
  if (tokens == 0 || tokens % (data.context + 1) != 0) {
    refuse("validation tokens", tokens, "a positive multiple of context + 1 = " + std::to_string(data.context + 1));
  }
  return std::make_unique<GptObjective>(shape, precision, std::move(data), seed);
}

}  // namespace normdescent
