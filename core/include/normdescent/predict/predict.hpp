// SPDX-License-Identifier: Apache-2.0
// Expected speed-up over SGD of each optimizer, with an interval and the measurement that decided: from a probe alone,
// or, calibrated by races, from a probe and a short race.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "normdescent/predict/calibration.hpp"
#include "normdescent/predict/evidence.hpp"
#include "normdescent/predict/models.hpp"

namespace normdescent {

// Errors of log2(speed-up) of a prediction from a probe alone, in addition to the disagreement of the models. They are
// judgments, and such intervals are NOT calibrated.

/// One standard deviation of a geometry's forecast that no measurement explains: a factor 1.5, the median error that a
/// useful predictor should reach.
inline constexpr double kModelError = 0.585;
/// Between optimizers of one geometry, which theory gives the same rate (momentum, adaptivity): a factor 1.2.
inline constexpr double kVariantError = 0.263;
/// Where every model is silent: a factor 2 either way.
inline constexpr double kIgnoranceError = 1.0;
/// Ends of the central 80% of a normal.
inline constexpr double kNormalQuantile90 = 1.2815515655446004;

struct ModelOpinion {
  std::string model;
  double weight = 0.0;
  double speedup = 1.0;  ///< geometric mean over probes
};

/// A median with its 80% interval.
struct PredictedRange {
  double value = 1.0;
  double low = 1.0;
  double high = 1.0;
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
  std::optional<PredictedRange> over_adamw;     ///< calibrated predictions alone have it
  std::optional<PredictedRange> learning_rate;  ///< suggested for the whole run, from the short race's best
};

/// The medians at another batch size, with the probe's and the short race's measurements held.
struct BatchPoint {
  double batch_size = 0.0;
  std::vector<double> speedups;  ///< over SGD, in the order of the entrants
};

/// Below it a geometry's cost is limited by noise, above it further examples are wasted (theory W7), in examples.
struct CriticalBatch {
  Geometry geometry = geometries::euclidean();
  double batch_size = 0.0;
};

struct Prediction {
  std::vector<SpeedupPrediction> optimizers;  ///< in the order of the entrants
  std::string favourite;                      ///< largest probability of being best; empty without entrants
  std::string decided_by;                     ///< one sentence in plain words
  bool is_calibrated = false;                 ///< intervals and probabilities come from races on other problems
  std::vector<BatchPoint> batch_curve;        ///< calibrated predictions alone have it
  std::vector<CriticalBatch> critical_batches;
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

/// The calibrated prediction: the regression of each optimizer on the features, intervals and probabilities from its
/// errors on problems that it was not fitted on (spread.hpp); the probability of being best from predicted standings.
/// Optimizers that took no part in the races keep their prediction from the probe alone. So does all of it without a
/// short race of SGD, or without a calibration.
[[nodiscard]] Prediction predict_from_evidence(const Evidence& evidence, std::span<const Entrant> entrants,
                                               const PredictOptions& options = {},
                                               const Calibration& calibration = shipped_calibration());

/// Each geometry's critical batch at the start; none where gradient or noise was not measured.
[[nodiscard]] std::vector<CriticalBatch> critical_batches(const ProbeReport& probe);

}  // namespace normdescent
