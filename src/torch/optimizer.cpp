// SPDX-License-Identifier: Apache-2.0
#include "normdescent/torch/optimizer.hpp"

#include <ATen/ATen.h>
#include <torch/serialize/archive.h>
#include <torch/utils.h>

#include <charconv>
#include <memory>
#include <stdexcept>
#include <string>

#include "normdescent/rules/executors.hpp"
#include "state_archive.hpp"
#include "thread_count.hpp"

namespace normdescent::optim {

namespace {

double first_learning_rate(const OptimizerSpec& spec) {
  const double rate = spec.routes.empty() ? spec.fallback.learning_rate : spec.routes.front().recipe.learning_rate;
  if (!(rate > 0.0)) {
    throw std::invalid_argument("learning_rate = " + std::to_string(rate) + ", must be > 0: groups scale it");
  }
  return rate;
}

std::vector<ParameterGroup> one_group(const torch::nn::Module& module, const OptimizerSpec& spec,
                                      const RoleOverrides& roles) {
  std::vector<ParameterGroup> groups(1);
  groups[0] = {module_parameters(module, roles), first_learning_rate(spec)};
  return groups;
}

std::span<float> storage(const ParameterInfo& info, const torch::Tensor& tensor, const char* what) {
  const auto refuse = [&](const std::string& problem) {
    throw std::invalid_argument("parameter '" + info.name + "': " + what + " " + problem);
  };
  if (tensor.layout() != at::kStrided) refuse("is sparse, must be dense");
  if (tensor.scalar_type() != at::kFloat || !tensor.device().is_cpu()) {
    refuse("is " + tensor.toString() + ", must be a float32 tensor on the CPU");
  }
  if (!tensor.is_contiguous()) refuse("is not contiguous; call contiguous() on it before the model is built");
  if (tensor.numel() != info.size()) refuse("has another shape than at construction");
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

std::string group_prefix(std::size_t group) { return "group." + std::to_string(group) + "."; }

/// As text, so that it survives any container of strings: shortest form that reads back equal.
std::string exact_text(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

}  // namespace

SpecOptimizer::SpecOptimizer(const torch::nn::Module& module, const OptimizerSpec& spec, const RoleOverrides& roles)
    : SpecOptimizer(one_group(module, spec, roles), spec) {}

SpecOptimizer::SpecOptimizer(std::vector<ParameterGroup> groups, const OptimizerSpec& spec)
    : torch::optim::Optimizer(std::vector<torch::optim::OptimizerParamGroup>{},
                              std::make_unique<GroupOptions>(first_learning_rate(spec))),
      nominal_learning_rate_(first_learning_rate(spec)) {
  for (ParameterGroup& group : groups) {
    std::vector<ParameterInfo> infos;
    std::vector<torch::Tensor> tensors;
    for (ModuleParameter& p : group.parameters) {
      (void)storage(p.info, p.tensor, "value");
      infos.push_back(std::move(p.info));
      tensors.push_back(std::move(p.tensor));
    }
    add_param_group({std::move(tensors), std::make_unique<GroupOptions>(group.learning_rate)});
    groups_.push_back({infos, normdescent::Optimizer<float>(spec, infos)});
  }
}

torch::Tensor SpecOptimizer::step(LossClosure closure) {
  keep_thread_count();
  torch::Tensor loss;
  if (closure != nullptr) {
    const at::AutoGradMode with_grad(true);
    loss = closure();
  }
  if (param_groups_.size() != groups_.size()) {
    throw std::invalid_argument("add_param_group: groups of this optimizer are given at its construction");
  }
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;  // keeps copies alive
  std::vector<std::vector<Parameter>> lists(groups_.size());
  report_ = {};
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    const auto& tensors = param_groups_[k].params();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const ParameterInfo& info = groups_[k].infos[i];
      Parameter parameter{info, storage(info, tensors[i], "value"), {}};
      if (tensors[i].grad().defined()) {
        gradients.push_back(tensors[i].grad().is_sparse() ? tensors[i].grad() : tensors[i].grad().contiguous());
        parameter.gradient = storage(info, gradients.back(), "gradient");
        // Before any group moves: a step changes all or nothing.
        if (report_.finite && !rules::all_finite(std::span<const float>(parameter.gradient))) {
          report_ = {false, info.name};
        }
      }
      lists[k].push_back(std::move(parameter));
    }
  }
  if (!report_.finite) return loss;
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    groups_[k].optimizer.step(lists[k], param_groups_[k].options().get_lr() / nominal_learning_rate_);
    for (const torch::Tensor& tensor : param_groups_[k].params()) tensor.unsafeGetTensorImpl()->bump_version();
  }
  return loss;
}

std::vector<ParameterPlan> SpecOptimizer::explain() const {
  std::vector<ParameterPlan> rows;
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    const double scale = param_groups_[k].options().get_lr() / nominal_learning_rate_;
    for (ParameterPlan& row : groups_[k].optimizer.explain()) {
      row.learning_rate *= scale;
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

StateDict SpecOptimizer::state_dict() const {
  StateDict all;
  all.metadata["groups"] = std::to_string(groups_.size());
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    StateDict one = groups_[k].optimizer.state();
    all.tensors.merge(one.tensors);
    for (auto& [key, value] : one.metadata) all.metadata[group_prefix(k) + key] = std::move(value);
    all.metadata[group_prefix(k) + "learning_rate"] = exact_text(param_groups_[k].options().get_lr());
  }
  return all;
}

void SpecOptimizer::load_state_dict(const StateDict& state) {
  const auto count = state.metadata.find("groups");
  if (count == state.metadata.end() || count->second != std::to_string(groups_.size())) {
    throw std::invalid_argument(
        "optimizer state: groups = " + (count == state.metadata.end() ? "(missing)" : count->second) + ", must be " +
        std::to_string(groups_.size()));
  }
  // Loaded into copies first: a state that does not fit changes nothing.
  std::vector<Group> loaded;
  std::vector<double> rates;
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    StateDict one;
    for (const auto& [key, value] : state.metadata) {
      if (key.starts_with(group_prefix(k))) one.metadata[key.substr(group_prefix(k).size())] = value;
    }
    for (const ParameterInfo& info : groups_[k].infos) {
      const std::string prefix = info.name + "/";
      for (auto it = state.tensors.lower_bound(prefix); it != state.tensors.end() && it->first.starts_with(prefix);
           ++it) {
        one.tensors.insert(*it);
      }
    }
    const std::string text = one.metadata["learning_rate"];
    double rate = -1.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
    if (error != std::errc{} || end != text.data() + text.size()) {
      throw std::invalid_argument("optimizer state: learning_rate = " + text + ", must be a number");
    }
    rates.push_back(rate);
    loaded.push_back({groups_[k].infos, normdescent::Optimizer<float>(groups_[k].optimizer.spec(), groups_[k].infos)});
    loaded.back().optimizer.load_state(one);
  }
  groups_ = std::move(loaded);
  for (std::size_t k = 0; k < rates.size(); ++k) param_groups_[k].options().set_lr(rates[k]);
}

void SpecOptimizer::save(torch::serialize::OutputArchive& archive) const { write_state(archive, state_dict()); }

void SpecOptimizer::load(torch::serialize::InputArchive& archive) { load_state_dict(read_state(archive)); }

}  // namespace normdescent::optim
