// SPDX-License-Identifier: Apache-2.0
// What a probe measured. Plain data; the default value says "not run".
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "normdescent/base/parameter.hpp"
#include "normdescent/norms/geometry.hpp"
#include "normdescent/probe/hessian.hpp"
#include "normdescent/probe/local_geometry.hpp"
#include "normdescent/probe/matrix_noise.hpp"
#include "normdescent/probe/noise.hpp"
#include "normdescent/probe/pilot.hpp"
#include "normdescent/probe/sample_statistics.hpp"
#include "normdescent/statistics/affine_fit.hpp"
#include "normdescent/statistics/tail_comparison.hpp"
#include "normdescent/statistics/tail_index.hpp"

namespace normdescent {

enum class ProbeStatus {
  not_run,
  completed,
  stopped,         ///< on request; what was measured up to then is there
  not_measurable,  ///< see ProbeReport::reason
};
[[nodiscard]] const char* to_string(ProbeStatus status);

/// One tensor in a geometry at one point.
struct TensorInGeometry {
  bool is_covered = false;     ///< whether it has the geometry's own norm; else the l1 norm's values stand here
  double noise_scale = 0.0;    ///< S_X of one training mini-batch
  double gradient_norm = 0.0;  ///< ||grad F||_{X,dual} with the noise taken out
};

/// One geometry X at one point (norms/model_geometry.hpp says what X is over a whole model).
struct GeometryReport {
  Geometry geometry = geometries::euclidean();
  std::vector<TensorInGeometry> tensors;
  double noise_scale = 0.0;        ///< S_X of one training mini-batch (theory section 1)
  double noise_scale_error = 0.0;  ///< its standard error; 0: none, as away from the start
  double noise_density = 0.0;      ///< phi_X = S_X^2 / (d S_2^2), at most 1; an inner product has d = 1
  double gradient_norm = 0.0;      ///< estimate of ||grad f||_{X,dual} with the noise taken out; 0 where noise hides it
  Smoothness smoothness;           ///< L_X along its own direction
  OneStepGain one_step_gain;       ///< theory W5
  std::vector<OneStepGain> layer_gains;  ///< of each tensor alone; empty if not asked for
  Estimate critical_batch;  ///< examples (critical_batch.hpp); NaN where not measurable; error only at the start,
                            ///< and only where the coordinates say it all: of inner products and the sign geometry
};

/// One tensor at one point; noise of one training mini-batch.
struct TensorAtPoint {
  double noise_l2 = 0.0;
  double gradient_l2_squared = 0.0;  ///< unbiased: may be negative
};

/// All that was measured at one point: the start, or the end of a pilot run.
struct PointReport {
  std::string optimizer;                   ///< of the pilot that led here; empty at the start
  std::int64_t step = 0;                   ///< of that pilot
  double loss = 0.0;                       ///< on held-out examples, the same ones at every point
  NoiseSummary noise;                      ///< of all parameters, scaled to one training mini-batch
  double noise_density_error = 0.0;        ///< standard error of noise.density
  std::vector<GeometryReport> geometries;  ///< those asked for, in that order
  std::vector<TensorAtPoint> tensors;

  /// nullptr if that geometry was not measured.
  [[nodiscard]] const GeometryReport* find(std::string_view geometry) const;
  [[nodiscard]] const GeometryReport* find(const Geometry& geometry) const { return find(geometry.name()); }
};

/// Noise of one tensor at the start, for one training mini-batch.
struct ParameterNoise {
  ParameterInfo parameter;
  NoiseSummary noise;
  MatrixNoise matrix;  ///< count 0 where the tensor is no matrix
  /// ||grad F||_nuc / ||grad F||_F in [1, r^(1/2)], of a matrix: the root of its nuclear rank. NaN where noise hides
  /// it.
  double nuclear_over_frobenius = std::numeric_limits<double>::quiet_NaN();
  /// S_2^2 against ||grad f||_2^2 over the start and the pilots' ends: sigma_0^2, sigma_1^2 (theory N3 at p = 2).
  AffineFit noise_growth;
  AffineFit matrix_noise_growth;  ///< S_nuc^2 against ||grad F||_nuc^2: the matrix condition (theory N4 at p = 2), if
                                  ///< the spectral geometry was asked for
};

/// What growth of noise and curvature with the gradient was seen from the start to the ends of the pilots.
struct GeometryGrowth {
  Geometry geometry = geometries::euclidean();
  AffineFit noise;  ///< S_X^2 against ||grad f||_{X,dual}^2: sigma_0^2, sigma_1^2 (for spectral: theory N4 at p = 2)
  AffineFit smoothness;  ///< L_X against ||grad f||_{X,dual}: L_0, L_1
};

struct NotMeasured {
  std::string quantity;
  std::string because;
  bool is_detail = false;  ///< of one tensor, or an error: for lists, not for summaries
};

/// A short run and what was measured at its end.
struct PilotReport {
  PilotKind kind;
  PilotRun run;
  PointReport end;  ///< without one-step gains
};

struct ProbeReport {
  ProbeStatus status = ProbeStatus::not_run;
  std::string reason;  ///< of stopped and not_measurable
  Index dimension = 0;
  std::uint32_t batch_size = 0;        ///< of training, to which all noise is scaled
  std::uint32_t micro_batch_size = 0;  ///< at which noise was measured
  PointReport start;
  std::vector<PilotReport> pilots;
  TailIndex tail;                 ///< of coordinates' noise, at the micro-batch size
  TailIndex tail_of_projections;  ///< of random sums of coordinates
  std::vector<ParameterNoise> per_parameter;
  SampleStatistics sampled;  ///< at the start, of single micro-batches: standard errors, sign agreement, invariance
  TailComparison tails;      ///< tail beside Hill's and the growth of moments
  HessianReport hessian;     ///< at the start; step 0 if not asked for
  std::vector<GeometryGrowth> growth;
  std::vector<NotMeasured> not_measured;  ///< every quantity that is missing, and why
  std::int64_t gradient_examples = 0;     ///< examples that went through a gradient
  std::int64_t loss_examples = 0;         ///< examples that went through a loss alone
  double seconds = 0.0;

  [[nodiscard]] std::string one_line() const;
  /// One JSON object: dimension, noise_density, noise_l1, noise_l2, tail_index, smoothness {l2, linf, spectral},
  /// one_step_gain, per_parameter, pilot, and what else there is; null where nothing was measured.
  [[nodiscard]] std::string to_json() const;
};

}  // namespace normdescent
