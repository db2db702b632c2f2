// SPDX-License-Identifier: Apache-2.0
// Noise and signal during training, from the micro-batches that gradient accumulation computes anyway; and what steps
// meet, from a micro-batch more at both of their ends.
//
//   TrainingMonitor monitor(parameters);
//   for each step:  for each micro-batch:  gradients of it;  monitor.observe_micro_batch(parameters);
//                   monitor.end_step();    now and then:     monitor.report().to_json()
//   in some steps:  gradients and loss of a micro-batch that is not of this step;
//                   monitor.observe_before_step(parameters, loss);  the step;
//                   gradients and loss of it once more;  monitor.observe_after_step(parameters, loss);
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "normdescent/base/state_dict.hpp"
#include "normdescent/monitor/spectral_watch.hpp"
#include "normdescent/monitor/step_watch.hpp"
#include "normdescent/probe/sample_statistics.hpp"
#include "normdescent/statistics/affine_fit.hpp"
#include "normdescent/statistics/tail_comparison.hpp"

namespace normdescent {

struct MonitorOptions {
  Index coordinates = 8192;  ///< that are read of each gradient, >= 1; at least 16 of each tensor
  int window = 64;           ///< micro-batches that a report is about, >= 2: the newest
  int matrix_every = 8;      ///< steps between measurements of one matrix's spectral noise, in turn; 0: none
  std::uint64_t seed = 1;    ///< of the choice of coordinates
  std::vector<Geometry> geometries = builtin_geometries();  ///< in which the noise of matrices is measured
};

struct MonitorReport {
  SampleStatistics statistics;  ///< of single micro-batches
  std::int64_t step = 0;        ///< steps observed since the monitor began
  double step_size = 0.0;       ///< micro-batches a step, mean over the window
  Estimate critical_l2;         ///< critical batch size in micro-batches, euclidean (critical_batch.hpp)
  Estimate critical_sign;       ///< in l1, the norm of sign methods
  SpectralNoise spectral;       ///< of single micro-batches
  StepEffect step_effect;       ///< of the steps that were observed at both ends
  TailComparison tails;         ///< without block sums: residuals of short steps add up to zero
  AffineFit noise_growth;       ///< S_2^2 against ||grad f||_2^2 over the reports so far: sigma_0^2 and sigma_1^2

  /// One object; null where nothing was measured, "because" saying why.
  [[nodiscard]] std::string to_json() const;
};

/// Memory    window x coordinates floats (2 MiB with defaults), whatever the model's size, and one matrix's share of
///           SpectralWatch.
/// Cost      a micro-batch: `coordinates` reads, 0.09 ms for GPT-2 124M with defaults. A report: 28 passes over the
///           window, 0.08 s; with a window of 16 0.008 s (bench/training_monitor.cpp, one core of an AMD EPYC). In one
///           of `matrix_every` steps that of SpectralWatch; in steps observed at both ends that of StepWatch.
/// Not here  curvature along other directions than the optimizer's: that needs steps on trial (probe.hpp).
class TrainingMonitor {
 public:
  /// Throws std::invalid_argument for options outside their domain.
  explicit TrainingMonitor(std::span<const Parameter> parameters, const MonitorOptions& options = {});
  TrainingMonitor(std::span<const ParameterInfo> tensors, const MonitorOptions& options);

  /// `weight` is the factor that the loss carried, e.g. 1/n where n micro-batches add up to their mean.
  void observe_micro_batch(std::span<const Parameter> parameters,
                           ObservedGradient content = ObservedGradient::micro_batch, double weight = 1.0);
  /// The same from the chosen coordinates and the gradient of the tensor `watched()`, for gradients that live
  /// elsewhere.
  void observe_coordinates(std::span<const float> values, ObservedGradient content, double weight,
                           std::span<const float> watched_gradient = {});
  [[nodiscard]] const CoordinateChoice& choice() const { return choice_; }
  /// Gradients and loss, at both ends of a step, of a micro-batch that has no part in it (step_watch.hpp).
  /// The gradients are of that micro-batch alone, its loss unweighted. Without observe_before_step since the last call,
  /// observe_after_step throws std::logic_error.
  void observe_before_step(std::span<const Parameter> parameters, double loss);
  void observe_after_step(std::span<const Parameter> parameters, double loss);
  /// The same from chosen coordinates of values and gradients.
  void observe_before_step(std::span<const float> point, std::span<const float> gradient, double loss);
  void observe_after_step(std::span<const float> point, std::span<const float> gradient, double loss);
  [[nodiscard]] bool awaits_after_step() const { return steps_.is_waiting(); }

  /// The tensor whose spectral noise this step measures; none in most steps.
  [[nodiscard]] std::optional<std::size_t> watched() const;

  /// The parameters move now: micro-batches before and after are not compared with each other.
  void end_step();
  /// Of the micro-batches in the window. Adds a point to noise_growth.
  [[nodiscard]] MonitorReport report();

  /// All that reports depend on but the options: a monitor with the same tensors and options that loads it goes on as
  /// this one would.
  [[nodiscard]] StateDict state() const;
  /// Throws std::invalid_argument, and changes nothing, if `state` is not of a monitor with as many coordinates.
  void load_state(const StateDict& state);

 private:
  void drop_old_rows();

  MonitorOptions options_;
  CoordinateChoice choice_;
  SpectralWatch watch_;
  StepWatch steps_;
  GradientSample sample_;
  std::vector<float> row_;
  std::vector<float> point_;
  std::vector<float> accumulated_;
  std::int64_t step_ = 0;
  std::vector<AffinePoint> growth_;
};

}  // namespace normdescent
