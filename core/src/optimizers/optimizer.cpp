// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "domain.hpp"
#include "impl.hpp"
#include "normdescent/base/stochastic_rounding.hpp"
#include "rounded_values.hpp"

namespace normdescent {
namespace {

void check_names(const std::vector<ParameterInfo>& parameters) {
  std::set<std::string_view> seen;
  for (const auto& p : parameters) {
    if (!seen.insert(p.name).second) throw std::invalid_argument("parameter " + p.name + ": name appears twice");
    if (p.size() <= 0) throw std::invalid_argument("parameter " + p.name + ": shape must have positive dimensions");
  }
}

void validate_clipping(const OptimizerSpec& spec) {
  optimizers::Problems problems("optimizer " + spec.name);
  problems.check("clip_norm", spec.clip_norm, optimizers::kNonNegative);
  problems.throw_if_any();
}

// An average that starts at its first gradient: m = beta g + (1 - beta) g, g up to one rounding.
template <class T>
void start_average(const Recipe& recipe, const optimizers::Fed<T>& fed, optimizers::Slot<T>& slot) {
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

template <class T>
void allocate_state(optimizers::Slot<T>& slot, std::uint64_t rounding_seed) {
  slot.rounding_seed = rounding_seed;
  for (const auto& buffer : slot.layout) {
    const bool is_narrow = buffer.format != StateFormat::full;
    if (is_narrow && !std::is_same_v<T, float>) {
      throw std::invalid_argument("parameter " + slot.info.name + ": state_format = " + to_string(buffer.format) +
                                  ", must be full for parameters in float64");
    }
    const auto size = slot.is_elsewhere ? 0 : static_cast<std::size_t>(buffer.size());
    slot.state.emplace_back(is_narrow ? 0 : size);
    slot.narrow_state.emplace_back(is_narrow ? size : 0);
    slot.rounding_streams.push_back(rounding_stream(slot.info.name + "/" + buffer.name));
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
Optimizer<T>::Optimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters, std::shared_ptr<StepSharing> sharing)
    : impl_(std::make_unique<Impl>()) {
  impl_->spec = std::move(spec);
  impl_->sharing = std::move(sharing);
  for (const auto& route : impl_->spec.routes) validate(route.recipe);
  validate(impl_->spec.fallback);
  validate_clipping(impl_->spec);
  check_names(parameters);

  const bool has_closure = std::ranges::any_of(
      parameters, [&](const ParameterInfo& info) { return normdescent::needs_closure(impl_->spec.recipe_for(info)); });
  std::vector<const Recipe*> group_recipes;
  std::vector<std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Recipe& recipe = impl_->spec.recipe_for(parameters[i]);
    impl_->recipes.push_back(&recipe);
    optimizers::Slot<T>& slot = impl_->slots.emplace_back();
    slot.layout = optimizers::state_buffers(recipe, parameters[i]);
    for (auto& buffer : optimizers::correction_buffers(recipe, parameters[i], has_closure)) {
      slot.layout.push_back(std::move(buffer));
    }
    slot.info = std::move(parameters[i]);
    slot.is_elsewhere = impl_->sharing != nullptr && !impl_->sharing->is_mine(i);
    allocate_state(slot, static_cast<std::uint64_t>(impl_->spec.rounding_seed));
    impl_->counters.parameters.push_back({.parameter = slot.info.name, .recipe = recipe.name});
    ++impl_->counters.parameters_of_recipe[recipe.name];
    const auto same =
        std::find_if(group_recipes.begin(), group_recipes.end(), [&](const Recipe* other) { return *other == recipe; });
    const auto group = static_cast<std::size_t>(same - group_recipes.begin());
    if (same == group_recipes.end()) {
      group_recipes.push_back(&recipe);
      members.emplace_back();
    }
    members[group].push_back(i);
  }
  if (impl_->sharing != nullptr) {
    for (std::size_t k = 0; k < members.size(); ++k) {
      const bool lost_some = std::erase_if(members[k], [&](std::size_t i) { return impl_->slots[i].is_elsewhere; }) > 0;
      check_sharing(*group_recipes[k], lost_some && !members[k].empty());
    }
  }
  for (std::size_t k = 0; k < group_recipes.size(); ++k) {
    const Recipe& recipe = *group_recipes[k];
    if (recipe.decay_form == DecayForm::constrained) {
      impl_->largest_scale = std::min(impl_->largest_scale, 1.0 / recipe.learning_rate);
    }
    if (members[k].empty()) continue;  // all of them are other processes'
    impl_->learning_rates.push_back(recipe.learning_rate);
    impl_->groups.push_back(optimizers::make_group<T>(recipe, std::move(members[k]), impl_->slots));
  }
  impl_->gradients = std::make_unique<optimizers::GradientStage<T>>(impl_->spec, impl_->recipes, impl_->slots);
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
void Optimizer<T>::Impl::check(std::span<const BasicParameter<T>> parameters, double learning_rate_scale) const {
  check(parameters);
  optimizers::Problems problems("step");
  problems.check("learning_rate_scale", learning_rate_scale, optimizers::kNonNegative);
  if (learning_rate_scale > largest_scale) {
    problems.add("learning_rate_scale = " + optimizers::to_text(learning_rate_scale) + ", must be at most " +
                 optimizers::to_text(largest_scale) + ": a constrained step has a rate of at most 1");
  }
  problems.throw_if_any();
}

template <class T>
StepReport Optimizer<T>::Impl::step(std::span<const BasicParameter<T>> parameters, const StepOptions& options) {
  StepReport report = take_step(parameters, options);
  if (options.zero_gradients) gradients->zero(parameters);
  return report;
}

template <class T>
StepReport Optimizer<T>::Impl::take_step(std::span<const BasicParameter<T>> parameters, const StepOptions& options) {
  if (is_stopped) return {.stopped = true};
  gradients->correct(parameters, slots);
  if (auto name = gradients->first_nonfinite(options.gradients_are_finite); !name.empty()) {
    is_stopped = spec.on_nonfinite == NonFinitePolicy::stop;
    ++counters.refused_steps;
    return {.finite = false, .first_nonfinite_parameter = std::move(name), .stopped = is_stopped};
  }
  gradients->remember(parameters, slots);
  StepReport report;
  report.clip_factor = gradients->clip();
  counters.clipped_steps += report.clip_factor < 1.0 ? 1 : 0;
  if (measures_next_step) measured_step.begin(parameters);
  const auto fed = gradients->fed(options);
  for (std::size_t i = 0; i < fed.size(); ++i) {
    if (fed[i].gradient.empty()) continue;
    if (!slots[i].is_elsewhere) start_average<T>(*recipes[i], fed[i], slots[i]);
    ++slots[i].steps;
  }
  for (std::size_t k = 0; k < groups.size(); ++k)
    groups[k]->step(fed, slots, learning_rates[k] * options.learning_rate_scale);
  exchange(parameters);
  optimizers::round_rest<T>(fed, options.rounded_values);
  ++steps_done;
  if (std::exchange(measures_next_step, false)) measured_step.end(parameters, slots, counters.parameters);
  return report;
}

template <class T>
void Optimizer<T>::Impl::exchange(std::span<const BasicParameter<T>> parameters) {
  if (sharing == nullptr) return;
  shared_values.clear();
  for (const auto& p : parameters) shared_values.push_back(std::as_writable_bytes(p.value));
  sharing->exchange(shared_values);
}

template <class T>
StepReport Optimizer<T>::step(std::span<const BasicParameter<T>> parameters, double learning_rate_scale) {
  return step(parameters, StepOptions{.learning_rate_scale = learning_rate_scale});
}

template <class T>
StepReport Optimizer<T>::step(std::span<const BasicParameter<T>> parameters, const StepOptions& options) {
  impl_->check(parameters, options.learning_rate_scale);
  optimizers::check_rounded_values<T>(options.rounded_values, impl_->slots.size());
  for (std::size_t i = 0; i < impl_->recipes.size(); ++i) {
    const Recipe& recipe = *impl_->recipes[i];
    if (!normdescent::needs_closure(recipe)) continue;
    throw std::invalid_argument("step: recipe " + recipe.name + " has " + describe(recipe.correction) +
                                ", must be called with compute_gradients, which evaluates this mini-batch elsewhere");
  }
  return impl_->step(parameters, options);
}

template <class T>
StepReport Optimizer<T>::step(std::span<const BasicParameter<T>> parameters,
                              const std::function<void()>& compute_gradients, double learning_rate_scale) {
  impl_->check(parameters, learning_rate_scale);
  if (impl_->is_stopped) return {.stopped = true};
  if (impl_->gradients->has_closure()) {
    impl_->gradients->evaluate(parameters, impl_->slots, impl_->steps_done == 0, compute_gradients);
  } else {
    compute_gradients();
  }
  return impl_->step(parameters, {.learning_rate_scale = learning_rate_scale});
}

template <class T>
bool Optimizer<T>::needs_closure() const {
  return impl_->gradients->has_closure();
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
    Index entries = 0;
    for (const auto& buffer : impl_->slots[i].layout) entries += buffer.size();
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
                    .state_buffers = static_cast<int>(impl_->slots[i].state.size()),
                    .state_entries = entries,
                    .state_format = to_string(recipe.state_format)});
  }
  return rows;
}

template <class T>
OptimizerCounters Optimizer<T>::counters() const {
  OptimizerCounters counters = impl_->counters;
  counters.steps = impl_->steps_done;
  for (std::size_t i = 0; i < impl_->slots.size(); ++i) {
    counters.parameters[i].steps = impl_->slots[i].steps;
    counters.parameters[i].orthogonalizations = impl_->slots[i].orthogonalizations;
    counters.orthogonalizations += impl_->slots[i].orthogonalizations;
  }
  return counters;
}

template <class T>
void Optimizer<T>::measure_next_step() {
  impl_->measures_next_step = true;
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace normdescent
