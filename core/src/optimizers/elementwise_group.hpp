// SPDX-License-Identifier: Apache-2.0
// A recipe whose estimator, direction and step fuse into one rule: one pass over memory per step.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "group.hpp"
#include "normdescent/rules/executors.hpp"

namespace normdescent::optimizers {

/// The part of a step that concerns one tensor.
template <rules::Rule R, class T>
[[nodiscard]] rules::Task<R> make_task(const R& rule, T* x, std::span<const T> g, Slot<T>& slot) {
  rules::Task<R> task{.rule = rule, .x = x, .g = g.data(), .size = static_cast<Index>(g.size())};
  for (std::size_t k = 0; k < task.state.size(); ++k) {
    const StateFormat format = slot.layout[k].format;
    if (format == StateFormat::full) {
      task.state[k] = slot.state[k].data();
    } else {
      task.narrow[k] = {.values = slot.narrow_state[k].data(),
                        .is_stochastic = format == StateFormat::bfloat16_stochastic,
                        .seed = slot.rounding_seed,
                        .stream = slot.rounding_streams[k],
                        .step = static_cast<std::uint64_t>(slot.steps)};
    }
  }
  return task;
}

/// x <- (1 - eta lambda) x - eta rho s d for one tensor.
template <class T>
[[nodiscard]] rules::Step<T> make_step(const Recipe& recipe, const ParameterInfo& info, double learning_rate) {
  return rules::Step<T>(learning_rate, effective_decay(recipe, info, learning_rate), step_scale(recipe, info));
}

/// `make_direction(t)` gives the direction for step t = 1, 2, ... of a parameter.
template <class T, class E, class MakeDirection>
class ElementwiseGroup final : public Group<T> {
 public:
  ElementwiseGroup(const Recipe& recipe, E estimator, MakeDirection make_direction, std::vector<std::size_t> members)
      : recipe_(recipe),
        estimator_(estimator),
        make_direction_(std::move(make_direction)),
        members_(std::move(members)) {
    tasks_.reserve(members_.size());
  }

  void step(std::span<const Fed<T>> tensors, std::span<Slot<T>> slots, double learning_rate) override {
    tasks_.clear();
    for (const std::size_t i : members_) {
      const auto& p = tensors[i];
      if (p.gradient.empty()) continue;
      const R rule(estimator_, make_direction_(slots[i].steps), make_step<T>(recipe_, slots[i].info, learning_rate));
      auto& task = tasks_.emplace_back(make_task<R, T>(rule, p.value.data(), p.gradient, slots[i]));
      task.gradient_factor = p.factor;
      if (p.is_cleared) task.cleared = p.gradient.data();
      task.rounded = p.rounded;
    }
    rules::run_on_cpu<R>(tasks_);
  }

 private:
  using R = rules::ElementwiseRule<E, decltype(std::declval<const MakeDirection&>()(std::int64_t{}))>;

  Recipe recipe_;
  E estimator_;
  MakeDirection make_direction_;
  std::vector<std::size_t> members_;
  std::vector<rules::Task<R>> tasks_;
};

template <class T, class E, class MakeDirection>
[[nodiscard]] std::unique_ptr<Group<T>> make_elementwise_group(const Recipe& recipe, E estimator,
                                                               MakeDirection make_direction,
                                                               std::vector<std::size_t> members) {
  return std::make_unique<ElementwiseGroup<T, E, MakeDirection>>(recipe, estimator, std::move(make_direction),
                                                                 std::move(members));
}

}  // namespace normdescent::optimizers
