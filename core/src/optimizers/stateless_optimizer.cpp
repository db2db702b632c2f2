// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/stateless_optimizer.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "recipe_plan.hpp"

namespace normdescent {

template <class T>
struct StatelessOptimizer<T>::Impl : optimizers::RecipePlan<T> {
  Impl(OptimizerSpec own_spec, std::vector<ParameterInfo> parameters)
      : optimizers::RecipePlan<T>(std::move(own_spec), std::move(parameters), nullptr) {
    this->require_no_closure();
    for (const auto& slot : this->slots) list.push_back({.info = slot.info, .value = {}, .gradient = {}});
  }

  void bind(std::span<const StatelessParameter<T>> parameters) {
    if (parameters.size() != list.size()) {
      throw std::invalid_argument("parameters: " + std::to_string(parameters.size()) + " tensors, must be the " +
                                  std::to_string(list.size()) + " of the construction");
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      list[i].value = parameters[i].value;
      list[i].gradient = parameters[i].gradient;
      optimizers::Slot<T>& slot = this->slots[i];
      if (parameters[i].gradient.empty()) {
        bind_left_out(parameters[i], slot);
        continue;
      }
      const auto entries = static_cast<std::size_t>(slot.info.size());
      if (parameters[i].value.size() != entries || parameters[i].gradient.size() != entries) {
        throw std::invalid_argument("parameter " + slot.info.name + ": value of " +
                                    std::to_string(parameters[i].value.size()) + " and gradient of " +
                                    std::to_string(parameters[i].gradient.size()) + " entries, must be " +
                                    std::to_string(entries));
      }
      if (parameters[i].state.size() != slot.layout.size()) {
        throw std::invalid_argument("parameter " + slot.info.name + ": " + std::to_string(parameters[i].state.size()) +
                                    " state arrays, must be " + std::to_string(slot.layout.size()));
      }
      slot.steps = parameters[i].steps == nullptr ? 0 : *parameters[i].steps;
      for (std::size_t k = 0; k < slot.layout.size(); ++k) {
        const auto size = static_cast<std::size_t>(slot.layout[k].size());
        void* const array = parameters[i].state[k];
        if (slot.layout[k].format == StateFormat::full) {
          slot.state[k] = {static_cast<T*>(array), size};
        } else {
          slot.narrow_state[k] = {static_cast<Bfloat16*>(array), size};
        }
      }
    }
  }

  // What a tensor without gradient has gathered still counts in norms over all tensors (AdaGradNorm's b).
  void bind_left_out(const StatelessParameter<T>& p, optimizers::Slot<T>& slot) {
    nothing_yet = T(0);
    for (std::size_t k = 0; k < slot.layout.size(); ++k) {
      const bool is_there = k < p.state.size() && p.state[k] != nullptr && slot.layout[k].format == StateFormat::full;
      if (is_there) {
        slot.state[k] = {static_cast<T*>(p.state[k]), static_cast<std::size_t>(slot.layout[k].size())};
      } else {
        slot.state[k] = {&nothing_yet, slot.layout[k].size() == 1 ? std::size_t{1} : std::size_t{0}};
      }
    }
  }

  T nothing_yet{0};
  std::vector<BasicParameter<T>> list;  // kept between steps for its memory only
};

template <class T>
StatelessOptimizer<T>::StatelessOptimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters)
    : impl_(std::make_unique<Impl>(std::move(spec), std::move(parameters))) {}
template <class T>
StatelessOptimizer<T>::StatelessOptimizer(StatelessOptimizer&&) noexcept = default;
template <class T>
StatelessOptimizer<T>& StatelessOptimizer<T>::operator=(StatelessOptimizer&&) noexcept = default;
template <class T>
StatelessOptimizer<T>::~StatelessOptimizer() = default;

template <class T>
std::size_t StatelessOptimizer<T>::size() const {
  return impl_->slots.size();
}

template <class T>
const ParameterInfo& StatelessOptimizer<T>::parameter(std::size_t i) const {
  return impl_->slots.at(i).info;
}

template <class T>
const Recipe& StatelessOptimizer<T>::recipe(std::size_t i) const {
  return *impl_->recipes.at(i);
}

template <class T>
const std::vector<StateBuffer>& StatelessOptimizer<T>::layout(std::size_t i) const {
  return impl_->slots.at(i).layout;
}

template <class T>
bool StatelessOptimizer<T>::counts_steps(std::size_t i) const {
  return optimizers::counts_steps(*impl_->recipes.at(i));
}

template <class T>
bool StatelessOptimizer<T>::takes_any_order(std::size_t i) const {
  const Recipe& recipe = *impl_->recipes.at(i);
  return optimizers::is_fused(recipe) || std::holds_alternative<Normalize>(recipe.direction) ||
         std::holds_alternative<AdaGradNorm>(recipe.direction);
}

template <class T>
bool StatelessOptimizer<T>::always_wants_state(std::size_t i) const {
  const auto* norm = std::get_if<AdaGradNorm>(&impl_->recipes.at(i)->direction);
  return norm != nullptr && norm->scope == Scope::global;
}

template <class T>
void StatelessOptimizer<T>::step(std::span<const StatelessParameter<T>> parameters, double learning_rate_scale) {
  impl_->check_scale(learning_rate_scale);
  impl_->bind(parameters);
  auto& gradients = *impl_->gradients;
  gradients.correct(impl_->list, impl_->slots);
  gradients.take_norms();
  gradients.remember(impl_->list, impl_->slots);
  static_cast<void>(gradients.clip());
  impl_->advance(gradients.fed({}), learning_rate_scale);
  for (const auto& p : parameters) {
    if (!p.gradient.empty() && p.steps != nullptr) ++*p.steps;
  }
}

template <class T>
std::vector<ParameterPlan> StatelessOptimizer<T>::explain() const {
  return impl_->explain_parameters();
}

template class StatelessOptimizer<float>;
template class StatelessOptimizer<double>;

}  // namespace normdescent
