// SPDX-License-Identifier: Apache-2.0
#include "recipe_plan.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "domain.hpp"
#include "normdescent/base/stochastic_rounding.hpp"

namespace normdescent::optimizers {
namespace {

void check_names(const std::vector<ParameterInfo>& parameters) {
  std::set<std::string_view> seen;
  for (const auto& p : parameters) {
    if (!seen.insert(p.name).second) throw std::invalid_argument("parameter " + p.name + ": name appears twice");
    if (std::ranges::any_of(p.shape, [](Index extent) { return extent < 0; })) {
      throw std::invalid_argument("parameter " + p.name + ": shape must have no negative dimensions");
    }
  }
}

void validate_clipping(const OptimizerSpec& spec) {
  Problems problems("optimizer " + spec.name);
  problems.check("clip_norm", spec.clip_norm, kNonNegative);
  problems.throw_if_any();
}

// What a narrow format needs besides memory.
template <class T>
void prepare_state(Slot<T>& slot, std::uint64_t rounding_seed) {
  slot.rounding_seed = rounding_seed;
  slot.state.resize(slot.layout.size());
  slot.narrow_state.resize(slot.layout.size());
  for (const auto& buffer : slot.layout) {
    if (buffer.format != StateFormat::full && !std::is_same_v<T, float>) {
      throw std::invalid_argument("parameter " + slot.info.name + ": state_format = " + to_string(buffer.format) +
                                  ", must be full for parameters in float64");
    }
    slot.rounding_streams.push_back(rounding_stream(slot.info.name + "/" + buffer.name));
  }
}

// An average that starts at its first gradient: m = beta g + (1 - beta) g, g up to one rounding.
template <class T>
void start_average(const Recipe& recipe, const Fed<T>& fed, Slot<T>& slot) {
  const auto* ema = std::get_if<Ema>(&recipe.estimator);
  if (ema == nullptr || ema->start != Start::first_gradient || slot.steps > 0) return;
  const auto scaled = [&](T g) { return rules::scale_gradient(fed.factor, g); };
  if (slot.layout.front().format == StateFormat::full) {
    std::ranges::transform(fed.gradient, slot.state.front().begin(), scaled);
  } else {
    std::ranges::transform(fed.gradient, slot.narrow_state.front().begin(),
                           [&](T g) { return to_bfloat16(static_cast<float>(scaled(g))); });
  }
}

void check_sharing(const Recipe& recipe, bool is_partial) {
  const auto refuse = [&](const std::string& what) {
    throw std::invalid_argument("recipe " + recipe.name + ": " + what + ", must be done by one process");
  };
  if (!std::holds_alternative<Uncorrected>(recipe.correction)) refuse(describe(recipe.correction));
  if (is_partial && looks_at_all_tensors(recipe)) refuse(describe(recipe.direction) + " over all its tensors");
}

}  // namespace

template <class T>
RecipePlan<T>::RecipePlan(OptimizerSpec spec_, std::vector<ParameterInfo> parameters,
                          std::shared_ptr<StepSharing> sharing_)
    : spec(std::move(spec_)), sharing(std::move(sharing_)) {
  for (const auto& route : spec.routes) validate(route.recipe);
  validate(spec.fallback);
  validate_clipping(spec);
  check_names(parameters);

  const bool has_closure =
      std::ranges::any_of(parameters, [&](const ParameterInfo& info) { return needs_closure(spec.recipe_for(info)); });
  std::vector<const Recipe*> group_recipes;
  std::vector<std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Recipe& recipe = spec.recipe_for(parameters[i]);
    recipes.push_back(&recipe);
    Slot<T>& slot = slots.emplace_back();
    slot.layout = state_buffers(recipe, parameters[i]);
    for (auto& buffer : correction_buffers(recipe, parameters[i], has_closure)) {
      slot.layout.push_back(std::move(buffer));
    }
    slot.info = std::move(parameters[i]);
    prepare_state(slot, static_cast<std::uint64_t>(spec.rounding_seed));
    slot.is_elsewhere = sharing != nullptr && !sharing->is_mine(i);
    const auto same =
        std::find_if(group_recipes.begin(), group_recipes.end(), [&](const Recipe* other) { return *other == recipe; });
    const auto group = static_cast<std::size_t>(same - group_recipes.begin());
    if (same == group_recipes.end()) {
      group_recipes.push_back(&recipe);
      members.emplace_back();
    }
    if (slot.info.size() > 0) members[group].push_back(i);  // what has no entries is never stepped
  }
  if (sharing != nullptr) {
    for (std::size_t k = 0; k < members.size(); ++k) {
      const bool lost_some = std::erase_if(members[k], [&](std::size_t i) { return slots[i].is_elsewhere; }) > 0;
      check_sharing(*group_recipes[k], lost_some && !members[k].empty());
    }
  }
  for (std::size_t k = 0; k < group_recipes.size(); ++k) {
    const Recipe& recipe = *group_recipes[k];
    if (recipe.decay_form == DecayForm::constrained) {
      largest_scale = std::min(largest_scale, 1.0 / recipe.learning_rate);
    }
    if (members[k].empty()) continue;  // all of them are other processes' or empty
    learning_rates.push_back(recipe.learning_rate);
    groups.push_back(make_group<T>(recipe, std::move(members[k]), slots));
  }
  gradients = std::make_unique<GradientStage<T>>(spec, recipes, slots);
}

