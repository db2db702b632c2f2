// SPDX-License-Identifier: Apache-2.0
#include "derived_measurements.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "normdescent/probe/critical_batch.hpp"

namespace normdescent::probe_detail {
namespace {

// Relative errors of the sampled coordinates carry over to the sums over all of them. 0: none of this geometry.
Estimate with_error(double value, const Estimate& sampled) {
  const bool known = std::isfinite(sampled.standard_error) && sampled.value > 0.0;
  return {value, known ? std::abs(value) * sampled.standard_error / sampled.value : 0.0};
}

// Whether the statistics of coordinates say all of this geometry: it covers no tensor, or it is an inner product.
bool is_of_coordinates(const GeometryReport& m) {
  return m.geometry.is_inner_product() || std::ranges::none_of(m.tensors, &TensorInGeometry::is_covered);
}

// Of the part of a noise scale that coordinates tell, as if all these tensors erred together. Scales of rows and
// columns err as those of coordinates do, at most.
double error_of_coordinates(const GeometryReport& m, const ProbeReport& report) {
  const bool covered_too = m.geometry.noise_statistic() == NoiseStatistic::coordinates;
  double error = 0.0;
  for (std::size_t t = 0; t < report.per_parameter.size() && t < report.sampled.tensors.size(); ++t) {
    const NoiseSummary& noise = report.per_parameter[t].noise;
    if (!m.tensors[t].is_covered) {
      error += with_error(noise.l1, report.sampled.tensors[t].l1).standard_error;
    } else if (covered_too && noise.dimension > 0) {
      const double factor =
          m.geometry.shape_scale(report.per_parameter[t].parameter.rows(), report.per_parameter[t].parameter.cols());
      error += factor * with_error(m.tensors[t].noise_scale, report.sampled.tensors[t].l1).standard_error;
    }
  }
  return error;
}

// At the start. That of other statistics is there, from groups of their samples.
void set_noise_scale_error(GeometryReport& m, const ProbeReport& report) {
  const SampledNoise& sampled = report.sampled.total;
  if (is_of_coordinates(m)) {
    m.noise_scale_error =
        with_error(m.noise_scale, m.geometry.is_inner_product() ? sampled.l2 : sampled.l1).standard_error;
  } else {
    m.noise_scale_error = std::hypot(m.noise_scale_error, error_of_coordinates(m, report));
  }
}

void set_critical_batch(GeometryReport& m, const SampledNoise& sampled, double batch_size) {
  Estimate noise{m.noise_scale, 0.0};
  Estimate gradient{m.gradient_norm, 0.0};
  if (m.geometry.is_inner_product()) {
    noise = with_error(m.noise_scale, sampled.l2);
    gradient = with_error(m.gradient_norm, sampled.gradient_l2_squared);
    gradient.standard_error *= 0.5;  // of the root
  } else if (is_of_coordinates(m)) {
    noise = with_error(m.noise_scale, sampled.l1);
    gradient = with_error(m.gradient_norm, sampled.gradient_l1);
  }
  m.critical_batch = critical_batch(noise, gradient, batch_size);
}

void add_growth(ProbeReport& report) {
  for (const GeometryReport& start : report.start.geometries) {
    std::vector<AffinePoint> noise;
    std::vector<AffinePoint> smoothness;
    const auto add = [&](const PointReport& point) {
      const GeometryReport* m = point.find(start.geometry);
      if (m == nullptr) return;
      noise.push_back({m->gradient_norm * m->gradient_norm, m->noise_scale * m->noise_scale});
      if (m->smoothness.constant.value > 0.0) smoothness.push_back({m->gradient_norm, m->smoothness.constant.value});
    };
    add(report.start);
    for (const PilotReport& pilot : report.pilots) add(pilot.end);
    report.growth.push_back({start.geometry, fit_affine(noise), fit_affine(smoothness)});
  }
}

// Of every tensor, over the points at which it was seen.
void add_growth_of_tensors(ProbeReport& report) {
  const auto in_spectral = [](const PointReport& point, std::size_t t) -> const TensorInGeometry* {
    const GeometryReport* m = point.find(geometries::spectral());
    return m != nullptr && t < m->tensors.size() && m->tensors[t].is_covered ? &m->tensors[t] : nullptr;
  };
  for (std::size_t t = 0; t < report.per_parameter.size(); ++t) {
    ParameterNoise& parameter = report.per_parameter[t];
    std::vector<AffinePoint> noise;
    std::vector<AffinePoint> matrix;
    const auto add = [&](const PointReport& point) {
      if (t >= point.tensors.size()) return;
      const TensorAtPoint& at = point.tensors[t];
      noise.push_back({at.gradient_l2_squared, at.noise_l2 * at.noise_l2});
      if (const TensorInGeometry* s = in_spectral(point, t)) {
        matrix.push_back({s->gradient_norm * s->gradient_norm, s->noise_scale * s->noise_scale});
      }
    };
    add(report.start);
    for (const PilotReport& pilot : report.pilots) add(pilot.end);
    parameter.noise_growth = fit_affine(noise);
    const TensorInGeometry* const spectral = in_spectral(report.start, t);
    if (spectral == nullptr) {
      parameter.matrix_noise_growth.reason = parameter.parameter.role == Role::matrix
                                                 ? "the spectral geometry was not measured"
                                                 : "the tensor is no matrix";
      continue;
    }
    parameter.matrix_noise_growth = fit_affine(matrix);
    const TensorAtPoint& at = report.start.tensors[t];
    if (at.gradient_l2_squared > 0.0) {
      parameter.nuclear_over_frobenius = spectral->gradient_norm / std::sqrt(at.gradient_l2_squared);
    }
  }
}

}  // namespace

void derive_measurements(ProbeReport& report) {
  const auto missing = [&](std::string quantity, const std::string& because, bool is_detail = false) {
    if (!because.empty()) report.not_measured.push_back({std::move(quantity), because, is_detail});
  };
  const auto batch = static_cast<double>(report.batch_size);
  for (GeometryReport& m : report.start.geometries) {
    set_noise_scale_error(m, report);
    set_critical_batch(m, report.sampled.total, batch);
  }
  for (PilotReport& pilot : report.pilots) {
    for (GeometryReport& m : pilot.end.geometries) set_critical_batch(m, {}, batch);
  }
  add_growth(report);
  add_growth_of_tensors(report);

  missing("noise", report.sampled.total.reason);
  for (std::size_t t = 0; t < report.sampled.tensors.size(); ++t) {
    missing("noise of " + report.per_parameter[t].parameter.name, report.sampled.tensors[t].reason, true);
  }
  missing("batch invariance", report.sampled.invariance.reason);
  if (report.tail.series == 0) missing("tail index", report.tail.explanation());
  if (report.tails.hill.exceedances == 0) {
    missing("tail index (Hill)", "it needs 16 micro-batches and 240 deviations that differ");
  }
  if (report.tails.growth.samples == 0) missing("tail index (moments)", "it needs 20 micro-batches that differ");
  for (const GeometryReport& m : report.start.geometries) {
    const std::string& name = m.geometry.name();
    if (!(m.gradient_norm > 0.0)) missing("critical batch, " + name, "the noise hides the gradient, or it is zero");
    if (!(m.smoothness.constant.value > 0.0)) {
      missing("smoothness, " + name, "the gradient is zero or not finite, or does not change along its direction");
    }
    if (!(m.one_step_gain.step_size > 0.0)) missing("one-step gain, " + name, "no step size decreased the loss");
  }
  for (const GeometryReport& m : report.start.geometries) {
    if (is_of_coordinates(m)) continue;
    missing("error of the " + m.geometry.name() + " gradient norm and critical batch",
            "it needs the mean gradients of several groups of micro-batches, a copy of the gradients each", true);
  }
  missing("Hessian products", report.hessian.step == 0.0 && report.hessian.reason.empty()
                                  ? "a thorough probe has them, which was not asked for"
                                  : report.hessian.reason);
  for (const GeometryGrowth& growth : report.growth) {
    missing("growth of noise, " + growth.geometry.name(), growth.noise.reason, true);
    missing("growth of smoothness, " + growth.geometry.name(), growth.smoothness.reason, true);
  }
}

}  // namespace normdescent::probe_detail
