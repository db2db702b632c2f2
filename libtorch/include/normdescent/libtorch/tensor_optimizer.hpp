// SPDX-License-Identifier: Apache-2.0
// OptimizerSpecs on torch tensors as they come: the engine below the torch::optim adapter (optimizer.hpp) and the
// Python classes. The arithmetic is that of Optimizer<float> and Optimizer<double>, bit for bit.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "normdescent/libtorch/module_parameters.hpp"
#include "normdescent/optimizers/optimizer.hpp"

namespace normdescent {

/// Groups of tensors, each with a spec of its own; the gradients are the tensors' .grad().
///
/// Types     float32 and float64 in their own arithmetic. bfloat16 and float16 keep a float32 master copy as state, so
///           that steps below half a unit of the last place are not lost; entries that somebody else changed since the
///           last step are taken over. Under Bfloat16Rounding::stochastic bfloat16 tensors have no copy, and the bits
///           of Bfloat16Optimizer.
/// Storage   contiguous tensors on the CPU are updated in place; others (strided, on a GPU) are copied, stepped on the
///           CPU and copied back.
/// Groups    rules that look at several tensors at once (Scope::global) see one group at a time, and of it the tensors
///           of one arithmetic. A tensor that is listed twice in a group counts once.
class TensorOptimizer {
 public:
  TensorOptimizer();
  TensorOptimizer(TensorOptimizer&&) noexcept;
  TensorOptimizer& operator=(TensorOptimizer&&) noexcept;
  ~TensorOptimizer();

  /// Throws std::invalid_argument naming the parameter, with nothing changed, for a tensor that is sparse, complex, not
  /// floating, on no known device, in another group already, or does not fit the spec; or for a name in use.
  void add_group(const OptimizerSpec& spec, const std::vector<ModuleParameter>& parameters);

  /// Other options for a group, with its state kept. Throws std::invalid_argument, with nothing changed, if the new
  /// options need other state (momentum where there was none).
  void set_spec(std::size_t group, const OptimizerSpec& spec);

  [[nodiscard]] std::size_t group_count() const;
  [[nodiscard]] const OptimizerSpec& spec(std::size_t group) const;
  [[nodiscard]] const std::vector<ModuleParameter>& parameters(std::size_t group) const;

  /// One step of every group, with the learning rates of group k multiplied by scales[k]. Tensors without gradient are
  /// skipped. A non-finite gradient in any group changes nothing anywhere. Clipping over all tensors sees one group and
  /// arithmetic at a time.
  /// `compute_gradients`, if given, is called first, or wherever the rules need gradients of one and the same
  /// mini-batch (extrapolation, variance reduction); then there must be one group of one arithmetic,
  /// and tensors that do not require a gradient stay.
  /// Throws std::invalid_argument naming the parameter, with nothing changed, for a gradient that is sparse, complex or
  /// on another device than its tensor, and for a tensor that changed its type or shape.
  StepReport step(std::span<const double> scales, const std::function<void()>& compute_gradients = nullptr);

  [[nodiscard]] std::vector<ParameterPlan> explain(std::span<const double> scales) const;
  /// Of every parameter, since it was added or its group got other options; see Optimizer<T>::counters().
  [[nodiscard]] std::vector<ParameterCounters> counters() const;
  /// See Optimizer<T>::measure_next_step().
  void measure_next_step();

  /// Everything needed to continue bit-equally: the tensors of Optimizer<T>::state() and "<parameter>/master"; the
  /// metadata of each group under "group.<k>.float32." and "group.<k>.float64.".
  [[nodiscard]] StateDict state() const;
  /// Throws std::invalid_argument, with nothing changed, for a state of other groups or another optimizer.
  void load_state(const StateDict& state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace normdescent
