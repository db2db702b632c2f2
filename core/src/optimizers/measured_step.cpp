// SPDX-License-Identifier: Apache-2.0
#include "measured_step.hpp"

#include <algorithm>
#include <cmath>

#include "normdescent/linalg/reductions.hpp"

namespace normdescent::optimizers {

template <class T>
void MeasuredStep<T>::begin(std::span<const BasicParameter<T>> parameters) {
  before_.resize(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    before_[i].assign(parameters[i].value.begin(), parameters[i].value.end());
  }
}

template <class T>
void MeasuredStep<T>::end(std::span<const BasicParameter<T>> parameters, std::span<const Slot<T>> slots,
                          std::span<ParameterCounters> counters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const ParameterCounters none;
    counters[i].update_rms = none.update_rms;
    counters[i].momentum_cosine = none.momentum_cosine;
    if (parameters[i].gradient.empty()) continue;
    std::span<T> descent = before_[i];
    std::ranges::transform(descent, parameters[i].value, descent.begin(), [](T x, T moved) { return x - moved; });
    const double length = norm2(std::span<const T>(descent));
    counters[i].update_rms = length / std::sqrt(static_cast<double>(descent.size()));
    const auto momentum = std::ranges::find(slots[i].layout, "momentum", &StateBuffer::name);
    if (momentum == slots[i].layout.end()) continue;
    const auto k = static_cast<std::size_t>(momentum - slots[i].layout.begin());
    std::vector<T> widened;
    for (const Bfloat16 number : slots[i].narrow_state[k]) widened.push_back(to_float(number));
    const auto m = widened.empty() ? std::span<const T>(slots[i].state[k]) : std::span<const T>(widened);
    if (m.empty()) continue;  // another process has it
    const double product = length * norm2(m);
    if (product > 0.0) counters[i].momentum_cosine = dot(std::span<const T>(descent), m) / product;
  }
}

template class MeasuredStep<float>;
template class MeasuredStep<double>;

}  // namespace normdescent::optimizers
