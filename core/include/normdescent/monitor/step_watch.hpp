// SPDX-License-Identifier: Apache-2.0
// What the optimizer's own steps meet during training: curvature along them and what they gain, read at sampled
// coordinates from one micro-batch at both ends of a step.
//
// Legend   d = x_{t+1} - x_t   s_0 = <grad f(x_t), d>   s_1 = <grad f(x_{t+1}), d>   s_1 - s_0 = d^T H d, H the mean
//          Hessian along d
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/numbers.hpp"
#include "normdescent/base/state_dict.hpp"
#include "normdescent/probe/gradient_sample.hpp"
#include "normdescent/probe/noise.hpp"

namespace normdescent {

/// Over the newest steps that were measured. NaN: not measured, as is a standard error of a single step.
struct StepEffect {
  std::int64_t steps = 0;
  Estimate gain{kNaN, kNaN};            ///< f(x_t) - f(x_{t+1}), mean
  Estimate curvature_l2{kNaN, kNaN};    ///< sum (s_1 - s_0) / sum ||d||_2^2: at most the smoothness L_2 (E8)
  Estimate curvature_linf{kNaN, kNaN};  ///< the same against ||d||_inf^2: at most L_inf
  Estimate best_multiple{kNaN, kNaN};  ///< -sum s_0 / sum (s_1 - s_0): of the step, for the largest gain on a quadratic
  Estimate best_gain{kNaN, kNaN};  ///< (sum s_0)^2 / (2 n sum (s_1 - s_0)): that gain, the one-step gain along the step
  std::string reason{};            ///< why all or part is missing
};

/// The micro-batch must have no part in the step it judges: then gain and s_1 - s_0 are unbiased, and s_0 is not
/// lowered by the noise that the step followed.
///
/// Memory    two rows of the chosen coordinates.
/// Cost      two gradients of a micro-batch beyond training's, for each step that is measured.
/// Bias      ||d||_inf is the largest of the chosen coordinates, so curvature_linf may be too large, except for steps
///           of equal size in all coordinates. Ratios of means, by steps, are biased by 1/n of their spread.
class StepWatch {
 public:
  static constexpr std::size_t kWindow = 8;  ///< steps that a report is about: the newest

  /// Chosen coordinates of the point and of the micro-batch's gradient there, and its loss: before the step.
  void before(std::span<const float> point, std::span<const float> gradient, double loss);
  /// The same micro-batch after the step. What is not finite, and a step that moved nothing, is left out. Without
  /// `before` since the last call: std::logic_error.
  void after(const CoordinateChoice& choice, std::span<const float> point, std::span<const float> gradient,
             double loss);
  [[nodiscard]] bool is_waiting() const { return !point_.empty(); }  ///< for `after`
  [[nodiscard]] StepEffect report() const;

  /// Adds what later reports depend on, under names that begin with "step_".
  void save(StateDict& state) const;
  /// Throws std::invalid_argument, and changes nothing, if `state` is not of `coordinates` chosen ones.
  void load(const StateDict& state, std::size_t coordinates);

 private:
  struct Step {
    double gain = 0.0;
    double slope = 0.0;      // s_0
    double curvature = 0.0;  // s_1 - s_0
    double squared_length = 0.0;
    double largest_squared = 0.0;
  };
  [[nodiscard]] StepEffect effect(std::size_t deleted) const;

  std::vector<Step> steps_;
  std::vector<float> point_;
  std::vector<float> gradient_;
  double loss_ = 0.0;
};

}  // namespace normdescent
