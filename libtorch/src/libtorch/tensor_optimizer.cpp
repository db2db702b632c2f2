// SPDX-License-Identifier: Apache-2.0
#include "normdescent/libtorch/tensor_optimizer.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include "normdescent/libtorch/thread_count.hpp"
#include "tensor_run.hpp"

namespace normdescent {

namespace {

/// A group as its tensors of each arithmetic: at least one of the two is there.
struct Runs {
  std::optional<TensorRun<float>> float32;
  std::optional<TensorRun<double>> float64;
};

/// f(run, name) for the runs that are there. `runs` is Runs or const Runs.
template <class SomeRuns, class F>
void for_each_run(SomeRuns& runs, const F& f) {
  if (runs.float32) f(*runs.float32, "float32");
  if (runs.float64) f(*runs.float64, "float64");
}

std::string metadata_prefix(std::size_t group, const char* arithmetic) {
  return "group." + std::to_string(group) + "." + arithmetic + ".";
}

std::vector<ModuleParameter> without_repetitions(const std::vector<ModuleParameter>& parameters) {
  std::vector<ModuleParameter> distinct;
  std::set<const c10::TensorImpl*> seen;
  for (const ModuleParameter& p : parameters) {
    if (!p.tensor.defined()) throw std::invalid_argument("parameter '" + p.info.name + "': tensor is undefined");
    if (seen.insert(p.tensor.unsafeGetTensorImpl()).second) distinct.push_back(p);
  }
  return distinct;
}

/// The part of `state` that belongs to one run: entries "<prefix><key>" and the tensors of its parameters.
StateDict part_of(const StateDict& state, const std::string& prefix, const std::vector<ParameterPlan>& plans) {
  StateDict part;
  for (auto it = state.metadata.lower_bound(prefix); it != state.metadata.end() && it->first.starts_with(prefix);
       ++it) {
    part.metadata[it->first.substr(prefix.size())] = it->second;
  }
  for (const ParameterPlan& plan : plans) {
    const std::string name = plan.parameter.name + "/";
    for (auto it = state.tensors.lower_bound(name); it != state.tensors.end() && it->first.starts_with(name); ++it) {
      part.tensors.insert(*it);
    }
  }
  return part;
}

}  // namespace

struct TensorOptimizer::Impl {
  struct Group {
    OptimizerSpec spec;
    std::vector<ModuleParameter> parameters;
    Runs runs;
  };
  std::vector<Group> groups;
  bool is_stopped = false;  ///< by NonFinitePolicy::stop of any run, for all of them

  [[nodiscard]] std::size_t run_count() const {
    std::size_t count = 0;
    for (const Group& group : groups) for_each_run(group.runs, [&](const auto&, const char*) { ++count; });
    return count;
  }

  [[nodiscard]] bool needs_closure() const {
    bool needed = false;
    for (const Group& group : groups) {
      for_each_run(group.runs, [&](const auto& run, const char*) { needed = needed || run.needs_closure(); });
    }
    return needed;
  }

  [[nodiscard]] bool has_nonfinite_gradient() const {
    bool found = false;
    for (const Group& group : groups) {
      for_each_run(group.runs, [&](const auto& run, const char*) { found = found || !run.first_nonfinite().empty(); });
    }
    return found;
  }

  void require_scales(std::span<const double> scales) const {
    if (scales.size() == groups.size()) return;
    throw std::invalid_argument("learning rates: " + std::to_string(scales.size()) +
                                " of them, must be one for each of " + std::to_string(groups.size()) + " groups");
  }

