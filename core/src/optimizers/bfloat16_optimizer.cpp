// SPDX-License-Identifier: Apache-2.0
#include "normdescent/optimizers/bfloat16_optimizer.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "normdescent/base/multiversion.hpp"
#include "normdescent/base/stochastic_rounding.hpp"
#include "normdescent/rules/pieces.hpp"
#include "state_checks.hpp"

namespace normdescent {
namespace {

std::string master_name(const ParameterInfo& info) { return info.name + "/master"; }

std::string rounding_text(const OptimizerSpec& spec) {
  const std::string name = to_string(spec.bfloat16_rounding);
  const bool is_random = spec.bfloat16_rounding == Bfloat16Rounding::stochastic;
  return is_random ? name + "(seed=" + std::to_string(spec.rounding_seed) + ")" : name;
}

// Values that somebody else has changed since the last step are the new masters; all others have been rounded from
// them.
NORMDESCENT_MULTIVERSION void follow(const Bfloat16* __restrict values, float* __restrict masters, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const float master = masters[i];
    masters[i] = to_bfloat16(master) == values[i] ? master : to_float(values[i]);
  }
}

}  // namespace

struct Bfloat16Optimizer::Impl {
  using Parameters = std::span<const BasicParameter<Bfloat16>>;

  Optimizer<float> optimizer;
  ParameterBuffer<float> buffer;            // masters, or scratch; and gradients
  std::vector<BasicParameter<float>> list;  // of this step
  std::vector<std::uint64_t> streams;
  std::vector<Bfloat16*> rounded;  // of this step
  bool has_masters = false;        // from the first step on

  Impl(OptimizerSpec spec, const std::vector<ParameterInfo>& infos)
      : optimizer(std::move(spec), infos), buffer(infos), list(buffer.parameters().begin(), buffer.parameters().end()) {
    for (const auto& info : infos) streams.push_back(rounding_stream(info.name));
  }

  [[nodiscard]] bool keeps_masters() const { return optimizer.spec().bfloat16_rounding == Bfloat16Rounding::master; }

  void check(Parameters parameters) const {
    if (parameters.size() != list.size()) {
      throw std::invalid_argument("parameters: " + std::to_string(parameters.size()) + " tensors, must be the " +
                                  std::to_string(list.size()) + " of the construction");
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& p = parameters[i];
      const std::size_t size = list[i].value.size();
      if (p.value.size() == size && (p.gradient.empty() || p.gradient.size() == size)) continue;
      throw std::invalid_argument("parameter " + list[i].info.name + ": value of " + std::to_string(p.value.size()) +
                                  " and gradient of " + std::to_string(p.gradient.size()) + " entries, must be " +
                                  std::to_string(size));
    }
  }

  // body(narrow, wide, size) for the pieces of all arrays of two lists; narrow[i] and wide[i] have the same size.
  template <class Narrow, class Wide, class Body>
  void for_pairs(const Narrow& narrow, const Wide& wide, const Body& body) const {
    rules::for_each_piece(
        list.size(), [&](std::size_t i) { return static_cast<Index>(narrow(i).size()); },
        [&](std::size_t i, Index first, Index count) {
          body(narrow(i).data() + first, wide(i).data() + first, static_cast<std::size_t>(count));
        });
  }

  void read_values(Parameters parameters) {
    const auto narrow = [&](std::size_t i) { return parameters[i].value; };
    const auto wide = [&](std::size_t i) { return list[i].value; };
    if (has_masters) {
      for_pairs(narrow, wide, follow);
    } else {
      for_pairs(narrow, wide, [](const Bfloat16* from, float* to, std::size_t size) { widen({from, size}, to); });
    }
    has_masters = keeps_masters();
  }
  void read_gradients(Parameters parameters) const {
    for_pairs([&](std::size_t i) { return parameters[i].gradient; },
              [&](std::size_t i) { return buffer.parameters()[i].gradient; },
              [](const Bfloat16* from, float* to, std::size_t size) {
                widen({from, size}, to);
              });
  }
  // The values that were read, or a point that the optimizer wants gradients at.
  void write_nearest(Parameters parameters) const {
    for_pairs([&](std::size_t i) { return parameters[i].value; }, [&](std::size_t i) { return list[i].value; },
              [](Bfloat16* to, const float* from, std::size_t size) {
                round_to_nearest({from, size}, to);
              });
  }
  void write_results(Parameters parameters) const {
    if (keeps_masters()) return write_nearest(parameters);
    const auto seed = static_cast<std::uint64_t>(optimizer.spec().rounding_seed);
    const auto step = static_cast<std::uint64_t>(optimizer.steps_done());
    for (std::size_t i = 0; i < list.size(); ++i) {
      round_stochastically(list[i].value, parameters[i].value, seed, streams[i], step);
    }
  }

