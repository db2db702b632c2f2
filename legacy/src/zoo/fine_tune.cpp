// SPDX-License-Identifier: Apache-2.0
#include "fine_tune.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "normdescent/base/threads.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "normdescent/training/training_run.hpp"

namespace normdescent {
namespace {

using Values = std::vector<std::vector<float>>;

Values trained_values(const FineTuning& options) {
  constexpr std::uint64_t kSeed = 0xF14E;
  const WithThreads one(1);  // sums depend on their number; the starting state must not
  const auto objective = options.before->instantiate(kSeed);
  std::vector<ParameterInfo> infos;
  for (const Parameter& p : objective->parameters()) infos.push_back(p.info);
  Optimizer<float> optimizer(adamw({.learning_rate = options.learning_rate}), std::move(infos));
  TrainingPosition position;
  TrainingObserver observer;
  (void)train_once(*objective, optimizer, options.before->batch_size(),
                   {.steps = options.steps, .stream = training_stream(kSeed)}, position, observer);
  Values values;
  for (const Parameter& p : objective->parameters()) values.emplace_back(p.value.begin(), p.value.end());
  return values;
}

class FineTuningProblem final : public Problem {
 public:
  explicit FineTuningProblem(const FineTuning& options) : options_(options), start_(trained_values(options)) {
    (void)instantiate(0);  // shapes are checked here, not in a race
  }
  [[nodiscard]] std::string name() const override { return options_.name + " from " + options_.after->name(); }
  [[nodiscard]] std::uint32_t batch_size() const override { return options_.after->batch_size(); }
  [[nodiscard]] std::unique_ptr<Objective> instantiate(std::uint64_t seed) const override {
    auto objective = options_.after->instantiate(seed);
    const auto parameters = objective->parameters();
    if (parameters.size() != start_.size()) throw std::invalid_argument(options_.name + ": other tensors before");
    for (std::size_t i = 0; i < start_.size(); ++i) {
      const Parameter& p = parameters[i];
      if (p.value.size() != start_[i].size()) {
        throw std::invalid_argument(options_.name + ": " + p.info.name + " has another size before");
      }
      if (options_.has_new_head && p.info.role == Role::head) continue;
      std::ranges::copy(start_[i], p.value.begin());
    }
    return objective;
  }

 private:
  FineTuning options_;
  Values start_;
};

}  // namespace

std::shared_ptr<const Problem> make_fine_tuning(const FineTuning& options) {
  return std::make_shared<const FineTuningProblem>(options);
}

}  // namespace normdescent