template <class T>
void RecipePlan<T>::check(std::span<const BasicParameter<T>> parameters) const {
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
void RecipePlan<T>::check_scale(double learning_rate_scale) const {
  Problems problems("step");
  problems.check("learning_rate_scale", learning_rate_scale, kNonNegative);
  if (learning_rate_scale > largest_scale) {
    problems.add("learning_rate_scale = " + to_text(learning_rate_scale) + ", must be at most " +
                 to_text(largest_scale) + ": a constrained step has a rate of at most 1");
  }
  problems.throw_if_any();
}

template <class T>
void RecipePlan<T>::require_no_closure() const {
  for (const Recipe* recipe : recipes) {
    if (!needs_closure(*recipe)) continue;
    throw std::invalid_argument("step: recipe " + recipe->name + " has " + describe(recipe->correction) +
                                ", must be called with compute_gradients, which evaluates this mini-batch elsewhere");
  }
}

template <class T>
void RecipePlan<T>::advance(std::span<const Fed<T>> fed, double learning_rate_scale) {
  for (std::size_t i = 0; i < fed.size(); ++i) {
    if (fed[i].gradient.empty()) continue;
    if (!slots[i].is_elsewhere) start_average<T>(*recipes[i], fed[i], slots[i]);
    ++slots[i].steps;
  }
  for (std::size_t k = 0; k < groups.size(); ++k) groups[k]->step(fed, slots, learning_rates[k] * learning_rate_scale);
}

template <class T>
std::vector<ParameterPlan> RecipePlan<T>::explain_parameters() const {
  std::vector<ParameterPlan> rows;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Recipe& recipe = *recipes[i];
    const ParameterInfo& info = slots[i].info;
    Index entries = 0;
    for (const auto& buffer : slots[i].layout) entries += buffer.size();
    rows.push_back({.parameter = info,
                    .recipe = recipe.name,
                    .correction = describe(recipe.correction),
                    .clip_norm = recipe.clip_norm,
                    .estimator = describe(recipe.estimator),
                    .direction = describe(recipe.direction) + describe(recipe.layout, info),
                    .shape_scale = shape_scale(recipe, info),
                    .radius = recipe.radius,
                    .learning_rate = recipe.learning_rate,
                    .decoupled_decay = recipe.decoupled_decay,
                    .decay = describe_decay(recipe),
                    .state_buffers = static_cast<int>(slots[i].state.size()),
                    .state_entries = entries,
                    .state_format = to_string(recipe.state_format)});
  }
  return rows;
}

template struct RecipePlan<float>;
template struct RecipePlan<double>;

}  // namespace normdescent::optimizers
