// SPDX-License-Identifier: Apache-2.0
// What a step along a geometry's own direction meets at the current point: curvature (secant) and gain (line search).
// Every function here needs two or three copies of the parameters, moves them, and returns them bit-equally; gradients
// are overwritten.
//
// Legend   X geometry   g stochastic gradient   d = D_X(g) its dual direction, ||d||_X = 1   a step size
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "normdescent/norms/model_geometry.hpp"
#include "normdescent/probe/noise.hpp"
#include "normdescent/training/problem.hpp"

namespace normdescent {

/// Hands out consecutive, never repeated ranges of one stream of examples.
class BatchSource {
 public:
  explicit BatchSource(std::uint64_t stream) : stream_(stream) {}
  [[nodiscard]] Batch next(std::uint32_t count) {
    const Batch batch{stream_, position_, count};
    position_ += count;
    return batch;
  }

 private:
  std::uint64_t stream_;
  std::uint64_t position_ = 0;
};

/// How many examples and repetitions local measurements take.
struct LocalOptions {
  std::uint32_t direction_batch = 1;  ///< examples of the gradient that gives the direction
  std::uint32_t held_out_batch = 1;   ///< examples that judge it, independent of the former
  int search_repetitions = 2;         ///< directions over which the step size is chosen
  int repetitions = 3;                ///< fresh directions and batches from which the value and its error come
};

/// The best decrease along d, judged on examples that d does not know.
struct OneStepGain {
  Estimate gain;           ///< E f(x) - f(x - a d), at the step size below; 0 where no step size decreased f
  double step_size = 0.0;  ///< a of the unit direction
  /// a as the optimizer counts it: a / E||g|| for an inner product (SGD), a itself elsewhere.
  double learning_rate = 0.0;
  /// The smallest a with f(x) - f(x - a d) = a/2 <grad f, d>: the best one on a quadratic, hence the length over which
  /// the curvature at x lasts. Steady where step_size is not: f along d may have a second, wider valley. 0: none found.
  double half_slope_step = 0.0;
};

/// Theory W5 without a model of the curvature, so that negative curvature stays defined: f(x - a d) is evaluated on a
/// grid of factor 2 in a, from where f is nearly linear to where it rises by as much as it ever fell, and averaged over
/// the search directions; a parabola through the best three ends it. On a quadratic this is <grad, d>^2 / (2 d^T H d).
/// The value comes from fresh batches, so choosing a does not bias it. Cost, with defaults: about 6 gradients and 30
/// losses on held-out batches.
[[nodiscard]] OneStepGain measure_one_step_gain(Objective& objective, ModelGeometry& geometry, BatchSource& batches,
                                                const LocalOptions& options, std::stop_token stop = {});

/// Secant constants at x and x - a d, with the same examples at both points (theory E8; with different ones noise adds
/// up to 2 S_X / (sqrt(B) a)).
struct Smoothness {
  Estimate constant;   ///< ||grad f(x) - grad f(x - a d)||_{X,dual} / a: at most L_X; what this path meets of it
  Estimate curvature;  ///< <grad f(x) - grad f(x - a d), d> / a: signed, d^T H d on a quadratic
  /// a/2 <grad f(x) + grad f(x - a d), d> of each tensor: what it adds to the gain of the step, by the trapezoid rule.
  /// Their sum is f(x) - f(x - a d) on a quadratic, with all cross terms between tensors.
  std::vector<double> tensor_gains;
};

/// Means over `options.repetitions` independent directions. `step_size` > 0. Cost: 3 gradients each.
[[nodiscard]] Smoothness measure_smoothness(Objective& objective, ModelGeometry& geometry, double step_size,
                                            BatchSource& batches, const LocalOptions& options,
                                            std::stop_token stop = {});

/// The same for several geometries, one step size each. They share the gradients at x, so that they compare pairwise,
/// and the cost is 2 + geometries gradients a repetition. Memory: 2.5 copies of the parameters.
[[nodiscard]] std::vector<Smoothness> measure_smoothness(Objective& objective, std::span<ModelGeometry> geometries,
                                                         std::span<const double> step_sizes, BatchSource& batches,
                                                         const LocalOptions& options, std::stop_token stop = {});

}  // namespace normdescent
