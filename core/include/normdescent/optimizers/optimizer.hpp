// SPDX-License-Identifier: Apache-2.0
// Executes an OptimizerSpec on a list of tensors: state, step, explanation, save and load.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/bfloat16.hpp"
#include "normdescent/base/parameter.hpp"
#include "normdescent/base/state_dict.hpp"
#include "normdescent/optimizers/counters.hpp"
#include "normdescent/optimizers/routing.hpp"
#include "normdescent/optimizers/step_sharing.hpp"

namespace normdescent {

/// What happens to one parameter: one row of explain().
struct ParameterPlan {
  ParameterInfo parameter;
  std::string recipe;      ///< name of the recipe
  std::string correction;  ///< "none", "extrapolation", "variance-reduction(previous-batch, gamma=0.025)"
  double clip_norm = 0.0;  ///< of this tensor alone; 0: not clipped
  std::string estimator;   ///< e.g. "ema(beta=0.95, nesterov)"
  std::string direction;   ///< e.g. "msign(halley, 2 steps) on 3 matrices of (768, 768)"
  double shape_scale = 1.0;
  double radius = 1.0;
  double learning_rate = 0.0;
  double decoupled_decay = 0.0;
  std::string decay;  ///< "none", "decoupled(0.1)", "constrained(radius=3)"
  int state_buffers = 0;
  Index state_entries = 0;     ///< numbers in all of them
  std::string state_format{};  ///< of momentum and second moment: to_string(StateFormat)
};

/// What one step did. `finite` is false if a gradient held NaN or Inf (or a correction made one of it); then nothing
/// was changed. `stopped`: NonFinitePolicy::stop has ended the run, in this step or before; nothing was changed.
struct StepReport {
  bool finite = true;
  std::string first_nonfinite_parameter{};
  bool stopped = false;
  double clip_factor = 1.0;  ///< smallest factor that clipping put on a tensor
};

/// How one step is taken, and what the caller knows of the gradients or wants done to them on the way.
struct StepOptions {
  double learning_rate_scale = 1.0;   ///< the schedule's factor: every eta is recipe.learning_rate times it
  bool gradients_are_finite = false;  ///< the caller has proved it: they are not read once more to find out
  bool zero_gradients = false;        ///< they are 0 when step() returns, whether it was taken or not
  /// Where the new values go once more, rounded to nearest, for whoever computes with them in bfloat16: an array a
  /// parameter (nullptr: not this one), written if the step is taken. Empty: nowhere. T = float only.
  std::span<Bfloat16* const> rounded_values{};
};

/// One run of an optimizer. T is float or double.
template <class T>
class Optimizer {
 public:
  /// Throws std::invalid_argument naming option or parameter if the spec cannot be applied to these tensors: options
  /// outside their domain, names that appear twice, msign for a tensor with fewer than two dimensions.
  /// With `sharing`, other processes step the parameters that are not this one's: their state is not kept here, their
  /// new values come from there, and state() is a call that all processes make together. Gradients of all parameters
  /// are needed, the same everywhere. Results are bit-equal to those without `sharing`. Throws as well if a recipe
  /// has a correction, or looks at several tensors at once (Scope::global) and not all of them are of this process.
  Optimizer(OptimizerSpec spec, std::vector<ParameterInfo> parameters, std::shared_ptr<StepSharing> sharing = nullptr);
  Optimizer(Optimizer&&) noexcept;
  Optimizer& operator=(Optimizer&&) noexcept;
  ~Optimizer();

  /// One step on the tensors (same list, same order as at construction). Gradients are only read.
  /// `learning_rate_scale` is the schedule's factor: every eta of this step is recipe.learning_rate * scale.
  /// A tensor with an empty gradient is skipped, its state and its step count untouched; it does not decay either.
  /// A non-finite gradient anywhere leaves everything as it was; finding out costs one extra read of all gradients, a
  /// quarter of an SGD step's memory traffic; with clip_norm the norm's read is that one. Results do not depend on the
  /// number of threads (omp_get_max_threads() of the caller), except for what BLAS does inside msign. No allocation
  /// after the first step, except by method "svd". Throws std::invalid_argument, with nothing changed, for other
  /// tensors, a scale outside [0, inf), or if a recipe needs gradients at several points (needs_closure()).
  StepReport step(std::span<const BasicParameter<T>> parameters, double learning_rate_scale = 1.0);
  /// The same with more to say. Clipping, zeroing and rounded values cost no pass of their own in elementwise recipes:
  /// the norm is taken in the read that proves the gradients finite, the rest is part of the update. If
  /// gradients_are_finite is not true, NaN and infinity reach values and state, as the formulas have it. Throws
  /// std::invalid_argument, too, for rounded_values of another number than the parameters, or with T = double.
  StepReport step(std::span<const BasicParameter<T>> parameters, const StepOptions& options);

  /// One step that computes its own gradients: `compute_gradients` must overwrite the gradients of `parameters` by
  /// those of ONE mini-batch, the same in all calls of a step, at the values at the time of the call. It is called once
  /// for each point that the recipes ask for; the current point comes last unless only other points are needed, as for
  /// Extrapolation. Meanwhile the values hold the point; afterwards, and if `compute_gradients` throws, they are what
  /// they were, bit for bit. Optimizers that need no closure call it once and take a plain step.
  StepReport step(std::span<const BasicParameter<T>> parameters, const std::function<void()>& compute_gradients,
                  double learning_rate_scale = 1.0);
  [[nodiscard]] bool needs_closure() const;

  [[nodiscard]] const OptimizerSpec& spec() const;
  [[nodiscard]] std::int64_t steps_done() const;
  [[nodiscard]] std::vector<ParameterPlan> explain() const;

  /// What has been done since construction (saved states do not hold it).
  [[nodiscard]] OptimizerCounters counters() const;
  /// Lets the next step that is taken measure its update and its angle to the momentum, which costs one copy of the
  /// values in time and memory.
  void measure_next_step();

  /// Everything needed to continue bit-equally: tensors "<parameter>/momentum", "/second_moment", ... and, where a
  /// recipe counts them, "/steps"; metadata "optimizer", "format_version", "steps" and "recipe".
  [[nodiscard]] StateDict state() const;
  /// Throws std::invalid_argument (and changes nothing) if `state` is of another optimizer, of other estimators or
  /// directions, of other shapes or numbers, incomplete, holds more than this, or NaN, or negative squares. Learning
  /// rates and decays may differ.
  void load_state(const StateDict& state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace normdescent
