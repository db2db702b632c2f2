// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "domain.hpp"
#include "impl.hpp"
#include "normdescent/rules/executors.hpp"
#include "normdescent/rules/pieces.hpp"

namespace normdescent {
namespace {

void check_names(const std::vector<ParameterInfo>& parameters) {
  std::set<std::string_view> seen;
  for (const auto& p : parameters) {
    if (!seen.insert(p.name).second) throw std::invalid_argument("parameter " + p.name + ": name appears twice");
    if (p.size() <= 0) throw std::invalid_argument("parameter " + p.name + ": shape must have positive dimensions");
  }
}

template <class T>
std::string first_nonfinite(std::span<const BasicParameter<T>> parameters) {
  bool is_finite = true;
  rules::for_each_piece(
      parameters.size(), [&](std::size_t i) { return static_cast<Index>(parameters[i].gradient.size()); },
      [&](std::size_t i, Index first, Index count) {
        const std::span<const T> piece =
            parameters[i].gradient.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
        if (!rules::all_finite(piece)) {
#pragma omp atomic write
          is_finite = false;
        }
      });
  if (is_finite) return {};
  return std::find_if(parameters.begin(), parameters.end(),
                      [](const auto& p) { return !rules::all_finite(std::span<const T>(p.gradient)); })
      ->info.name;
}

}  // namespace

template <class T>
Optimizer<T>::Optimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters) : impl_(std::make_unique<Impl>()) {
  impl_->spec = std::move(spec);
  for (const auto& route : impl_->spec.routes) validate(route.recipe);
  validate(impl_->spec.fallback);
  check_names(parameters);

  std::vector<const Recipe*> group_recipes;
  std::vector<std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Recipe& recipe = impl_->spec.recipe_for(parameters[i]);
    impl_->recipes.push_back(&recipe);
    optimizers::Slot<T>& slot = impl_->slots.emplace_back();
    for (const auto& buffer : optimizers::state_buffers(recipe, parameters[i])) {
      slot.state.emplace_back(static_cast<std::size_t>(buffer.size()));
    }
    slot.info = std::move(parameters[i]);
    const auto same =
        std::find_if(group_recipes.begin(), group_recipes.end(), [&](const Recipe* other) { return *other == recipe; });
    const auto group = static_cast<std::size_t>(same - group_recipes.begin());
    if (same == group_recipes.end()) {
      group_recipes.push_back(&recipe);
      members.emplace_back();
    }
    members[group].push_back(i);
  }
  for (std::size_t k = 0; k < group_recipes.size(); ++k) {
    const Recipe& recipe = *group_recipes[k];
    impl_->learning_rates.push_back(recipe.learning_rate);
    if (recipe.decay_form == DecayForm::constrained) {
      impl_->largest_scale = std::min(impl_->largest_scale, 1.0 / recipe.learning_rate);
    }
    impl_->groups.push_back(optimizers::make_group<T>(recipe, std::move(members[k]), impl_->slots));
  }
}

template <class T>
Optimizer<T>::Optimizer(Optimizer&&) noexcept = default;
template <class T>
Optimizer<T>& Optimizer<T>::operator=(Optimizer&&) noexcept = default;
template <class T>
Optimizer<T>::~Optimizer() = default;

template <class T>
void Optimizer<T>::Impl::check(std::span<const BasicParameter<T>> parameters) const {
  if (parameters.size() != slots.size()) {
    throw std::invalid_argument("parameters: " + std::to_string(parameters.size()) + " tensors, must be the " +
                                std::to_string(slots.size()) + " of the construction");
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto size = static_cast<std::size_t>(slots[i].info.size());
    const auto& p = parameters[i];
    if (p.value.size() != size || (!p.gradient.empty() && p.gradient.size() != size)) {
      throw std::invalid_argument("parameter " + slots[i].info.name + ": value of " + std::to_string(p.value.size()) +
                                  " and gradient of " + std::to_string(p.gradient.size()) + " entries, must be " +
                                  std::to_string(size));
    }
  }
}

template <class T>
StepReport Optimizer<T>::step(std::span<const BasicParameter<T>> parameters, double learning_rate_scale) {
  impl_->check(parameters);
  optimizers::Problems problems("step");
  problems.check("learning_rate_scale", learning_rate_scale, optimizers::kNonNegative);
  if (learning_rate_scale > impl_->largest_scale) {
    problems.add("learning_rate_scale = " + optimizers::to_text(learning_rate_scale) + ", must be at most " +
                 optimizers::to_text(impl_->largest_scale) + ": a constrained step has a rate of at most 1");
  }
  problems.throw_if_any();
  if (auto name = first_nonfinite(parameters); !name.empty()) {
    return {.finite = false, .first_nonfinite_parameter = std::move(name)};
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) impl_->slots[i].steps += parameters[i].gradient.empty() ? 0 : 1;
  for (std::size_t k = 0; k < impl_->groups.size(); ++k) {
    impl_->groups[k]->step(parameters, impl_->slots, impl_->learning_rates[k] * learning_rate_scale);
  }
  ++impl_->steps_done;
  return {};
}

template <class T>
const OptimizerSpec& Optimizer<T>::spec() const {
  return impl_->spec;
}

template <class T>
std::int64_t Optimizer<T>::steps_done() const {
  return impl_->steps_done;
}

template <class T>
std::vector<ParameterPlan> Optimizer<T>::explain() const {
  std::vector<ParameterPlan> rows;
  for (std::size_t i = 0; i < impl_->slots.size(); ++i) {
    const Recipe& recipe = *impl_->recipes[i];
    const ParameterInfo& info = impl_->slots[i].info;
    rows.push_back({.parameter = info,
                    .recipe = recipe.name,
                    .estimator = describe(recipe.estimator),
                    .direction = describe(recipe.direction) + describe(recipe.layout, info),
                    .shape_scale = shape_scale(recipe, info),
                    .radius = recipe.radius,
                    .learning_rate = recipe.learning_rate,
                    .decoupled_decay = recipe.decoupled_decay,
                    .decay = describe_decay(recipe),
                    .state_buffers = static_cast<int>(impl_->slots[i].state.size())});
  }
  return rows;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace normdescent
