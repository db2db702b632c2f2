// SPDX-License-Identifier: Apache-2.0
// Everything between the gradients as they come and the estimators: evaluation at other points, l2 penalty,
// corrections, clipping. A parameter that needs none of these costs nothing: its group reads the caller's gradient.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "blocked_norm.hpp"
#include "group.hpp"
#include "normdescent/optimizers/optimizer.hpp"
#include "normdescent/optimizers/routing.hpp"
#include "normdescent/rules/corrections.hpp"
#include "normdescent/rules/executors.hpp"

namespace normdescent::optimizers {

/// The buffers that corrections keep for a parameter: "previous_gradient" for a reference to the previous batch, and
/// "previous_value" for every parameter of an optimizer with a recipe that needs a closure, since a point is all of
/// them together.
[[nodiscard]] std::vector<StateBuffer> correction_buffers(const Recipe& recipe, const ParameterInfo& parameter,
                                                          bool has_closure);

template <class T>
class GradientStage {
 public:
  /// `recipes` has one entry a parameter. The slots must have their layout and state already.
  GradientStage(const OptimizerSpec& spec, const std::vector<const Recipe*>& recipes, std::span<const Slot<T>> slots);

  [[nodiscard]] bool has_closure() const { return has_closure_; }

  /// Gradients at all points that the recipes ask for, of one mini-batch. Values are as before when this returns or
  /// throws what `compute_gradients` throws. Not called in plain steps.
  void evaluate(std::span<const BasicParameter<T>> parameters, std::span<const Slot<T>> slots, bool is_first_step,
                const std::function<void()>& compute_gradients);
  /// Penalty, corrections, from `evaluate` or the plain gradients. Changes nothing but scratch memory.
  void correct(std::span<const BasicParameter<T>> parameters, std::span<const Slot<T>> slots);
  /// Name of the first tensor that correct() left with NaN or infinity; empty: there is none. The norms that clipping
  /// needs are taken here and are the check. `is_vouched`: what is the caller's memory is not read.
  [[nodiscard]] std::string first_nonfinite(bool is_vouched);
  /// Instead of first_nonfinite(): only the norms that clipping needs. NaN and infinity then go where formulas lead.
  void take_norms();
  /// Remembers what the next step compares with. After correct(), before anything else.
  void remember(std::span<const BasicParameter<T>> parameters, std::span<Slot<T>> slots) const;
  /// Returns the smallest factor on a tensor. Tensors whose group does not fuse are rescaled here. After
  /// first_nonfinite().
  double clip();
  /// Sets the callers' gradients to 0 that no group has cleared.
  void zero(std::span<const BasicParameter<T>> parameters);

  /// What the groups step on: the caller's values with what the estimators are fed, and what of the options they do on
  /// their way.
  [[nodiscard]] std::span<const Fed<T>> fed(const StepOptions& options);

 private:
  /// Per parameter.
  struct Feed {
    const Recipe* recipe = nullptr;
    double point = 0.0;             ///< its gradient is taken at x + point (x - x_previous)
    bool has_old_gradient = false;  ///< and another one at x_previous
    int previous_value = -1;        ///< index into the slot's state, -1: none
    int previous_gradient = -1;
    bool is_fused = false;
    bool is_copied = false;       ///< a penalty or the sign of `maximize` needs memory of its own
    bool is_elsewhere = false;    // no group of this process steps it
    std::vector<T> gradient;      ///< scratch; empty: never needed
    std::vector<T> old_gradient;  ///< scratch, then the corrected gradient
    std::span<T> current;         ///< this step's gradient with its penalty; the caller's memory where possible
    std::vector<T> value;         ///< the current value while the point is another
  };

  void move_to(double point, std::span<const BasicParameter<T>> parameters, std::span<const Slot<T>> slots);
  void move_back(std::span<const BasicParameter<T>> parameters);
  void collect(double point, std::span<const BasicParameter<T>> parameters, bool is_first_step);
  void penalize(std::span<const BasicParameter<T>> parameters);

  double clip_norm_;
  bool clips_ = false;
  bool has_closure_ = false;
  bool is_evaluated_ = false;
  std::vector<Feed> feeds_;
  std::vector<double> points_;  ///< the current one, 0, last
  [[nodiscard]] bool is_callers(std::size_t i) const;

  std::vector<Fed<T>> fed_;
  BlockedNorms norms_of_;
  std::vector<std::string> names_;
  std::vector<double> factors_;
  std::vector<double> norms_;
  std::vector<rules::Task<rules::ExtrapolateRule<T>>> extrapolations_;
  std::vector<rules::Task<rules::AddScaledRule<T>>> additions_;
  std::vector<rules::Task<rules::RescaleRule<T>>> rescalings_;
};

}  // namespace normdescent::optimizers
