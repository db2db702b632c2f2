// SPDX-License-Identifier: Apache-2.0
#include "optimizer_class.hpp"

#include <functional>
#include <stdexcept>
#include <utility>

#include "named_parameters.hpp"
#include "normdescent/optimizers/catalog.hpp"
#include "state_tensor.hpp"

namespace normdescent {

namespace {

/// At learning rate 1, so that a scale *is* a learning rate, without a quotient that would round.
OptimizerSpec unit_rate_spec(const std::string& name, const OptimizerClass::Options& options) {
  std::map<std::string, std::string> texts{{"learning_rate", "1"}};
  for (const auto& option : options) texts[option.key()] = option.value();
  return make_optimizer(name, texts);
}

}  // namespace

OptimizerClass::OptimizerClass(std::string name) : name_(std::move(name)) { (void)make_optimizer(name_); }

void OptimizerClass::add_group(const std::vector<std::string>& names, const std::vector<std::string>& roles,
                               const std::vector<at::Tensor>& tensors, const Options& options) {
  engine_.add_group(unit_rate_spec(name_, options), named_parameters(names, roles, tensors));
}

void OptimizerClass::set_options(std::int64_t group, const Options& options) {
  engine_.set_spec(static_cast<std::size_t>(group), unit_rate_spec(name_, options));
}

OptimizerClass::Report OptimizerClass::step(const std::vector<double>& learning_rates, std::int64_t callback) {
  std::function<void()> compute_gradients;
  if (callback != 0) {
    compute_gradients = [run = reinterpret_cast<int (*)()>(callback)] {  // NOLINT(performance-no-int-to-ptr)
      if (run() != 0) throw std::runtime_error("step: the closure failed");
    };
  }
  const StepReport report = engine_.step(learning_rates, compute_gradients);
  return {report.first_nonfinite_parameter, report.stopped, report.clip_factor};
}

std::vector<OptimizerClass::Plan> OptimizerClass::explain(const std::vector<double>& learning_rates) const {
  std::vector<Plan> rows;
  for (const ParameterPlan& plan : engine_.explain(learning_rates)) {
    rows.emplace_back(plan.parameter.name, plan.parameter.shape, to_string(plan.parameter.role), plan.recipe,
                      plan.correction, plan.clip_norm, plan.estimator, plan.direction, plan.shape_scale, plan.radius,
                      plan.learning_rate, plan.decay, plan.state_buffers);
  }
  return rows;
}

std::vector<OptimizerClass::Counters> OptimizerClass::counters() const {
  std::vector<Counters> rows;
  for (const ParameterCounters& row : engine_.counters()) {
    rows.emplace_back(row.parameter, row.recipe, row.steps, row.orthogonalizations, row.update_rms,
                      row.momentum_cosine);
  }
  return rows;
}

OptimizerClass::State OptimizerClass::state() const {
  c10::Dict<std::string, at::Tensor> tensors;
  c10::Dict<std::string, std::string> metadata;
  const StateDict state = engine_.state();
  for (const auto& [name, tensor] : state.tensors) tensors.insert(name, to_torch_tensor(tensor));
  for (const auto& [key, value] : state.metadata) metadata.insert(key, value);
  return {tensors, metadata};
}

void OptimizerClass::load_state(const c10::Dict<std::string, at::Tensor>& tensors,
                                const c10::Dict<std::string, std::string>& metadata) {
  StateDict state;
  for (const auto& entry : tensors) state.tensors[entry.key()] = to_state_tensor(entry.value());
  for (const auto& entry : metadata) state.metadata[entry.key()] = entry.value();
  engine_.load_state(state);
}

}  // namespace normdescent
