// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/optimizer.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "impl.hpp"
#include "rounded_values.hpp"

namespace normdescent {
namespace {

// Memory for every buffer that this process keeps, all 0.
template <class T>
void allocate_state(optimizers::Slot<T>& slot, OwnedState<T>& owned) {
  for (std::size_t k = 0; k < slot.layout.size(); ++k) {
    const auto size = slot.is_elsewhere ? 0 : static_cast<std::size_t>(slot.layout[k].size());
    if (slot.layout[k].format == StateFormat::full) {
      slot.state[k] = owned.full.emplace_back(size);
    } else {
      slot.narrow_state[k] = owned.narrow.emplace_back(size);
    }
  }
}

}  // namespace

template <class T>
Optimizer<T>::Optimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters, std::shared_ptr<StepSharing> sharing)
    : impl_(std::make_unique<Impl>(std::move(spec), std::move(parameters), std::move(sharing))) {
  for (std::size_t i = 0; i < impl_->slots.size(); ++i) {
    optimizers::Slot<T>& slot = impl_->slots[i];
    const std::string& recipe = impl_->recipes[i]->name;
    allocate_state(slot, impl_->owned);
    impl_->counters.parameters.push_back({.parameter = slot.info.name, .recipe = recipe});
    ++impl_->counters.parameters_of_recipe[recipe];
  }
}

template <class T>
Optimizer<T>::Optimizer(Optimizer&&) noexcept = default;
template <class T>
Optimizer<T>& Optimizer<T>::operator=(Optimizer&&) noexcept = default;
template <class T>
Optimizer<T>::~Optimizer() = default;

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
  this->advance(fed, options.learning_rate_scale);
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
  impl_->check(parameters);
  impl_->check_scale(options.learning_rate_scale);
  optimizers::check_rounded_values<T>(options.rounded_values, impl_->slots.size());
  impl_->require_no_closure();
  return impl_->step(parameters, options);
}

template <class T>
StepReport Optimizer<T>::step(std::span<const BasicParameter<T>> parameters,
                              const std::function<void()>& compute_gradients, double learning_rate_scale) {
  impl_->check(parameters);
  impl_->check_scale(learning_rate_scale);
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
  return impl_->explain_parameters();
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
