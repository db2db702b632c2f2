// SPDX-License-Identifier: Apache-2.0
#include "tensor_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <type_traits>

#include "normdescent/base/stochastic_rounding.hpp"
#include "normdescent/rules/executors.hpp"
#include "state_tensor.hpp"

namespace normdescent {

namespace {

template <class T>
constexpr at::ScalarType kType = sizeof(T) == sizeof(float) ? at::kFloat : at::kDouble;

[[noreturn]] void refuse(const ParameterInfo& info, const std::string& problem) {
  throw std::invalid_argument("parameter '" + info.name + "': " + problem);
}

bool is_low_precision(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

std::string master_name(const ParameterInfo& info) { return info.name + "/master"; }

template <class T>
std::span<T> span_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

at::ScalarType arithmetic_type(const ModuleParameter& parameter) {
  const at::Tensor& tensor = parameter.tensor;
  const auto refuse_tensor = [&](const std::string& constraint) {
    refuse(parameter.info, "value is " + tensor.toString() + ", must be " + constraint);
  };
  if (tensor.layout() != at::kStrided) refuse_tensor("dense");
  if (!tensor.device().is_cpu() && !tensor.is_cuda()) refuse_tensor("on a CPU or a CUDA device");
  const at::ScalarType type = tensor.scalar_type();
  if (type == at::kDouble) return at::kDouble;
  if (type != at::kFloat && !is_low_precision(type)) refuse_tensor("of type float32, float64, bfloat16 or float16");
  return at::kFloat;
}

template <class T>
TensorRun<T>::TensorRun(const OptimizerSpec& spec, const std::vector<ModuleParameter>& parameters)
    : spec_(spec), optimizer_(spec, infos_of(parameters)) {
  for (const ModuleParameter& p : parameters) {
    const at::ScalarType type = p.tensor.scalar_type();
    const bool is_random = type == at::kBFloat16 && spec.bfloat16_rounding == Bfloat16Rounding::stochastic;
    slots_.push_back({p.tensor, type, {}, {}, is_low_precision(type) && !is_random, is_random});
    if (is_random) rounded_.resize(std::max(rounded_.size(), static_cast<std::size_t>(p.info.size())));
    list_.push_back({p.info, {}, {}});
  }
}

template <class T>
void TensorRun<T>::gather_value(const ParameterInfo& info, Slot& slot) const {
  const at::Tensor& tensor = slot.tensor;
  if (tensor.scalar_type() != slot.type || tensor.sizes() != at::IntArrayRef(info.shape)) {
    refuse(info, "its type or shape is not that of the construction");
  }
  if (slot.type == kType<T> && tensor.device().is_cpu() && tensor.is_contiguous()) {
    slot.staging.reset();
    return;
  }
  const at::Tensor current = tensor.detach().to(at::kCPU);
  if (slot.has_master && slot.staging.defined()) {
    const at::Tensor is_ours = slot.staging.to(slot.type).eq(current);
    slot.staging.copy_(at::where(is_ours, slot.staging, current.to(kType<T>)));
    return;
  }
  if (!slot.staging.defined()) slot.staging = at::empty(tensor.sizes(), kType<T>);
  slot.staging.copy_(current);
}

template <class T>
void TensorRun<T>::gather_gradient(const ParameterInfo& info, Slot& slot) const {
  const at::Tensor& gradient = slot.tensor.grad();
  slot.gradient.reset();
  if (!gradient.defined()) return;
  if (gradient.layout() != at::kStrided) refuse(info, "gradient is sparse, must be dense");
  if (gradient.device() != slot.tensor.device()) {
    refuse(info, "gradient is on " + gradient.device().str() + ", must be on the tensor's device " +
                     slot.tensor.device().str());
  }
  if (!gradient.is_floating_point()) refuse(info, "gradient is " + gradient.toString() + ", must be real and floating");
  if (gradient.sizes() != slot.tensor.sizes()) refuse(info, "gradient has another shape than the tensor");
  slot.gradient = gradient.detach().to(at::kCPU, kType<T>).contiguous();  // the same tensor where it fits already
}

template <class T>
void TensorRun<T>::gather() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    gather_value(list_[i].info, slot);
    gather_gradient(list_[i].info, slot);
    list_[i].value = span_of<T>(slot.staging.defined() ? slot.staging : slot.tensor);
    list_[i].gradient = slot.gradient.defined() ? span_of<T>(slot.gradient) : std::span<T>();
  }
}

template <class T>
std::string TensorRun<T>::first_nonfinite() const {
  for (const auto& p : list_) {
    if (!rules::all_finite(std::span<const T>(p.gradient))) return p.info.name;
  }
  return {};
}

template <class T>
StepReport TensorRun<T>::step(double learning_rate_scale) {
  StepReport report = optimizer_.step(list_, learning_rate_scale);
  if (report.finite && !report.stopped) write_results();
  for (Slot& slot : slots_) slot.gradient.reset();  // a reference would keep zero_grad from freeing it
  return report;
}

template <class T>
void TensorRun<T>::write_values() {
  for (Slot& slot : slots_) {
    if (!slot.gradient.defined()) continue;
    if (slot.staging.defined()) {
      slot.tensor.copy_(slot.staging);
    } else {
      slot.tensor.unsafeGetTensorImpl()->bump_version();
    }
  }
}

template <class T>
void TensorRun<T>::write_results() {
  if constexpr (std::is_same_v<T, float>) {
    const auto step = static_cast<std::uint64_t>(optimizer_.steps_done());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      if (!slot.is_random || !slot.gradient.defined()) continue;
      const auto value = span_of<float>(slot.staging);
      round_stochastically(value, std::span(rounded_).first(value.size()),
                           static_cast<std::uint64_t>(spec_.rounding_seed), rounding_stream(list_[i].info.name), step);
      // What is a number of bfloat16 already is copied as it is.
      std::transform(rounded_.begin(), rounded_.begin() + static_cast<std::ptrdiff_t>(value.size()), value.begin(),
                     to_float);
    }
  }
  write_values();
}