  void prepare(Parameters parameters) {
    check(parameters);
    read_values(parameters);
    for (std::size_t i = 0; i < list.size(); ++i) {
      list[i].gradient = parameters[i].gradient.empty() ? std::span<float>() : buffer.parameters()[i].gradient;
    }
  }
};

Bfloat16Optimizer::Bfloat16Optimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters)
    : impl_(std::make_unique<Impl>(std::move(spec), parameters)) {}
Bfloat16Optimizer::Bfloat16Optimizer(Bfloat16Optimizer&&) noexcept = default;
Bfloat16Optimizer& Bfloat16Optimizer::operator=(Bfloat16Optimizer&&) noexcept = default;
Bfloat16Optimizer::~Bfloat16Optimizer() = default;

StepReport Bfloat16Optimizer::step(std::span<const BasicParameter<Bfloat16>> parameters, double learning_rate_scale) {
  impl_->prepare(parameters);
  impl_->read_gradients(parameters);
  if (impl_->keeps_masters()) {
    impl_->rounded.clear();
    for (const auto& p : parameters) impl_->rounded.push_back(p.value.data());
    return impl_->optimizer.step(impl_->list,
                                 {.learning_rate_scale = learning_rate_scale, .rounded_values = impl_->rounded});
  }
  const StepReport report = impl_->optimizer.step(impl_->list, learning_rate_scale);
  if (report.finite && !report.stopped) impl_->write_results(parameters);
  return report;
}

StepReport Bfloat16Optimizer::step(std::span<const BasicParameter<Bfloat16>> parameters,
                                   const std::function<void()>& compute_gradients, double learning_rate_scale) {
  impl_->prepare(parameters);
  const auto compute = [&] {
    impl_->write_nearest(parameters);
    compute_gradients();
    impl_->read_gradients(parameters);
  };
  try {
    const StepReport report = impl_->optimizer.step(impl_->list, compute, learning_rate_scale);
    report.finite && !report.stopped ? impl_->write_results(parameters) : impl_->write_nearest(parameters);
    return report;
  } catch (...) {
    impl_->write_nearest(parameters);  // the optimizer has put the values back
    throw;
  }
}

bool Bfloat16Optimizer::needs_closure() const { return impl_->optimizer.needs_closure(); }
const OptimizerSpec& Bfloat16Optimizer::spec() const { return impl_->optimizer.spec(); }
std::int64_t Bfloat16Optimizer::steps_done() const { return impl_->optimizer.steps_done(); }

std::vector<ParameterPlan> Bfloat16Optimizer::explain() const {
  auto rows = impl_->optimizer.explain();
  if (!impl_->keeps_masters()) return rows;
  for (auto& row : rows) {
    ++row.state_buffers;
    row.state_entries += row.parameter.size();
  }
  return rows;
}

StateDict Bfloat16Optimizer::state() const {
  StateDict state = impl_->optimizer.state();
  state.metadata["bfloat16_rounding"] = rounding_text(spec());
  if (!impl_->has_masters) return state;
  for (const auto& p : impl_->list) {
    state.tensors[master_name(p.info)] = optimizers::to_tensor("F32", p.info.shape, std::span<const float>(p.value));
  }
  return state;
}

void Bfloat16Optimizer::load_state(const StateDict& state) {
  optimizers::require_equal(state, "bfloat16_rounding", rounding_text(spec()));
  const auto is_master = [&](const auto& p) { return state.tensors.contains(master_name(p.info)); };
  const bool has_masters = impl_->keeps_masters() && std::ranges::any_of(impl_->list, is_master);
  StateDict rest = state;
  std::vector<const StateTensor*> masters;
  for (const auto& p : impl_->list) {
    if (!has_masters) break;
    masters.push_back(
        &optimizers::require_tensor(state, master_name(p.info), "F32", p.info.shape, p.value.size() * sizeof(float)));
    optimizers::require_possible<float>(master_name(p.info), *masters.back(), false);
    rest.tensors.erase(master_name(p.info));
  }
  impl_->optimizer.load_state(rest);  // changes nothing if it throws
  for (std::size_t i = 0; i < masters.size(); ++i) {
    std::memcpy(impl_->list[i].value.data(), masters[i]->bytes.data(), masters[i]->bytes.size());
  }
  impl_->has_masters = has_masters;
}

}  // namespace normdescent
