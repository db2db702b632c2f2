// SPDX-License-Identifier: Apache-2.0
// Expected speed-up over SGD of each optimizer, from a probe alone, with an interval and the measurement that decided.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "normdescent/predict/models.hpp"

namespace normdescent {

// Errors of log2(speed-up), in addition to the disagreement of the models. They are judgments, and the intervals are
// NOT calibrated: that takes races on problems that were not used to choose them.

/// One standard deviation of a geometry's forecast that no measurement explains: a factor 1.5, the median error that a
/// useful predictor should reach.
inline constexpr double kModelError = 0.585;
/// Between optimizers of one geometry, which theory gives the same rate (momentum, adaptivity): a factor 1.2.
inline constexpr double kVariantError = 0.263;
/// Where every model is silent: a factor 2 either way.
inline constexpr double kIgnoranceError = 1.0;

struct ModelOpinion {
  std::string model;
  double weight = 0.0;
  double speedup = 1.0;  ///< geometric mean over probes
};

struct SpeedupPrediction {
  std::string optimizer;
  double speedup_vs_sgd = 1.0;  ///< median
  double low = 1.0;             ///< 80% interval
  double high = 1.0;
  double probability_best = 0.0;
  std::string decided_by;  ///< the model that moved it most; empty if all were silent
  std::string because;     ///< the measured quantity behind that, in plain words
  std::vector<ModelOpinion> opinions;
};

struct Prediction {
  std::vector<SpeedupPrediction> optimizers;  ///< in the order of the entrants
  std::string favourite;                      ///< largest probability of being best; empty without entrants
  std::string decided_by;                     ///< one sentence in plain words
  /// {"prediction": [...], "decided_by": "..."}
  [[nodiscard]] std::string to_json() const;
};

struct PredictOptions {
  RunPlan plan = {};
  int draws = 20'000;  ///< Monte Carlo draws for the probabilities, >= 1
  std::uint64_t seed = 1;
};

/// Combines the models' opinions as the weighted mean of log2(speed-up) over models and probes (several: e.g. of
/// different initial seeds).
///
///   sd^2 = (standard error of that mean, from the opinions' spread)^2 + kModelError^2, both shared by a geometry,
///        + kVariantError^2 of each entrant
///
/// The interval is the normal 80% one; probability_best is the share of joint draws in which the entrant's speed-up is
/// largest; plain SGD's is 1 always. Throws std::invalid_argument for draws < 1 or a negative plan.
[[nodiscard]] Prediction predict(std::span<const ProbeReport> probes, std::span<const Entrant> entrants,
                                 const PredictOptions& options = {});

}  // namespace normdescent
