// SPDX-License-Identifier: Apache-2.0
// A problem where everything is known: f(x) = 1/2 sum h_i x_i^2, gradients with additive noise of known size.
#pragma once

#include <atomic>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "normdescent/base/philox.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent::test {

struct QuadraticOptions {
  std::vector<double> curvature;   ///< h, one number a coordinate
  std::vector<double> noise = {};  ///< standard deviation of each coordinate per example; empty: none
  std::uint32_t batch_size = 1;
  double start = 1.0;  ///< every |x_i| at the start; the signs come from the seed
  /// Above this |x_i| the loss is NaN; 0: never.
  double cliff = 0.0;
};

/// loss(x; example e) = f(x) + n_e' x, n_e Gaussian; so the gradient's noise is n_e at every x.
class QuadraticObjective : public Objective {
 public:
  QuadraticObjective(const QuadraticOptions& options, std::uint64_t seed)
      : options_(options), buffer_({{"x", {static_cast<Index>(options.curvature.size())}, Role::vector}}) {
    Philox random(seed, 1);
    for (float& x : buffer_.values()) x = static_cast<float>(random.uniform() < 0.5 ? -options.start : options.start);
  }
  [[nodiscard]] std::span<const Parameter> parameters() const override { return buffer_.parameters(); }

  double gradient(const Batch& batch) override {
    const auto noise = mean_noise(batch);
    for (std::size_t i = 0; i < noise.size(); ++i)
      buffer_.gradients()[i] = static_cast<float>(options_.curvature[i] * x(i) + noise[i]);
    return loss_with(noise);
  }
  double loss(const Batch& batch) override { return loss_with(mean_noise(batch)); }
  double validation_loss() override { return loss_with(std::vector<double>(options_.curvature.size(), 0.0)); }

 private:
  double x(std::size_t i) { return static_cast<double>(buffer_.values()[i]); }
  double loss_with(const std::vector<double>& noise) {
    double sum = 0.0;
    for (std::size_t i = 0; i < noise.size(); ++i) {
      sum += (0.5 * options_.curvature[i] * x(i) + noise[i]) * x(i);
      if (options_.cliff > 0.0 && std::abs(x(i)) > options_.cliff) return std::nan("");
    }
    return sum;
  }
  [[nodiscard]] std::vector<double> mean_noise(const Batch& batch) const {
    std::vector<double> noise(options_.curvature.size(), 0.0);
    for (std::uint64_t e = batch.first; !options_.noise.empty() && e < batch.first + batch.count; ++e) {
      Philox random(batch.stream, e);
      for (std::size_t i = 0; i < noise.size(); ++i) noise[i] += options_.noise[i] * random.normal() / batch.count;
    }
    return noise;
  }

  QuadraticOptions options_;
  ParameterBuffer<float> buffer_;
};

class QuadraticProblem : public Problem {
 public:
  explicit QuadraticProblem(QuadraticOptions options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "quadratic"; }
  [[nodiscard]] std::uint32_t batch_size() const override { return options_.batch_size; }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    return std::make_unique<QuadraticObjective>(options_, seed);
  }

 private:
  QuadraticOptions options_;
};

}  // namespace normdescent::test
