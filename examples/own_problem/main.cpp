// SPDX-License-Identifier: Apache-2.0
// Which optimizer for a loss of one's own? Here: 20 weights of a logistic regression, drawn from seeds.
#include <cmath>
#include <cstdio>
#include <normdescent/base/philox.hpp>
#include <normdescent/compare/compare.hpp>

using normdescent::Batch;

struct Logistic : normdescent::Objective {
  normdescent::ParameterBuffer<float> weights{{{"w", {20}}}};
  std::span<const normdescent::Parameter> parameters() const override { return weights.parameters(); }
  double loss_and_gradient(const Batch& batch, float* gradient) {  // -log P(label | x), mean over the batch
    double loss = 0.0;
    for (std::uint64_t e = batch.first; e < batch.first + batch.count; ++e) {
      normdescent::Philox random(batch.stream, e);  // an example is a function of its number
      double x[20], score = 0.0, truth = 0.0;
      for (int i = 0; i < 20; ++i) truth += (x[i] = random.normal()) / (i + 1), score += x[i] * weights.values()[i];
      const double sign = truth + 0.2 * random.normal() > 0.0 ? 1.0 : -1.0;
      loss += std::log1p(std::exp(-sign * score)) / batch.count;
      const double slope = -sign / (1.0 + std::exp(sign * score)) / batch.count;
      for (int i = 0; gradient != nullptr && i < 20; ++i) gradient[i] += static_cast<float>(slope * x[i]);
    }
    return loss;
  }
  double gradient(const Batch& batch) override {
    std::fill(weights.gradients().begin(), weights.gradients().end(), 0.0F);
    return loss_and_gradient(batch, weights.gradients().data());
  }
  double loss(const Batch& batch) override { return loss_and_gradient(batch, nullptr); }
  double validation_loss() override { return loss({.stream = 7, .first = 0, .count = 500}); }
};

int main() {
  normdescent::CompareObserver quiet;
  const normdescent::ProblemFrom problem("logistic", 8, [](std::uint64_t) { return std::make_unique<Logistic>(); });
  const auto result = normdescent::compare(problem, {.optimizers = {"sgd", "signsgd", "adamw"}}, quiet);
  std::printf("%s\n", result.verdict.c_str());
  return result.is_complete ? 0 : 1;
}
