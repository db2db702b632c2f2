// SPDX-License-Identifier: Apache-2.0
// Learning rates that mean the same step in the conventions of different implementations of Muon, and where to start
// from AdamW's settings. Reading a rate without its convention is wrong by up to an order of magnitude: for 768 x 3072
// the scales of "moonlight" and "jordan" are 11.1 and 1.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/optimizers/recipe.hpp"

namespace normdescent {

/// How somebody scales the step and the decay of an m x n matrix, m = fan-out.
struct LearningRateConvention {
  std::string name;
  ShapeScale shape_scale = ShapeScale::none;
  double factor = 1.0;                          ///< on the step, besides shape_scale
  DecayForm decay_form = DecayForm::decoupled;  ///< decoupled or scaled
  std::string used_by;
};
[[nodiscard]] std::span<const LearningRateConvention> learning_rate_conventions();
/// Throws std::invalid_argument with the nearest name and the list.
[[nodiscard]] const LearningRateConvention& learning_rate_convention(std::string_view name);

struct RateAndDecay {
  double learning_rate = 0.0;
  double decoupled_decay = 0.0;
};
/// The rate and the decay with which `to` takes the step that `from` takes with `given`: eta s and the factor on the
/// weights stay what they are. Exact for msign of the same momentum; EMA and heavy ball, Nesterov or not, need no
/// conversion of the rate, since msign does not see the momentum's size.
/// Throws std::invalid_argument for a rate or a decay outside [0, inf) or a shape that is not positive.
[[nodiscard]] RateAndDecay convert_lr(const RateAndDecay& given, const LearningRateConvention& from,
                                      const LearningRateConvention& to, Index fan_out, Index fan_in);

/// A first guess for an optimizer of the catalog from a tuned AdamW, with the range in which experience scatters.
struct StartingPoint {
  std::string optimizer;
  double low = 0.0;
  double learning_rate = 0.0;
  double high = 0.0;
  std::string reason;
};
/// `learning_rate` and the decay of AdamW belong together; keep eta lambda when the rate changes.
/// Throws std::invalid_argument for a rate outside [0, inf).
[[nodiscard]] std::vector<StartingPoint> starting_points(double adamw_learning_rate);

}  // namespace normdescent
