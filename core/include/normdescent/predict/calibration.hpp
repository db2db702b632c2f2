// SPDX-License-Identifier: Apache-2.0
// The combined predictor: for every optimizer a regression of its measured log2(speed-up) on the features, and the
// errors that it makes on problems that it was not fitted on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "normdescent/predict/gaussian_process.hpp"
#include "normdescent/predict/spread.hpp"

namespace normdescent {

/// What one optimizer showed on one problem: features before the race, the rest measured in it.
struct Observation {
  std::string optimizer;
  std::vector<double> features;  ///< feature_values()
  double over_sgd = 0.0;         ///< log2(speed-up); NaN: not measured
  double over_adamw = 0.0;
  double standing = 0.0;    ///< closeness() of its mean final loss; NaN: unknown
  double rate_ratio = 0.0;  ///< log10(best rate of the race / best rate of the short race); NaN: not measured
};

/// All optimizers on one problem; every problem names the same ones in the same order.
struct Example {
  std::string problem;
  std::vector<Observation> optimizers;
};

struct OptimizerCalibration {
  std::string optimizer;
  KernelModel over_sgd;
  KernelModel over_adamw;
  KernelModel standing;  ///< who ends lower: a fast start makes a speed-up, but no low final loss
  KernelModel rate_ratio;
  std::vector<double> errors_over_sgd;  ///< left-out errors, one a problem; NaN: not measured
  std::vector<double> errors_over_adamw;
  std::vector<double> errors_standing;
  std::vector<double> errors_rate_ratio;
};

struct Calibration {
  std::vector<std::string> problems;
  std::vector<OptimizerCalibration> optimizers;

  /// nullptr for an optimizer that took no part in the races.
  [[nodiscard]] const OptimizerCalibration* find(const std::string& optimizer) const;
};

/// Share of its log2 lead, or of its closeness, in the short race that an optimizer is expected to keep in the whole
/// one, before any fit.
inline constexpr double kShortRacePrior = 0.5;

/// Fits a Gaussian process a target and optimizer. Signal and noise are shared by all optimizers of one target and
/// maximise their likelihood over a grid. Prior: kShortRacePrior on the short race's speed-up and closeness, 0 on all
/// else. Left-out errors are NOT filled in. Throws std::invalid_argument if the examples name different optimizers, or
/// have other features than features() says.
[[nodiscard]] Calibration fit_coefficients(std::span<const Example> examples);

/// fit_coefficients, and the errors on each example of a fit on all others.
[[nodiscard]] Calibration fit_calibration(std::span<const Example> examples);

/// What the races of docs/scoreboard.md showed (shipped_examples.cpp, made by `normdescent scoreboard --fit DIR`).
[[nodiscard]] const std::vector<Example>& shipped_examples();
/// fit_calibration of them; the first call takes 0.12 s.
[[nodiscard]] const Calibration& shipped_calibration();

}  // namespace normdescent
