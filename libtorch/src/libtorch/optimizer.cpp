// SPDX-License-Identifier: Apache-2.0
#include "normdescent/libtorch/optimizer.hpp"

#include <torch/serialize/archive.h>
#include <torch/utils.h>

#include <array>
#include <charconv>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "state_archive.hpp"

namespace normdescent::optim {

namespace {

/// As text, so that it survives any container of strings: shortest form that reads back equal.
std::string exact_text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

/// What a learning-rate scale of one means.
double nominal_learning_rate(const OptimizerSpec& spec) {
  const double rate = spec.routes.empty() ? spec.fallback.learning_rate : spec.routes.front().recipe.learning_rate;
  if (!(rate > 0.0)) {
    throw std::invalid_argument("learning_rate = " + exact_text(rate) + ", must be > 0: groups scale it");
  }
  return rate;
}

/// The spec with rates of one, if its rules share one: then a scale is a learning rate, without a quotient that rounds.
OptimizerSpec at_unit_rate(OptimizerSpec spec) {
  const double rate = nominal_learning_rate(spec);
  bool is_shared = spec.fallback.learning_rate == rate;
  for (const Route& route : spec.routes) is_shared = is_shared && route.recipe.learning_rate == rate;
  if (!is_shared) return spec;
  spec.fallback.learning_rate = 1.0;
  for (Route& route : spec.routes) route.recipe.learning_rate = 1.0;
  return spec;
}

std::vector<ParameterGroup> one_group(const torch::nn::Module& module, const RoleOverrides& roles) {
  std::vector<ParameterGroup> groups(1);
  groups[0].parameters = module_parameters(module, roles);
  return groups;
}

constexpr const char* kGroupCount = "groups";

std::string rate_key(std::size_t group) { return "group." + std::to_string(group) + ".learning_rate"; }

/// Takes an entry out of the metadata.
std::string take(StateDict& state, const std::string& key) {
  const auto found = state.metadata.find(key);
  if (found == state.metadata.end()) throw std::invalid_argument("optimizer state: " + key + " is missing");
  std::string value = found->second;
  state.metadata.erase(found);
  return value;
}

double take_rate(StateDict& state, const std::string& key) {
  const std::string text = take(state, key);
  double rate = -1.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc{} || end != text.data() + text.size() || !(rate >= 0.0)) {
    throw std::invalid_argument("optimizer state: " + key + " = " + text + ", must be a number >= 0");
  }
  return rate;
}

}  // namespace

SpecOptimizer::SpecOptimizer(const torch::nn::Module& module, const OptimizerSpec& spec, const RoleOverrides& roles)
    : SpecOptimizer(one_group(module, roles), spec) {}

SpecOptimizer::SpecOptimizer(std::vector<ParameterGroup> groups, OptimizerSpec spec)
    : torch::optim::Optimizer(std::vector<torch::optim::OptimizerParamGroup>{},
                              std::make_unique<GroupOptions>(nominal_learning_rate(spec))),
      spec_(std::move(spec)) {
  for (const ParameterGroup& group : groups) add_group(group);
}

void SpecOptimizer::add_group(const ParameterGroup& group) {
  const OptimizerSpec& spec = group.spec ? *group.spec : spec_;
  const double rate = group.learning_rate.value_or(nominal_learning_rate(spec));
  if (!(rate >= 0.0)) throw std::invalid_argument("learning_rate = " + exact_text(rate) + ", must be >= 0");
  engine_.add_group(at_unit_rate(spec), group.parameters);
  std::vector<torch::Tensor> tensors;
  for (const ModuleParameter& p : engine_.parameters(engine_.group_count() - 1)) tensors.push_back(p.tensor);
  add_param_group({std::move(tensors), std::make_unique<GroupOptions>(rate)});
  param_groups_.back().options().set_lr(rate);  // newer LibTorchs fill options of other classes from the defaults
}

void SpecOptimizer::set_spec(std::size_t group, const OptimizerSpec& spec) {
  engine_.set_spec(group, at_unit_rate(spec));
}

std::vector<double> SpecOptimizer::scales() const {
  if (param_groups_.size() != engine_.group_count()) {
    throw std::invalid_argument("add_param_group: add_group must be used, which takes names and roles");
  }
  std::vector<double> scales;
  for (std::size_t k = 0; k < param_groups_.size(); ++k) {
    scales.push_back(param_groups_[k].options().get_lr() / nominal_learning_rate(engine_.spec(k)));
  }
  return scales;
}

torch::Tensor SpecOptimizer::step(LossClosure closure) {
  torch::Tensor loss;
  std::function<void()> compute_gradients;
  if (closure != nullptr) {
    compute_gradients = [&] {
      const at::AutoGradMode with_grad(true);
      loss = closure();
    };
  }
  report_ = engine_.step(scales(), compute_gradients);
  return loss;
}

std::vector<ParameterPlan> SpecOptimizer::explain() const { return engine_.explain(scales()); }

StateDict SpecOptimizer::state_dict() const {
  StateDict all = engine_.state();
  all.metadata[kGroupCount] = std::to_string(param_groups_.size());
  for (std::size_t k = 0; k < param_groups_.size(); ++k) {
    all.metadata[rate_key(k)] = exact_text(param_groups_[k].options().get_lr());
  }
  return all;
}

void SpecOptimizer::load_state_dict(const StateDict& state) {
  StateDict rest = state;
  const std::string count = take(rest, kGroupCount);
  if (count != std::to_string(param_groups_.size())) {
    throw std::invalid_argument("optimizer state: groups = " + count + ", must be " +
                                std::to_string(param_groups_.size()));
  }
  std::vector<double> rates;
  for (std::size_t k = 0; k < param_groups_.size(); ++k) rates.push_back(take_rate(rest, rate_key(k)));
  engine_.load_state(rest);
  for (std::size_t k = 0; k < rates.size(); ++k) param_groups_[k].options().set_lr(rates[k]);
}

void SpecOptimizer::save(torch::serialize::OutputArchive& archive) const { write_state(archive, state_dict()); }

void SpecOptimizer::load(torch::serialize::InputArchive& archive) { load_state_dict(read_state(archive)); }

}  // namespace normdescent::optim
