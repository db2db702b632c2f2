// SPDX-License-Identifier: Apache-2.0
// The models that forecast a speed-up over SGD from a probe: small, separate, and side by side, so that races can
// say which of them deserves trust. Each may stay silent about what it says nothing of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "normdescent/norms/geometry.hpp"
#include "normdescent/probe/report.hpp"

namespace normdescent {

/// What a prediction needs to know of an optimizer: how its direction is made, not its numbers.
struct Entrant {
  std::string name;
  Geometry geometry = geometries::euclidean();
  bool is_normalized = true;  ///< false for plain SGD alone: its step scales with the gradient

  [[nodiscard]] bool is_plain_sgd() const { return geometry.is_inner_product() && !is_normalized; }
};

/// The training run that the prediction is about.
struct RunPlan {
  std::int64_t steps = 0;   ///< 0: unknown; start and pilot ends then weigh the same
  double batch_size = 0.0;  ///< 0: the one of the probe
};

/// One model: log2(steps that SGD needs / steps that the entrant needs), for the same loss.
struct SpeedupModel {
  const char* name;
  double weight;  ///< in the combination; 0: reported, not used
  std::optional<double> (*log2_speedup)(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan);
  /// The measured quantity behind it, as the first half of a sentence.
  std::string (*because)(const ProbeReport& probe, const Entrant& entrant, const RunPlan& plan);
};

/// density           1/phi_X of the noise (theory W1 sign, W3 spectral): the noise term of the worst-case ratio
/// matched-accuracy  ratio of L_X/||grad f||_X^2 (1 + B_X/B) (W6 in both regimes, weighed by W7's critical batch B_X)
/// pilot-curves      steps to the same smoothed loss in the pilots; twice the weight of the others, because it alone
///                   watches the loss fall. Likely too low where long runs differ more than their first steps
/// local-gain        ratio of one-step gains (W5); weight 0, because a greedy gain rewards progress along sharp
///                   directions: after initialization it ranks SGD above the sign methods that then win
/// The first two take the log-average over points: the start stands for the first `pilot steps` of the plan's steps,
/// the pilots' ends for the rest. The density model uses SGD's pilot alone, since W1 counts SGD's samples on SGD's
/// path. Plain and normalized SGD share a geometry, so only pilot-curves tells them apart; the others are silent there.
[[nodiscard]] std::span<const SpeedupModel> speedup_models();

}  // namespace normdescent
