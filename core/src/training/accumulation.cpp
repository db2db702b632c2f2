// SPDX-License-Identifier: Apache-2.0
#include "normdescent/training/accumulation.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>

#include "normdescent/training/gradient_sum.hpp"

namespace normdescent {

namespace {

class AccumulatingObjective final : public Objective {
 public:
  AccumulatingObjective(std::unique_ptr<Objective> objective, std::uint32_t micro_batch)
      : objective_(std::move(objective)), micro_batch_(micro_batch) {}

  [[nodiscard]] std::span<const Parameter> parameters() const override { return objective_->parameters(); }
  double validation_loss() override { return objective_->validation_loss(); }
  [[nodiscard]] std::span<Bfloat16* const> rounded_values() override { return objective_->rounded_values(); }
  void trust_rounded_values() override { objective_->trust_rounded_values(); }
  [[nodiscard]] std::string save() const override { return objective_->save(); }
  void restore(const std::string& saved) override { objective_->restore(saved); }

  double loss(const Batch& batch) override {
    return over_parts(batch, [&](const Batch& part, float) { return objective_->loss(part); });
  }

  double gradient(const Batch& batch) override {
    if (batch.count <= micro_batch_) return objective_->gradient(batch);
    const std::uint64_t end = batch.first + batch.count;
    return over_parts(batch, [&](const Batch& part, float share) {
      const double part_loss = objective_->gradient(part);
      if (part.first == batch.first) {
        sum_.start(parameters(), share);
      } else if (part.first + part.count < end) {
        sum_.add(parameters(), share);
      } else {
        sum_.finish(parameters(), share);
      }
      return part_loss;
    });
  }

 private:
  /// sum_i share_i value(B_i)
  template <class Value>
  double over_parts(const Batch& batch, const Value& value) {
    double total = 0.0;
    for (std::uint32_t done = 0; done < batch.count;) {
      const std::uint32_t count = std::min(micro_batch_, batch.count - done);
      const double share = static_cast<double>(count) / static_cast<double>(batch.count);
      const Batch part{.stream = batch.stream, .first = batch.first + done, .count = count, .step = batch.step};
      if (done > 0) objective_->trust_rounded_values();  // they are what the part before has rounded
      total += share * value(part, static_cast<float>(share));
      done += count;
    }
    return total;
  }

  std::unique_ptr<Objective> objective_;
  std::uint32_t micro_batch_;
  train_detail::GradientSum sum_;
};

}  // namespace

std::unique_ptr<Objective> accumulate(std::unique_ptr<Objective> objective, std::uint32_t micro_batch) {
  if (micro_batch < 1) throw std::invalid_argument("micro_batch = 0, must be at least 1");
  return std::make_unique<AccumulatingObjective>(std::move(objective), micro_batch);
}

}  // namespace normdescent