template <class T>
StepReport TensorRun<T>::step(double learning_rate_scale, const std::function<void()>& compute_gradients) {
  std::vector<at::Tensor> buffers(slots_.size());  // the optimizer wants one place for the gradients of all points
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    gather_value(list_[i].info, slot);
    if (slot.tensor.requires_grad()) buffers[i] = at::zeros(slot.tensor.sizes(), kType<T>);
    slot.gradient = buffers[i];
    list_[i].value = span_of<T>(slot.staging.defined() ? slot.staging : slot.tensor);
    list_[i].gradient = buffers[i].defined() ? span_of<T>(buffers[i]) : std::span<T>();
  }
  const auto compute = [&] {
    write_values();
    compute_gradients();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!buffers[i].defined()) continue;
      gather_gradient(list_[i].info, slots_[i]);
      slots_[i].gradient.defined() ? buffers[i].copy_(slots_[i].gradient) : buffers[i].zero_();
      slots_[i].gradient = buffers[i];
    }
  };
  // Also when it throws: the optimizer has put the values back, into the staging of those that have one.
  struct Release {
    TensorRun& run;
    bool has_results = false;
    ~Release() {
      has_results ? run.write_results() : run.write_values();
      for (Slot& slot : run.slots_) slot.gradient.reset();
    }
  };
  Release release{*this};
  if (!compute_gradients) return optimizer_.step(list_, learning_rate_scale);  // throws, and says what is missing
  StepReport report = optimizer_.step(list_, compute, learning_rate_scale);
  release.has_results = report.finite && !report.stopped;
  return report;
}

template <class T>
StateDict TensorRun<T>::state() const {
  StateDict state = optimizer_.state();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].has_master) continue;
    const Slot& slot = slots_[i];
    state.tensors[master_name(list_[i].info)] =
        to_state_tensor(slot.staging.defined() ? slot.staging : slot.tensor.detach().to(at::kCPU, kType<T>));
  }
  return state;
}

template <class T>
void TensorRun<T>::load_state(StateDict state) {
  std::vector<at::Tensor> masters(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].has_master) continue;
    const std::string name = master_name(list_[i].info);
    const auto found = state.tensors.find(name);
    if (found == state.tensors.end()) throw std::invalid_argument("optimizer state: tensor " + name + " is missing");
    masters[i] = to_torch_tensor(found->second);
    if (masters[i].scalar_type() != kType<T> || masters[i].sizes() != slots_[i].tensor.sizes()) {
      throw std::invalid_argument("optimizer state: tensor " + name + " has another type or shape than the parameter");
    }
    state.tensors.erase(found);
  }
  optimizer_.load_state(state);
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].staging = masters[i];
}

template <class T>
TensorRun<T> TensorRun<T>::with_spec(const OptimizerSpec& spec) const {
  std::vector<ModuleParameter> parameters;
  for (std::size_t i = 0; i < slots_.size(); ++i) parameters.push_back({list_[i].info, slots_[i].tensor});
  TensorRun fresh(spec, parameters);
  StateDict kept = state();
  kept.metadata["recipe"] = fresh.optimizer_.state().metadata["recipe"];  // the options may differ, the tensors may not
  fresh.load_state(std::move(kept));
  return fresh;
}

template class TensorRun<float>;
template class TensorRun<double>;

}  // namespace normdescent
