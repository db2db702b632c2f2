// SPDX-License-Identifier: Apache-2.0
// An objective of several tensors that announces its gradients, last layer first, as a network does.
#pragma once

#include <cmath>
#include <functional>

#include "normdescent/base/philox.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent::test {

inline std::vector<ParameterInfo> layered_infos() {
  return {{"table", {7, 4}, Role::embedding}, {"a.weight", {8, 6}, Role::matrix}, {"a.bias", {8}, Role::vector},
          {"b.weight", {6, 8}, Role::matrix}, {"b.bias", {5}, Role::vector},      {"c.weight", {4, 9}, Role::matrix}};
}

/// loss(x; e) = sum_i h_i x_i^2 / 2 + n_e' x with h_i in [0.5, 1.5) and n_e Gaussian, some coordinates of it 0 for
/// every e; at the start x = 0 there, so that their gradients are exactly 0.
class LayeredObjective : public Objective {
 public:
  explicit LayeredObjective(std::uint64_t seed, bool announces = true)
      : announces_(announces), buffer_(layered_infos()) {
    Philox random(seed, 1);
    for (std::size_t i = 0; i < buffer_.values().size(); ++i)
      buffer_.values()[i] = is_dead(i) ? 0.0F : static_cast<float>(random.normal());
  }

  [[nodiscard]] std::span<const Parameter> parameters() const override { return buffer_.parameters(); }
  void set_gradient_listener(GradientListener listener) override { listener_ = std::move(listener); }

  double gradient(const Batch& batch) override {
    const auto noise = mean_noise(batch);
    const auto all = parameters();
    std::size_t end = noise.size();
    for (std::size_t layer = all.size(); layer-- > 0;) {
      const auto gradient = all[layer].gradient;
      const std::size_t first = end - gradient.size();
      for (std::size_t i = first; i < end; ++i)
        gradient[i - first] = static_cast<float>(curvature(i) * value(i) + noise[i]);
      if (layer + 1 == all.size() && marker != 0.0F) gradient[0] = marker;
      end = first;
      if (announces_ && listener_ && layer > 0) listener_(layer, layer + 1);
      if (layer + 1 == all.size() && after_first_layer) after_first_layer();
    }
    return loss_with(noise);
  }
  double loss(const Batch& batch) override { return loss_with(mean_noise(batch)); }
  double validation_loss() override { return loss_with(std::vector<double>(buffer_.values().size())); }

  float marker = 0.0F;  ///< not 0: first coordinate of the last tensor's gradient
  std::function<void()> after_first_layer;

 private:
  static bool is_dead(std::size_t i) { return i % 11 == 3; }
  static double curvature(std::size_t i) { return 0.5 + static_cast<double>(i % 10) / 10.0; }
  double value(std::size_t i) { return static_cast<double>(buffer_.values()[i]); }
  double loss_with(const std::vector<double>& noise) {
    double sum = 0.0;
    for (std::size_t i = 0; i < noise.size(); ++i) sum += (0.5 * curvature(i) * value(i) + noise[i]) * value(i);
    return sum;
  }
  std::vector<double> mean_noise(const Batch& batch) {
    std::vector<double> noise(buffer_.values().size());
    for (std::uint64_t e = batch.first; e < batch.first + batch.count; ++e) {
      Philox random(batch.stream, e);
      for (std::size_t i = 0; i < noise.size(); ++i) noise[i] += is_dead(i) ? 0.0 : random.normal() / batch.count;
    }
    return noise;
  }

  bool announces_;
  ParameterBuffer<float> buffer_;
  GradientListener listener_;
};

}  // namespace normdescent::test
