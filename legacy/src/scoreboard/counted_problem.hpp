// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "normdescent/scoreboard/record.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent::scoreboard_detail {

/// Counts what all instances of a problem are asked for.
class CountedProblem final : public Problem {
 public:
  explicit CountedProblem(std::shared_ptr<const Problem> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] std::string name() const override { return inner_->name(); }
  [[nodiscard]] std::uint32_t batch_size() const override { return inner_->batch_size(); }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    return std::make_unique<CountedObjective>(*this, inner_->instantiate(seed));
  }
  /// The cost since the last call, seconds included.
  Cost take_cost() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - std::exchange(since_, now)).count();
    return {gradient_examples_.exchange(0), loss_examples_.exchange(0), validations_.exchange(0), seconds};
  }

 private:
  class CountedObjective final : public Objective {
   public:
    CountedObjective(const CountedProblem& counts, std::unique_ptr<Objective> inner)
        : counts_(counts), inner_(std::move(inner)) {}
    [[nodiscard]] std::span<const Parameter> parameters() const override { return inner_->parameters(); }
    double gradient(const Batch& batch) override {
      counts_.gradient_examples_ += batch.count;
      return inner_->gradient(batch);
    }
    double loss(const Batch& batch) override {
      counts_.loss_examples_ += batch.count;
      return inner_->loss(batch);
    }
    double validation_loss() override {
      ++counts_.validations_;
      return inner_->validation_loss();
    }

   private:
    const CountedProblem& counts_;
    std::unique_ptr<Objective> inner_;
  };

  std::shared_ptr<const Problem> inner_;
  mutable std::atomic<std::int64_t> gradient_examples_ = 0;
  mutable std::atomic<std::int64_t> loss_examples_ = 0;
  mutable std::atomic<std::int64_t> validations_ = 0;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

}  // namespace normdescent::scoreboard_detail
