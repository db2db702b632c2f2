// SPDX-License-Identifier: Apache-2.0
#include "normdescent/train/accumulation.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace normdescent {

namespace {

class AccumulatingObjective final : public Objective {
 public:
  AccumulatingObjective(std::unique_ptr<Objective> objective, std::uint32_t micro_batch)
      : objective_(std::move(objective)), micro_batch_(micro_batch) {}

  [[nodiscard]] std::span<const Parameter> parameters() const override { return objective_->parameters(); }
  double validation_loss() override { return objective_->validation_loss(); }

  double loss(const Batch& batch) override {
    return over_parts(batch, [&](const Batch& part, float) { return objective_->loss(part); });
  }

  double gradient(const Batch& batch) override {
    if (batch.count <= micro_batch_) return objective_->gradient(batch);
    sums_.resize(parameters().size());
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i].assign(parameters()[i].gradient.size(), 0.0F);
    const double loss = over_parts(batch, [&](const Batch& part, float share) {
      const double part_loss = objective_->gradient(part);
      for (std::size_t i = 0; i < sums_.size(); ++i) add(share, parameters()[i].gradient, sums_[i]);
      return part_loss;
    });
    for (std::size_t i = 0; i < sums_.size(); ++i) std::ranges::copy(sums_[i], parameters()[i].gradient.begin());
    return loss;
  }

 private:
  /// sum_i share_i value(B_i)
  template <class Value>
  double over_parts(const Batch& batch, const Value& value) {
    double total = 0.0;
    for (std::uint32_t done = 0; done < batch.count;) {
      const std::uint32_t count = std::min(micro_batch_, batch.count - done);
      const double share = static_cast<double>(count) / static_cast<double>(batch.count);
      const Batch part{.stream = batch.stream, .first = batch.first + done, .count = count};
      total += share * value(part, static_cast<float>(share));
      done += count;
    }
    return total;
  }

  static void add(float share, std::span<const float> gradient, std::span<float> sum) {
    const auto size = static_cast<std::int64_t>(sum.size());
#pragma omp parallel for simd schedule(static)
    for (std::int64_t i = 0; i < size; ++i)
      sum[static_cast<std::size_t>(i)] += share * gradient[static_cast<std::size_t>(i)];
  }

  std::unique_ptr<Objective> objective_;
  std::uint32_t micro_batch_;
  std::vector<std::vector<float>> sums_;  ///< one a tensor
};

}  // namespace

std::unique_ptr<Objective> accumulate(std::unique_ptr<Objective> objective, std::uint32_t micro_batch) {
  if (micro_batch < 1) throw std::invalid_argument("micro_batch = 0, must be at least 1");
  return std::make_unique<AccumulatingObjective>(std::move(objective), micro_batch);
}

}  // namespace normdescent