  void require_new(const ModuleParameter& parameter) const {
    for (std::size_t k = 0; k < groups.size(); ++k) {
      for (const ModuleParameter& other : groups[k].parameters) {
        if (other.tensor.is_same(parameter.tensor)) {
          throw std::invalid_argument("parameter '" + parameter.info.name + "': is in group " + std::to_string(k) +
                                      " already, as '" + other.info.name + "'");
        }
        if (other.info.name == parameter.info.name) {
          throw std::invalid_argument("parameter '" + parameter.info.name + "': group " + std::to_string(k) +
                                      " has another tensor of that name");
        }
      }
    }
  }
};

TensorOptimizer::TensorOptimizer() : impl_(std::make_unique<Impl>()) {}
TensorOptimizer::TensorOptimizer(TensorOptimizer&&) noexcept = default;
TensorOptimizer& TensorOptimizer::operator=(TensorOptimizer&&) noexcept = default;
TensorOptimizer::~TensorOptimizer() = default;

void TensorOptimizer::add_group(const OptimizerSpec& spec, const std::vector<ModuleParameter>& parameters) {
  Impl::Group group{spec, without_repetitions(parameters), {}};
  if (group.parameters.empty()) throw std::invalid_argument("parameters: a group has none, must have at least one");
  std::vector<ModuleParameter> single;
  std::vector<ModuleParameter> precise;
  for (const ModuleParameter& p : group.parameters) {
    impl_->require_new(p);
    (arithmetic_type(p) == at::kDouble ? precise : single).push_back(p);
  }
  if (!single.empty()) group.runs.float32.emplace(spec, single);
  if (!precise.empty()) group.runs.float64.emplace(spec, precise);
  impl_->groups.push_back(std::move(group));
}

void TensorOptimizer::set_spec(std::size_t group, const OptimizerSpec& spec) {
  Impl::Group& old = impl_->groups.at(group);
  Runs fresh;
  if (old.runs.float32) fresh.float32 = old.runs.float32->with_spec(spec);
  if (old.runs.float64) fresh.float64 = old.runs.float64->with_spec(spec);
  old.spec = spec;
  old.runs = std::move(fresh);
}

std::size_t TensorOptimizer::group_count() const { return impl_->groups.size(); }

const OptimizerSpec& TensorOptimizer::spec(std::size_t group) const { return impl_->groups.at(group).spec; }

const std::vector<ModuleParameter>& TensorOptimizer::parameters(std::size_t group) const {
  return impl_->groups.at(group).parameters;
}

StepReport TensorOptimizer::step(std::span<const double> scales, const std::function<void()>& compute_gradients) {
  impl_->require_scales(scales);
  keep_thread_count();
  const at::NoGradGuard no_grad;
  if (impl_->is_stopped) return {.stopped = true};
  if (impl_->needs_closure()) {
    if (impl_->run_count() > 1) {
      throw std::invalid_argument(
          "step: gradients are needed at several points, which must be of one group of one type");
    }
    StepReport report;
    for_each_run(impl_->groups[0].runs,
                 [&](auto& run, const char*) { report = run.step(scales[0], compute_gradients); });
    return report;
  }
  if (compute_gradients) compute_gradients();
  for (auto& group : impl_->groups) {
    for_each_run(group.runs, [](auto& run, const char*) { run.gather(); });
  }
  // A step changes all or nothing. A run checks its own gradients; several are checked before the first one moves.
  const bool is_any_bad = impl_->run_count() > 1 && impl_->has_nonfinite_gradient();
  StepReport all;
  for (std::size_t k = 0; k < scales.size(); ++k) {
    for_each_run(impl_->groups[k].runs, [&](auto& run, const char*) {
      if (!all.finite || (is_any_bad && run.first_nonfinite().empty())) return;
      const StepReport one = run.step(scales[k]);
      all.clip_factor = std::min(all.clip_factor, one.clip_factor);
      if (!one.finite) all = one;
    });
  }
  impl_->is_stopped = all.stopped;
  return all;
}

std::vector<ParameterPlan> TensorOptimizer::explain(std::span<const double> scales) const {
  impl_->require_scales(scales);
  std::vector<ParameterPlan> rows;
  for (std::size_t k = 0; k < scales.size(); ++k) {
    for_each_run(impl_->groups[k].runs, [&](const auto& run, const char*) {
      for (ParameterPlan& row : run.explain()) {
        row.learning_rate *= scales[k];
        rows.push_back(std::move(row));
      }
    });
  }
  return rows;
}

std::vector<ParameterCounters> TensorOptimizer::counters() const {
  std::vector<ParameterCounters> rows;
  for (const auto& group : impl_->groups) {
    for_each_run(group.runs, [&](const auto& run, const char*) {
      for (ParameterCounters& row : run.counters()) rows.push_back(std::move(row));
    });
  }
  return rows;
}

void TensorOptimizer::measure_next_step() {
  for (auto& group : impl_->groups) {
    for_each_run(group.runs, [](auto& run, const char*) { run.measure_next_step(); });
  }
}

StateDict TensorOptimizer::state() const {
  const at::NoGradGuard no_grad;
  StateDict all;
  for (std::size_t k = 0; k < impl_->groups.size(); ++k) {
    for_each_run(impl_->groups[k].runs, [&](const auto& run, const char* arithmetic) {
      StateDict one = run.state();
      all.tensors.merge(one.tensors);
      for (auto& [key, value] : one.metadata) all.metadata[metadata_prefix(k, arithmetic) + key] = std::move(value);
    });
  }
  return all;
}

void TensorOptimizer::load_state(const StateDict& state) {
  const at::NoGradGuard no_grad;
  // Loaded into copies first: a state that does not fit changes nothing.
  std::vector<Runs> loaded(impl_->groups.size());
  std::size_t tensors = 0;
  std::size_t metadata = 0;
  for (std::size_t k = 0; k < loaded.size(); ++k) {
    const Impl::Group& group = impl_->groups[k];
    if (group.runs.float32) loaded[k].float32 = group.runs.float32->with_spec(group.spec);
    if (group.runs.float64) loaded[k].float64 = group.runs.float64->with_spec(group.spec);
    for_each_run(loaded[k], [&](auto& run, const char* arithmetic) {
      StateDict part = part_of(state, metadata_prefix(k, arithmetic), run.explain());
      tensors += part.tensors.size();
      metadata += part.metadata.size();
      run.load_state(std::move(part));
    });
  }
  if (tensors != state.tensors.size() || metadata != state.metadata.size()) {
    throw std::invalid_argument("optimizer state: holds more than these " + std::to_string(loaded.size()) +
                                " groups, must be that of the same parameters");
  }
  for (std::size_t k = 0; k < loaded.size(); ++k) impl_->groups[k].runs = std::move(loaded[k]);
}

}  // namespace normdescent
